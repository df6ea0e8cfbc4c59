"""From a recipe and data to a run, with everything that can happen on the way."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from allmodes.data.batches import Batches
from allmodes.data.check import require_clean
from allmodes.data.dataset import Dataset, load_data
from allmodes.device import device_named
from allmodes.errors import Interrupted, UserError
from allmodes.event import Batch, Condition
from allmodes.figures import save_samples
from allmodes.functions import located
from allmodes.models.base import DensityModel
from allmodes.random import Rng
from allmodes.recipes import Recipe, build, read_settings
from allmodes.training import checkpoint
from allmodes.training.best import Best, check_name
from allmodes.training.distributed import World, world
from allmodes.training.hardware import place, threads, threads_for
from allmodes.training.health import EXAMINATIONS, Health, samples_for, watch
from allmodes.training.interrupt import Interrupt, interruptible
from allmodes.training.obedience import ConditionWatch, distribution
from allmodes.training.run import Journal, Plan, Run, create, create_beside, free_folder, load, locked, versions
from allmodes.training.trainer import Trainer

DEFAULT_RECIPE = "r3gan"
DEFAULT_DATA = "ring"
KEPT = 3
SCORED = 1000
"""Validation examples whose density is logged."""
CHECKPOINTS = 20
FEW = 8
"""Examples on which constraints are tried."""


Report = Callable[[int, int, Mapping[str, float]], None]
"""Called with steps done, steps in all, and the numbers that were just logged."""


def train(
    recipe: str | None = None,
    data: Any = None,
    *,
    steps: int | None = None,
    seed: int | None = None,
    out: str | os.PathLike[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    resume: bool = False,
    device: str | None = None,
    checkpoint_every: int | None = None,
    keep_best: str | None = None,
    report: Report | None = None,
    note: Callable[[str], None] | None = None,
) -> Run:
    """Train a recipe on data, in a folder that can be resumed from.

    Arguments:
        recipe: a name (see `allmodes.recipes.recipes`) or FILE.py:FUNCTION, a recipe of your own; "r3gan" if left out.
        data: a name, a path, an array or a `Dataset` (see `load_data`); "ring" if left out.
        steps: instead of the recipe's own number.
        seed: of weights, noise and the order of the data; 0 if left out.
        out: the run's folder; runs/DATA-RECIPE-sSEED if left out, with a number behind it where that is taken.
        settings: the recipe's keyword arguments.
        resume: continue the run in `out` to the same bits as if it had never stopped. What is left out is taken from
            the run; what is given must agree with it.
        device: "cpu", "cuda", ...; a GPU if there is one.
        checkpoint_every: steps between checkpoints; a twentieth of the training if left out.
        keep_best: the number of the examinations by which the checkpoint is chosen that samples come from, such as
            "missing_mass"; the last checkpoint if left out.
        report: told of progress.
        note: told of warnings, a line each.

    Returns:
        The run; its `verdict` says whether the model collapsed or ignores a condition.

    Raises:
        UserError: for anything that does not fit, a full disk, or a loss that is not finite.
        Interrupted: after Ctrl-C or SIGTERM, when all is saved.
    """
    say = note or (lambda line: None)
    with world() as here:
        target = device_named(device, here.local)
        if resume:
            run, dataset = _continue(recipe, data, steps, seed, out, settings, checkpoint_every, keep_best)
            if run.plan.device == "cuda" and not torch.cuda.is_available():
                raise UserError(f"the run in {run.folder} is on a GPU, and this machine has none; resume it there")
            if target.type != run.plan.device and device is None:
                target = device_named(run.plan.device, here.local)
            if target.type != run.plan.device:
                raise UserError(f"--device {device}: the run in {run.folder} is on {run.plan.device}; leave it out")
            made = build(run.plan.recipe, run.event, run.plan.settings, steps=run.plan.steps, seed=run.plan.seed)
            for what, version in versions(run.plan.recipe, run.plan.settings).items():
                if version != (was := run.plan.versions.get(what)):
                    say(f"{what} is {version} and was {was}: the run may differ from one that never stopped")
        else:
            dataset = load_data(DEFAULT_DATA if data is None else data)
            for problem in require_clean(dataset):
                say(f"{dataset.name}: {problem.message}")
            name, seed = located(recipe or DEFAULT_RECIPE), seed or 0
            made = build(name, dataset.event, settings, steps=steps, seed=seed)
            if (dataset.event.classes or dataset.event.variables) and not made.model.conditional:
                say(f"{name} takes no conditions: the labels and conditions of {dataset.name} are not used")
            few = dataset.batch(torch.arange(min(FEW, len(dataset))))
            made.model.residuals(few.x, few.condition)  # what cannot be computed is refused before there is a run
            plan = _plan(name, settings, made, seed, dataset, target, checkpoint_every, keep_best)
            default = _folder(dataset.name, name, seed)
            folder = Path(out).expanduser() if out else free_folder(default)
            here.wait()  # all have named the folder before one makes it
            if here.rank:
                run = Run(folder, plan)
            else:
                run = create(folder, plan) if out or here.size > 1 else create_beside(default, plan)
        with (
            threads(run.plan.threads),
            interruptible() as interrupt,
            locked(run.folder) if not here.rank else nullcontext(),
        ):
            return _Session(run, dataset, made, target, here, report, say).train(interrupt)


class _Session:
    """One sitting of a run: from where it stands to its end, or to a signal."""

    def __init__(
        self,
        run: Run,
        dataset: Dataset,
        recipe: Recipe,
        device: torch.device,
        here: World,
        report: Report | None,
        say: Callable[[str], None],
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
                say(line)
            with run.fitting():
                self.trainer.load(kept.tensors, kept.plain)
            self.seconds = kept.plain["seconds"]
        self.begun = time.perf_counter()
        if here.rank == 0:
            self.journal = Journal(run.folder, self.trainer.step)
            self.dataset, self.real = dataset, dataset.part("validation")
            self.modes = dataset.modes
            self.watch = watch(dataset, recipe.model.transform)
            self.say = say
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
                said = f"stopped at step {step} of {self.run.plan.steps}"
                raise Interrupted(
                    f"{said}; resume: allmodes train --resume --out {self.run.folder}",
                    interrupt.signal or signal.SIGTERM,
                )
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
        over = {"verdict": health.verdict} if step == self.plan.steps else {}
        self.journal.write({"step": step, "reason": health.reason} | over | health.numbers)
        if health.verdict != "ok" and self.plan.steps / 2 <= step < self.plan.steps:  # before, much is still missing
            self.say(f"step {step}: {health.verdict.replace('_', ' ')} so far: {health.reason}")
        if self.best:
            self.best.heed(health.numbers, step, *self._state())

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


def _plan(
    name: str,
    settings: Mapping[str, Any] | None,
    made: Recipe,
    seed: int,
    dataset: Dataset,
    device: torch.device,
    checkpoint_every: int | None,
    keep_best: str | None,
) -> Plan:
    if checkpoint_every is not None and checkpoint_every < 1:
        raise UserError(f"--checkpoint-every {checkpoint_every}: must be at least 1")
    if keep_best is not None:
        check_name(keep_best, modes=dataset.modes is not None, density=isinstance(made.model, DensityModel))
    read = read_settings(name, settings)
    return Plan(
        recipe=name,
        settings=read,
        steps=made.steps,
        seed=seed,
        data={
            "name": dataset.name,
            "source": dataset.source,
            "digest": dataset.digest,
            "split": dataset.split.to_dict(),
        },
        event=dataset.event.to_dict(),
        checkpoint_every=checkpoint_every or math.ceil(made.steps / CHECKPOINTS),
        log_every=max(1, min(100, made.steps // 100)),
        threads=threads_for(made.model),
        device=device.type,
        keep_best=keep_best,
        versions=versions(name, read),
    )


def _continue(
    recipe: str | None,
    data: Any,
    steps: int | None,
    seed: int | None,
    out: str | os.PathLike[str] | None,
    settings: Mapping[str, Any] | None,
    checkpoint_every: int | None,
    keep_best: str | None,
) -> tuple[Run, Dataset]:
    """The run to resume and its data, both as they were."""
    if out is None:
        given = data if isinstance(data, str) else DEFAULT_DATA
        out = _folder(Path(given).stem, recipe or DEFAULT_RECIPE, seed or 0)
        if (second := out.with_name(f"{out.name}-2")).exists():
            raise UserError(f"which run to resume? There are {out}, {second}, ...; name one with --out")
    run = load(out)
    plan = run.plan
    asked = {
        "--recipe": (recipe and located(recipe), plan.recipe),
        "--steps": (steps, plan.steps),
        "--seed": (seed, plan.seed),
        "--set": (read_settings(plan.recipe, settings) if settings else None, plan.settings),
        "--checkpoint-every": (checkpoint_every, plan.checkpoint_every),
        "--keep-best": (keep_best, plan.keep_best),
    }
    for flag, (wanted, was) in asked.items():
        if wanted is not None and wanted != was:
            raise UserError(f"{flag} {wanted}: the run in {run.folder} has {was}; leave it out, or start another run")
    return run, run.dataset(data)


def _folder(data: str, recipe: str, seed: int) -> Path:
    own = Path(recipe).name.replace(":", "-")
    return Path("runs") / f"{data}-{own}-s{seed}"
