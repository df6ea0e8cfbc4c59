"""From what was asked for to a run: a new one, or one that goes on."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, SupportsIndex

import torch

from allmodes.atomic import Full
from allmodes.data.check import require_clean
from allmodes.data.dataset import Dataset, load_data, name_of
from allmodes.device import device_named
from allmodes.errors import Remark, UserError, path_of, warn, whole
from allmodes.functions import located
from allmodes.models.base import DensityModel
from allmodes.recipes import Recipe, build, named, read_settings
from allmodes.training.best import check_name
from allmodes.training.distributed import World, world
from allmodes.training.folder import create, create_beside, free_folder, locked
from allmodes.training.hardware import threads, threads_for
from allmodes.training.interrupt import interruptible
from allmodes.training.plan import Plan, checkpoint_every, log_every
from allmodes.training.run import Run, load
from allmodes.training.session import Report, Session
from allmodes.training.versions import digests, programs

DEFAULT_RECIPE = "r3gan"
DEFAULT_DATA = "ring"
FEW = 8
"""Examples on which constraints are tried."""


def train(
    recipe: str | Callable[..., Recipe] | None = None,
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
    note: Callable[[str], object] = warn,
) -> Run:
    """Train a recipe on data, in a folder that can be resumed from.

    Arguments:
        recipe: a name (see `allmodes.recipes.recipes`) or FILE.py:FUNCTION, a recipe of your own, also as its function;
            "r3gan" if left out.
        data: a name, a path, an array, a data frame or a `Dataset` (see `load_data`); "ring" if left out.
        steps: instead of the recipe's own number; of a run that is resumed, more than it has, to train it longer.
        seed: of weights, noise and the order of the data; 0 if left out.
        out: the run's folder; runs/DATA-RECIPE-sSEED if left out, with a number behind it where that is taken.
        settings: the recipe's keyword arguments.
        resume: continue the run in `out` to the same bits as if it had never stopped. What is left out is taken from
            the run; what is given must agree with it, but for more steps. With those it goes on from where it stands
            with its schedules stretched to the new end, which its notes say.
        device: "cpu", "cuda", ...; a GPU if there is one.
        checkpoint_every: steps between checkpoints; a twentieth of the training if left out.
        keep_best: the number of the examinations by which the checkpoint is chosen that samples come from, such as
            "missing_mass"; the last checkpoint if left out.
        report: told of progress.
        note: told of what is odd, a line each; Python's warnings if left out.

    Returns:
        The run; its `verdict` says whether the model collapsed or ignores a condition.

    Raises:
        UserError: for anything that does not fit, a full disk, or a loss that is not finite.
        Interrupted: after Ctrl-C or SIGTERM, when all is saved.
    """
    if not isinstance(out, (str, os.PathLike, type(None))):
        raise UserError(f"--out {out!r}: give the path of a folder")
    asked = _Asked(
        None if recipe is None else located(named(recipe)),
        data,
        _whole(steps, "--steps"),
        _whole(seed, "--seed"),
        out,
        settings,
        device,
        _whole(checkpoint_every, "--checkpoint-every"),
        keep_best,
    )
    with world() as here:
        if here.rank:
            note = str  # one process tells
        run, dataset, made, target = (_resume if resume else _begin)(asked, here, note)
        with (
            threads(run.plan.threads),
            interruptible() as interrupt,
            locked(run.folder) if not here.rank else nullcontext(),
        ):
            try:
                session = Session(run, dataset, made, target, here, report, note)
                if resume:
                    here.wait()  # all have read the old plan, and found their checkpoint, before one writes the new
                    if not here.rank:
                        run.rewrite()
                return session.train(interrupt)
            except Full as full:
                raise Full(full.path, f"resume: {run.resume}") from full


def _whole(given: SupportsIndex | None, flag: str) -> int | None:
    return None if given is None else whole(given, flag)


@dataclass(frozen=True)
class _Asked:
    """The arguments of `train`; None for what was left out."""

    recipe: str | None
    data: Any
    steps: int | None
    seed: int | None
    out: str | os.PathLike[str] | None
    settings: Mapping[str, Any] | None
    device: str | None
    checkpoint_every: int | None
    keep_best: str | None


_Start = tuple[Run, Dataset, Recipe, torch.device]


def _begin(asked: _Asked, here: World, note: Callable[[str], object]) -> _Start:
    """A new run, its folder made."""
    device = device_named(asked.device, here.local)
    dataset = load_data(DEFAULT_DATA if asked.data is None else asked.data)
    for problem in require_clean(dataset):
        note(f"{dataset.name}: {problem.message}")
    name, seed = asked.recipe or DEFAULT_RECIPE, asked.seed or 0
    recipe = build(name, dataset.event, asked.settings, steps=asked.steps, seed=seed)
    if not recipe.model.conditional and (unused := dataset.event.known):
        note(Remark(f"{name} is trained without the {unused} of {dataset.name}; constrained and cgan use them"))
    few = dataset.batch(torch.arange(min(FEW, len(dataset))))
    recipe.model.residuals(few.x, few.condition)  # what cannot be computed is refused before there is a run
    plan = _plan(name, asked, recipe, seed, dataset, device)
    return _created(asked.out, _folder(dataset.name, name, seed), plan, here), dataset, recipe, device


def _created(out: str | os.PathLike[str] | None, default: Path, plan: Plan, here: World) -> Run:
    """A run in the folder that was named, or in a free one; of several processes the first makes it."""
    if not out and here.size == 1:
        return create_beside(default, plan)
    folder = path_of(out) if out else free_folder(default)
    here.wait()  # all have named the folder before one makes it
    return Run(folder, plan) if here.rank else create(folder, plan)


def _plan(name: str, asked: _Asked, recipe: Recipe, seed: int, dataset: Dataset, device: torch.device) -> Plan:
    if asked.checkpoint_every is not None and asked.checkpoint_every < 1:
        raise UserError(f"--checkpoint-every {asked.checkpoint_every}: must be at least 1")
    if asked.keep_best is not None:
        check_name(asked.keep_best, modes=dataset.modes is not None, density=isinstance(recipe.model, DensityModel))
    settings = read_settings(name, asked.settings)
    return Plan(
        recipe=name,
        settings=settings,
        steps=recipe.steps,
        seed=seed,
        data={
            "name": dataset.name,
            "source": dataset.source,
            "digest": dataset.digest,
            "split": dataset.split.to_dict(),
        },
        event=dataset.event.to_dict(),
        checkpoint_every=asked.checkpoint_every or checkpoint_every(recipe.steps),
        log_every=log_every(recipe.steps),
        threads=threads_for(recipe.model),
        device=device.type,
        keep_best=asked.keep_best,
        versions=programs() | digests(name, settings),
    )


def _resume(asked: _Asked, here: World, note: Callable[[str], object]) -> _Start:
    """The run to resume, with data and device as they were."""
    run = _run_to_resume(asked)
    dataset, plan = run.dataset(asked.data), run.plan
    if plan.device == "cuda" and not torch.cuda.is_available():
        raise UserError(f"the run in {run.folder} is on a GPU, and this machine has none; resume it there")
    device = device_named(asked.device or plan.device, here.local)
    if device.type != plan.device:
        raise UserError(f"--device {asked.device}: the run in {run.folder} is on {plan.device}; leave it out")
    steps = asked.steps or plan.steps
    recipe = build(plan.recipe, run.event, plan.settings, steps=steps, seed=plan.seed)
    if steps > plan.steps:
        run = run.longer(steps)
        for line in run.plan.stretched:
            note(line)
    differs = [f"{file} has changed since the training began" for file in run.changed]
    differs += [
        f"{what} is {now} and was {was}" for what, now in programs().items() if now != (was := plan.versions.get(what))
    ]
    for said in differs:
        note(f"{said}: the run may differ from one that never stopped")
    return run, dataset, recipe, device


def _run_to_resume(asked: _Asked) -> Run:
    """The run to resume.

    Raises:
        UserError: where what is asked for does not agree with it, or it could be one of several.
    """
    out = asked.out
    if out is None:
        given = DEFAULT_DATA if asked.data is None else asked.data
        out = _folder(name_of(given), asked.recipe or DEFAULT_RECIPE, asked.seed or 0)
        if (second := out.with_name(f"{out.name}-2")).exists():
            raise UserError(f"which run to resume? There are {out}, {second}, ...; name one with --out")
    run = load(out)
    plan = run.plan
    if asked.steps is not None and asked.steps < plan.steps:
        raise UserError(
            f"--steps {asked.steps}: the run in {run.folder} has {plan.steps}; give more to train it longer, leave it "
            "out, or start another run"
        )
    compared = {
        "--recipe": (asked.recipe, plan.recipe),
        "--seed": (asked.seed, plan.seed),
        "--set": (read_settings(plan.recipe, asked.settings) if asked.settings else None, plan.settings),
        "--checkpoint-every": (asked.checkpoint_every, plan.checkpoint_every),
        "--keep-best": (asked.keep_best, plan.keep_best),
    }
    for flag, (wanted, was) in compared.items():
        if wanted is not None and wanted != was:
            raise UserError(f"{flag} {wanted}: the run in {run.folder} has {was}; leave it out, or start another run")
    return run


def _folder(data: str, recipe: str, seed: int) -> Path:
    own = Path(recipe).name.replace(":", "-")
    return path_of(Path("runs") / f"{data}-{own}-s{seed}")
