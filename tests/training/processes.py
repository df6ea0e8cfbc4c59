"""One process of several that train together: `python processes.py OUT`, started once for each rank.

Writes what `test_distributed.py` compares: the gradients of one step, and the state after a short training.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import allmodes
from allmodes.data.batches import Batches
from allmodes.data.dataset import Dataset
from allmodes.random import Rng
from allmodes.recipes import build
from allmodes.training import session
from allmodes.training.distributed import World, world
from allmodes.training.trainer import Trainer

# A low rate: at the recipe's own one the game multiplies a rounding error by about 5 each step.
SETTINGS = {"width": 8, "batch": 32, "rate": 1e-4}
STEPS = 20


def gradients(data: Dataset, here: World) -> dict[str, Tensor]:
    """Of each player after its first move, in double precision."""
    torch.set_default_dtype(torch.float64)
    try:
        made = build("r3gan", data.event, SETTINGS, steps=STEPS)
        made.model.fit(data.to_fit())
        batches = Batches(data, made.batch, 0, here.rank, here.size)
        next(iter(Trainer(made, batches, Rng(0, rank=here.rank, world=here.size), here)))
        return {name: p.grad.clone() for name, p in made.model.named_parameters() if p.grad is not None}
    finally:
        torch.set_default_dtype(torch.float32)


def trained(data: Dataset, out: Path) -> dict[str, dict[str, Tensor]]:
    """What this process's own trainer holds after `allmodes.train`."""
    made: list[Trainer] = []

    class Kept(Trainer):
        def __init__(self, *args: Any, **others: Any) -> None:
            super().__init__(*args, **others)
            made.append(self)

    before, session.Trainer = session.Trainer, Kept
    try:
        allmodes.train("r3gan", data, steps=STEPS, out=out, settings=SETTINGS)
    finally:
        session.Trainer = before
    return made[0].state()[0]


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    given = allmodes.load_data("ring", n=2000)
    with world() as process:
        found = {"gradients": gradients(given, process), **trained(given, folder / "run")}
        torch.save(found, folder / f"rank-{process.rank}.pt")
