"""Batches for training: every epoch a new order, the same order after a restart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from allmodes.data.dataset import Dataset
from allmodes.errors import UserError
from allmodes.event import Batch


class Batches(Iterator[Batch]):
    """An endless iterator over the training part.

    Epoch e visits the training examples in an order drawn from (seed, e) alone, so that (epoch, offset) is the whole
    state. What is left at the end of an epoch and does not fill a batch is dropped; but where the training part is
    smaller than one batch, a batch goes on into the next epochs' orders until it is full.

    Bits that every batch draws anew (`Dataset.grey`) come from (seed, e, offset) alone too.

    Arguments:
        dataset: its training part is used.
        size: examples a batch, over all processes together.
        seed: of the orders.
        rank, world: this process gets the rank-th of `world` equal consecutive shares of every batch.
        device: where batches are to be; data that fit lie there from the start (`Dataset.resident`), others follow
            batch by batch.

    Raises:
        UserError: for a size that is not a positive multiple of `world`, or data without training examples.
    """

    def __init__(
        self,
        dataset: Dataset,
        size: int,
        seed: int,
        rank: int = 0,
        world: int = 1,
        device: torch.device | str = "cpu",
    ) -> None:
        if size < 1 or size % world:
            raise UserError(f"batch size {size} cannot be shared by {world} processes; give a multiple of {world}")
        if not len(dataset.split.train):
            raise UserError(f"{dataset.name} has {len(dataset)} examples and none for training; give more")
        self.size, self.seed, self.rank, self.world, self.device = size, seed, rank, world, torch.device(device)
        self.epoch, self.offset = 0, 0
        self._data = dataset.resident(self.device)
        self._rows = dataset.split.train.to(self._data.x.device)
        self.grey = dataset.grey
        self._order = self._draw(0)

    def __next__(self) -> Batch:
        if self.grey is None:
            return self.examples(self._share(self.rows()))
        # Of the whole batch, so that N processes see the bits that one would.
        seed, batch = self.seed_of_bits, self.examples(self.rows())
        return replace(batch, x=self.grey.draw(batch.x, seed)).map(self._share)

    @property
    def seed_of_bits(self) -> int:
        """That of the next batch, where bits are drawn anew."""
        return _mixed(self.seed, self.epoch, self.offset)

    def rows(self) -> Tensor:
        """Go on by a batch: where the examples of all processes lie in the data, [size]."""
        return self._rows[self._positions()]

    def examples(self, rows: Tensor) -> Batch:
        """Those that lie at some rows of the data, [n]; of data whose bits are drawn anew, their greys."""
        return Batch(self._data.x.index_select(0, rows), self._data.condition[rows]).to(self.device)

    def _share(self, whole: Tensor) -> Tensor:
        return whole.chunk(self.world)[self.rank]

    @property
    def state(self) -> dict[str, Any]:
        """The position, plain values for JSON; assign it to continue where it was read."""
        return {"epoch": self.epoch, "offset": self.offset}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        epoch, offset = state["epoch"], state["offset"]
        if epoch < 0 or not 0 <= offset <= len(self._rows):
            raise ValueError(f"batches at epoch {epoch} and offset {offset} of {len(self._rows)} examples")
        self.epoch, self.offset = epoch, offset
        self._order = self._draw(self.epoch)

    def _positions(self) -> Tensor:
        """Positions in the training part of the next batch of all processes, [size]."""
        n = len(self._rows)
        if n >= self.size and self.offset + self.size > n:
            self._turn()
        pieces: list[Tensor] = []
        missing = self.size
        while missing:
            if self.offset == n:
                self._turn()
            piece = self._order[self.offset : self.offset + missing]
            self.offset += len(piece)
            missing -= len(piece)
            pieces.append(piece)
        return torch.cat(pieces) if len(pieces) > 1 else pieces[0]

    def _turn(self) -> None:
        self.epoch, self.offset = self.epoch + 1, 0
        self._order = self._draw(self.epoch)

    def _draw(self, epoch: int) -> Tensor:
        order = torch.randperm(len(self._rows), generator=torch.Generator().manual_seed(_mixed(self.seed, epoch)))
        return order.to(self._rows.device)


def _mixed(*numbers: int) -> int:
    """One seed from several numbers: neighbours must not share orders, as seed + epoch would."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])


class StackedBatches(Iterator[Batch]):
    """Batches for S stacked models, [S, n, *shape]: row s is what the s-th `Batches` gives, all of one data set."""

    def __init__(self, orders: Sequence[Batches]) -> None:
        self.orders = tuple(orders)

    def __next__(self) -> Batch:
        grey = self.orders[0].grey
        seeds = [order.seed_of_bits for order in self.orders] if grey else []
        batch = self.orders[0].examples(torch.cat([order.rows() for order in self.orders])).map(self._apart)
        if grey is None:
            return batch
        return replace(batch, x=torch.stack([grey.draw(x, seed) for x, seed in zip(batch.x, seeds, strict=True)]))

    def _apart(self, x: Tensor) -> Tensor:
        return x.unflatten(0, (len(self.orders), -1))

    @property
    def state(self) -> dict[str, Any]:
        """The positions of all orders; assign it to continue where it was read."""
        return {"orders": [order.state for order in self.orders]}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        for order, position in zip(self.orders, state["orders"], strict=True):
            order.state = position
