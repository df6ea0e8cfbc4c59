"""Batches for training: every epoch a new order, the same order after a restart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from allmodes.data.dataset import Dataset
from allmodes.errors import UserError
from allmodes.event import Batch, Condition


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
        self._grey = dataset.grey
        self._order = self._draw(0)

    def __next__(self) -> Batch:
        begin = [self.epoch, self.offset]
        index = self._rows[self._next_index()]
        own = index.chunk(self.world)[self.rank]
        if self._grey is None:
            x = self._data.x.index_select(0, own).to(self.device)
        else:  # of the whole batch, so that N processes see the bits that one would
            grey = self._data.x.index_select(0, index).to(self.device)
            x = self._grey.draw(grey, _mixed(self.seed, *begin)).chunk(self.world)[self.rank]
        return Batch(x, self._data.condition[own].to(self.device))

    @property
    def state(self) -> dict[str, Any]:
        """The position, plain values for JSON; assign it to continue where it was read."""
        return {"epoch": self.epoch, "offset": self.offset}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self.epoch, self.offset = state["epoch"], state["offset"]
        self._order = self._draw(self.epoch)

    def _next_index(self) -> Tensor:
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
        return torch.cat(pieces)

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
    """Batches for S stacked models, [S, n, *shape]: row s is what the s-th `Batches` gives."""

    def __init__(self, orders: Sequence[Batches]) -> None:
        self.orders = tuple(orders)

    def __next__(self) -> Batch:
        rows = [next(order) for order in self.orders]
        return Batch(
            torch.stack([row.x for row in rows]),
            Condition(_stack([row.condition.labels for row in rows]), _stack([row.condition.values for row in rows])),
        )

    @property
    def state(self) -> dict[str, Any]:
        """The positions of all orders; assign it to continue where it was read."""
        return {"orders": [order.state for order in self.orders]}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        for order, position in zip(self.orders, state["orders"], strict=True):
            order.state = position


def _stack(tensors: Sequence[Tensor | None]) -> Tensor | None:
    present = [tensor for tensor in tensors if tensor is not None]
    return torch.stack(present) if present else None
