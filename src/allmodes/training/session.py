"""One sitting of a run: from where it stands to its end, or to a signal."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from allmodes.atomic import sweep
from allmodes.data.batches import Batches
from allmodes.data.dataset import Dataset
from allmodes.errors import Interrupted
from allmodes.event import Batch, Condition
from allmodes.figures import save_samples
from allmodes.models.base import DensityModel
from allmodes.random import Rng
from allmodes.recipes import Recipe
from allmodes.training import checkpoint
from allmodes.training.best import Best
from allmodes.training.distributed import World
from allmodes.training.hardware import place
from allmodes.training.health import EXAMINATIONS, Health, samples_for, watch
from allmodes.training.interrupt import Interrupt
from allmodes.training.obedience import ConditionWatch, distribution
from allmodes.training.run import Journal, Run
from allmodes.training.trainer import Trainer

KEPT = 3
"""Checkpoints of a run, the best apart."""
SCORED = 1000
"""Validation examples whose density is logged."""

Report = Callable[[int, int, Mapping[str, float]], None]
"""Called with steps done, steps in all, and the numbers that were just logged."""


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
        self.run, self.plan, self.here, self.report = run, run.plan, here, report
        recipe.model.fit(dataset.to_fit())
        place(recipe.model, device)
        batches = Batches(dataset, recipe.batch, run.plan.seed, here.rank, here.size, device)
        rng = Rng(run.plan.seed, device, rank=here.rank, world=here.size)
        self.trainer = Trainer(recipe, batches, rng, here)
        self.seconds = 0.0
        kept = checkpoint.load(run.folder)
        if kept:
            for line in kept.notes:
                note(line)
            with run.fitting():
                self.trainer.load(kept.tensors, kept.plain)
            self.seconds = kept.plain["seconds"]
        self.begun = time.perf_counter()
        if here.rank == 0:
            sweep(run.folder, "metrics.jsonl")
            sweep(run.folder / "samples", "step-????????.png")
            self.journal = Journal(run.folder, self.trainer.step)
            self.dataset, self.real = dataset, dataset.part("validation")
            self.modes = dataset.modes
            self.watch = watch(dataset, recipe.model.transform)
            self.note = note
            self.best = Best(run.folder, run.plan.keep_best, run.metrics) if run.plan.keep_best else None

    def train(self, interrupt: Interrupt) -> Run:
        plan, last = self.plan, self.plan.steps
        examine_every = math.ceil(last / EXAMINATIONS)
        if self._unexamined(self.trainer.step, examine_every):
            self._examine(self.trainer.step)
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
            if step == last or step % examine_every == 0:
                self._examine(step)
            if stop and step < last:
                said = f"stopped at step {step} of {last}; resume: {self.run.resume}"
                raise Interrupted(said, interrupt.signal or signal.SIGTERM)
        self.here.wait()
        return self.run

    def _unexamined(self, step: int, every: int) -> bool:
        """Whether a run stopped between the checkpoint of a step and the examination that was due there."""
        due = step > 0 and (step == self.plan.steps or step % every == 0)
        return due and not any(line["step"] == step and "reason" in line for line in self.run.metrics)

    def _log(self, step: int) -> None:
        numbers = self.trainer.fetch()
        if self.here.rank:
            return
        seconds = self.seconds + time.perf_counter() - self.begun
        self.journal.write({"step": step, "seconds": round(seconds, 3)} | numbers)
        if self.report:
            self.report(step, self.plan.steps, numbers)

    def _examine(self, step: int) -> None:
        """Look at samples: a picture, the findings, and at the end the verdict."""
        if self.here.rank:
            return
        n, rng = samples_for(self.run.event), Rng(0, self.trainer.device)
        asked = self.dataset.asked
        samples = self.trainer.sample(n, rng, asked).cpu()
        if len(asked):
            asked = asked[torch.arange(n) % len(asked)]
        health = self._health(step, samples, asked)
        save_samples(
            self.run.folder / "samples" / f"step-{step:08d}.png", samples, self.run.event, self.real.x, self.modes
        )
        if self.best:  # before the line that says of this examination that it is done
            self.best.heed(health.numbers, step, *self._state())
        over = {"verdict": health.verdict} if step == self.plan.steps else {}
        self.journal.write({"step": step, "reason": health.reason} | over | health.numbers)
        if health.verdict != "ok" and self.plan.steps / 2 <= step < self.plan.steps:  # before, much is still missing
            self.note(f"step {step}: {health.verdict.replace('_', ' ')} so far: {health.reason}")

    def _health(self, step: int, samples: Tensor, asked: Condition) -> Health:
        """Whether the model has collapsed; how samples obey constraints and, at the end, conditions."""
        health: Health = self.watch.examine(samples)
        model = self.trainer.model
        said, numbers = distribution(model.residuals, Batch(samples, asked), self.real, self.trainer.device)
        health = health.beside(Health("ok", said, numbers | self._validation()))
        if step == self.plan.steps and model.conditional:
            health = health.beside(ConditionWatch(self.dataset, model.transform).examine(samples, asked))
        return health

    def _validation(self) -> dict[str, float]:
        """The mean negative log-probability of validation examples, nats, or the bound on it that training lowers."""
        if not isinstance(self.trainer.model, DensityModel) or not len(self.real.x):
            return {}
        some = torch.arange(min(SCORED, len(self.real.x)))
        batch = Batch(self.real.x[some], self.real.condition[some]).to(self.trainer.device)
        return {"validation.nll": -self.trainer.score(batch, Rng(0, self.trainer.device)).mean}

    def _keep(self, step: int) -> None:
        self.trainer.require_finite()
        if self.here.rank == 0:
            self.journal.flush()
            checkpoint.save(self.run.folder, step, *self._state(), KEPT)

    def _state(self) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
        tensors, plain = self.trainer.state()
        plain["seconds"] = self.seconds + time.perf_counter() - self.begun
        return tensors, plain
