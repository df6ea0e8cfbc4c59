"""Large batches in pieces, and what follows a move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from allmodes.data.batches import Batches
from allmodes.data.dataset import Dataset
from allmodes.event import Batch, Condition
from allmodes.random import Rng
from allmodes.recipes import build
from allmodes.training.trainer import Trainer


class _Fixed:
    """Halves of one batch, or the whole, again and again."""

    def __init__(self, batches: list[Batch]) -> None:
        self.batches, self.next = batches, 0
        self.state: dict[str, Any] = {}

    def __next__(self) -> Batch:
        self.next += 1
        return self.batches[(self.next - 1) % len(self.batches)]


def test_two_half_batches_move_the_discriminator_as_the_whole_one(ring: Dataset) -> None:
    first = next(Batches(ring, 64, 0))
    noise = torch.randn(64, 64, generator=torch.Generator().manual_seed(0))

    def discriminator(batches: list[Batch], pieces: list[torch.Tensor]) -> dict[str, torch.Tensor]:
        made = build("gan2014", ring.event, steps=1)
        made.model.fit(ring.to_fit())
        given = iter(pieces)
        made.model.draw = lambda n, condition, rng: made.model.generator(next(given))  # type: ignore[method-assign]
        trainer = Trainer(replace(made, accumulate=len(batches)), _Fixed(batches), Rng(0))  # type: ignore[arg-type]
        player = made.model.players[0]
        trainer.move(player, batches, 1e-3)
        return {name: p.grad.clone() for name, p in player.module.named_parameters() if p.grad is not None}

    whole = discriminator([first], [noise])
    halves = discriminator([Batch(x, Condition()) for x in first.x.chunk(2)], list(noise.chunk(2)))
    for name, gradient in whole.items():
        torch.testing.assert_close(halves[name], gradient, rtol=1e-4, atol=1e-6)


def test_what_follows_a_move_is_called_after_each(ring: Dataset, make_trainer: Callable[..., Trainer]) -> None:
    trainer = make_trainer("gan2014", ring, steps=2)
    seen: list[str] = []
    trainer.model.moved = lambda player: seen.append(player.name)  # type: ignore[method-assign]
    list(trainer)
    assert seen == ["discriminator", "generator"] * 2
