"""How much training fits into a time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch

from allmodes.data.batches import Batches
from allmodes.data.dataset import Dataset
from allmodes.random import Rng
from allmodes.recipes import build
from allmodes.training.hardware import place, threads, threads_for
from allmodes.training.trainer import Trainer

WARM_UP = 5
"""Steps that are not timed: libraries choose their kernels in them."""
TRIAL = 0.05
"""Share of the time that the trial may take."""


def steps_within(
    recipe: str,
    data: Dataset,
    seconds: float,
    *,
    settings: Mapping[str, Any] | None = None,
    device: torch.device,
) -> int:
    """Steps of a recipe that take that long here, by the pace of a model that is thrown away; at least one.

    The pace is that of the first steps: with a setting under which later ones do more (IWAE's `evidence`) they are too
    many.
    """
    made = build(recipe, data.event, settings, steps=2**62)
    made.model.fit(data.to_fit())
    place(made.model, device)
    with threads(threads_for(made.model)):
        steps = iter(Trainer(made, Batches(data, made.batch, 0, device=device), Rng(0, device), record=False))
        for _ in range(WARM_UP):
            next(steps)
        _wait(device)
        begun, done = time.perf_counter(), 0
        while not done or time.perf_counter() - begun < TRIAL * seconds:
            next(steps)
            _wait(device)
            done += 1
        pace = (time.perf_counter() - begun) / done
    return max(1, int(seconds / pace))


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
