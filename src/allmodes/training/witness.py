"""What the first process of a run writes down: numbers, pictures, what examinations find, the best weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from allmodes.data.dataset import Dataset
from allmodes.event import Batch, Condition
from allmodes.figures import save_samples
from allmodes.models.base import DensityModel
from allmodes.random import Rng
from allmodes.training.best import Best
from allmodes.training.health import EXAMINATIONS, Health, samples_for, spoken, watch
from allmodes.training.journal import Journal
from allmodes.training.obedience import ConditionWatch, distribution
from allmodes.training.run import Run
from allmodes.training.trainer import Trainer

SCORED = 1000
"""Validation examples whose density is logged."""

Report = Callable[[int, int, Mapping[str, float]], None]
"""Called with steps done, steps in all, and the numbers that were just logged."""


class Witness:
    """Logs a training and looks at samples, five times and at its end.

    Arguments:
        run: where it is written down.
        dataset: its training part made the model, its validation part is what samples are compared with.
        trainer: where it stands, whose samples are looked at.
        state: of the training, to keep the best one.
        report: told of each line of numbers.
        note: told of a collapse.
    """

    def __init__(
        self,
        run: Run,
        dataset: Dataset,
        trainer: Trainer,
        state: Callable[[], tuple[dict[str, dict[str, Tensor]], dict[str, Any]]],
        report: Report | None,
        note: Callable[[str], object],
    ) -> None:
        self.run, self.dataset, self.trainer, self.state = run, dataset, trainer, state
        self.report, self.note = report, note
        self.real, self.last = dataset.part("validation"), run.plan.steps
        self.every = math.ceil(self.last / EXAMINATIONS)
        self.journal = Journal(run.folder, trainer.step)
        self.watch = watch(dataset, trainer.model.transform)
        self.best = Best(run.folder, run.plan.keep_best, run.metrics) if run.plan.keep_best else None

    def log(self, step: int, seconds: float, numbers: Mapping[str, float]) -> None:
        """A line of numbers."""
        self.journal.write({"step": step, "seconds": round(seconds, 3), **numbers})
        if self.report:
            self.report(step, self.last, numbers)

    def due(self, step: int) -> bool:
        """Whether samples are looked at after this step."""
        return step > 0 and (step == self.last or step % self.every == 0)

    def examined(self, step: int) -> bool:
        """Whether they were: a run may have stopped between a checkpoint and the examination that was due there."""
        return any(line["step"] == step and "reason" in line for line in self.run.metrics)

    def examine(self, step: int) -> None:
        """Look at samples: a picture, the findings, and at the end the verdict."""
        n, rng = samples_for(self.run.event), Rng(0, self.trainer.device)
        asked = self.dataset.asked
        samples = self.trainer.sample(n, rng, asked).cpu()
        if len(asked):
            asked = asked[torch.arange(n) % len(asked)]
        health = self._health(step, samples, asked)
        path = self.run.folder / "samples" / f"step-{step:08d}.png"
        save_samples(path, samples, self.run.event, self.real.x, self.dataset.modes)
        if self.best:  # before the line that says of this examination that it is done
            self.best.heed(health.numbers, step, *self.state())
        over = {"verdict": health.verdict} if step == self.last else {}
        self.journal.write({"step": step, "reason": health.reason} | over | health.numbers)
        if health.verdict != "ok" and self.last / 2 <= step < self.last:  # before, much is still missing
            self.note(f"step {step}: {spoken(health.verdict)} so far: {health.reason}")

    def _health(self, step: int, samples: Tensor, asked: Condition) -> Health:
        """Whether the model has collapsed; how samples obey constraints and, at the end, conditions."""
        health: Health = self.watch.examine(samples)
        model = self.trainer.model
        said, numbers = distribution(model.residuals, Batch(samples, asked), self.real, self.trainer.device)
        health = health.beside(Health("ok", said, numbers | self._validation()))
        if step == self.last and model.conditional:
            health = health.beside(ConditionWatch(self.dataset, model.transform).examine(samples, asked))
        return health

    def _validation(self) -> dict[str, float]:
        """The mean negative log-probability of validation examples, nats, or the bound on it that training lowers."""
        if not isinstance(self.trainer.model, DensityModel) or not len(self.real.x):
            return {}
        some = torch.arange(min(SCORED, len(self.real.x)))
        batch = Batch(self.real.x[some], self.real.condition[some]).to(self.trainer.device)
        return {"validation.nll": -self.trainer.score(batch, Rng(0, self.trainer.device)).mean}
