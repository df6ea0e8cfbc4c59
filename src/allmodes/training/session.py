"""One sitting of a run: from where it stands to its end, or to a signal."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from allmodes.atomic import sweep
from allmodes.data.batches import Batches
from allmodes.data.dataset import Dataset
from allmodes.errors import Interrupted
from allmodes.random import Rng
from allmodes.recipes import Recipe
from allmodes.training import checkpoint
from allmodes.training.distributed import World
from allmodes.training.hardware import place
from allmodes.training.interrupt import Interrupt
from allmodes.training.run import Run
from allmodes.training.trainer import Trainer
from allmodes.training.witness import Report, Witness

KEPT = 3
"""Checkpoints of a run, the best apart."""


class Session:
    """One sitting of a run: from where it stands to its end, or to a signal."""

    def __init__(
        self,
        run: Run,
        dataset: Dataset,
        recipe: Recipe,
        device: torch.device,
        here: World,
        report: Report | None,
        note: Callable[[str], object],
    ) -> None:
        self.run, self.plan, self.here = run, run.plan, here
        recipe.model.fit(dataset.to_fit())
        place(recipe.model, device)
        batches = Batches(dataset, recipe.batch, run.plan.seed, here.rank, here.size, device)
        rng = Rng(run.plan.seed, device, rank=here.rank, world=here.size)
        self.trainer = Trainer(recipe, batches, rng, here)
        self.seconds = 0.0
        kept = run.last()
        if kept:
            for line in kept.notes:
                note(line)
            with run.fitting(kept):
                self.trainer.load(kept.tensors, kept.plain)
            self.seconds = kept.plain["seconds"]
        elif lost := run.step:
            note(f"{run.folder} was stopped at step {lost}, before its first checkpoint: it begins anew")
        self.begun = time.perf_counter()
        self.witness = None
        if here.rank == 0:
            sweep(run.folder, "metrics.jsonl")
            sweep(run.folder / "samples", "step-????????.png")
            self.witness = Witness(run, dataset, self.trainer, self._state, report, note)

    def train(self, interrupt: Interrupt) -> Run:
        plan, last, witness = self.plan, self.plan.steps, self.witness
        if witness and witness.due(self.trainer.step) and not witness.examined(self.trainer.step):
            witness.examine(self.trainer.step)
        for step in self.trainer:
            due = step == last or step % plan.checkpoint_every == 0
            logging = due or step % plan.log_every == 0
            # One process stops at once; many agree on a step when they next look at their numbers.
            ask = logging or self.here.size == 1
            stop = ask and self.here.any(bool(interrupt), self.trainer.device)
            if logging or stop:
                self._log(step)
            if due or stop:
                self._keep(step)
            if witness and witness.due(step):
                witness.examine(step)
            if stop and step < last:
                said = f"stopped at step {step} of {last}; resume: {self.run.resume}"
                raise Interrupted(said, interrupt.signal or signal.SIGTERM)
        self.here.wait()
        return self.run

    def _log(self, step: int) -> None:
        numbers = self.trainer.fetch()
        if self.witness:
            self.witness.log(step, self._elapsed, numbers)

    def _keep(self, step: int) -> None:
        self.trainer.require_finite()
        if self.witness:
            self.witness.journal.flush()
            checkpoint.save(self.run.folder, step, *self._state(), KEPT)

    @property
    def _elapsed(self) -> float:
        """Seconds of all sittings."""
        return self.seconds + time.perf_counter() - self.begun

    def _state(self) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
        tensors, plain = self.trainer.state()
        return tensors, plain | {"seconds": self._elapsed}
