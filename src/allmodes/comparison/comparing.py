"""From runs, or recipes and a time, to one table and what may be claimed from it."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from allmodes.audit.api import audit
from allmodes.audit.finding import Verdict
from allmodes.comparison.rows import Comparison, Row
from allmodes.data.dataset import Dataset, load_data
from allmodes.device import device_named
from allmodes.errors import Remark, UserError, path_of, repeated, warn
from allmodes.functions import located
from allmodes.progress import Progress
from allmodes.random import require_seed
from allmodes.recipes import Recipe, build, entry, named, recipes
from allmodes.score import NoDensity
from allmodes.training.budget import steps_within
from allmodes.training.hardware import visiting
from allmodes.training.run import Run, load
from allmodes.training.train import train
from allmodes.training.trainer import NotFinite

SCORED = 2000
"""Held-out examples that are scored: their mean is known to a few hundredths of the spread."""
SHOWN = 64
"""Samples that are kept for pictures, and timed."""


Recipes = str | Callable[..., Recipe] | Iterable[str | Callable[..., Recipe]]
"""Names with commas between them, a function, or a list of either."""


def compare(
    *runs: Run | str | os.PathLike[str],
    data: Any = None,
    recipes: Recipes | None = None,
    budget: float | None = None,
    out: str | os.PathLike[str] = "comparison",
    seed: int = 0,
    device: str | None = None,
    report: Progress | None = None,
    note: Callable[[str], object] = warn,
) -> Comparison:
    """Put runs on the same data beside each other; or train recipes on data for the same time each, and compare those.

    Densities are of held-out test examples that no model has seen, in nats of the user's units; only what may be ranked
    is (see `allmodes.score.rank`). What is missing, and the classifier's AUC, are the audit's.

    Arguments:
        runs: as `train` and `load` give them, or their folders.
        data: instead of runs, what to train on (see `load_data`).
        recipes: names or functions, as for `train`, or "all"; those that do not take the data are left out, with what
            they say, and so are those whose training diverges or whose samples cannot be examined.
        budget: minutes of training for each recipe.
        out: folder in which each recipe's run lies; a run that is there already is used whatever the budget, and
            continued if unfinished.
        seed: of the trainings.
        device: as for `train`; also where densities, samples and distances are computed.
        report: told of progress.
        note: told of what is odd, a line each; Python's warnings if left out.

    Raises:
        UserError: for runs on different data, or anything else that does not fit.
    """
    if bool(runs) == (recipes is not None):
        raise UserError(
            "give runs to compare, or recipes to train with data and a budget: --recipes a,b --budget MINUTES"
        )
    if runs and budget is not None:
        raise UserError("--budget belongs to --recipes: name them, or give --recipes all")
    seed = require_seed(seed)
    refused: dict[str, str] = {}
    if runs:
        if data is not None and not isinstance(data, Dataset):
            data = load_data(data)
        trained = [run if isinstance(run, Run) else load(run) for run in runs]
        if twice := repeated([run.folder.resolve() for run in trained]):
            raise UserError(f"{twice} is given twice; leave one out")
        dataset = _tested(_common_data(trained, data))
    else:
        assert recipes is not None
        dataset = _tested(load_data("digits" if data is None else data))
        taken = _taking(recipes, dataset, refused, note)
        trained = _train_all(taken, dataset, budget, path_of(out), seed, device, report, note, refused)
    rows = []
    for run in trained:
        if report:
            report(len(rows), len(trained), f"audit of {run.plan.recipe}")
        try:
            for line in run.notes:
                note(f"{run.folder}: {line}")
            with visiting(run.model, device_named(device)):
                rows.append(_row(run, dataset))
        except UserError as error:
            if runs:
                raise
            refused[run.plan.recipe] = f"{run.plan.recipe}: {error}"
    if not rows:
        raise UserError(f"nothing to compare: {'; '.join(refused.values())}")
    by_year = sorted(rows, key=lambda row: (row.entry.year, row.entry.name))
    return Comparison(dataset, tuple(by_year), refused, None if budget is None else 60 * budget)


def _tested(data: Dataset) -> Dataset:
    """The data, refused before hours of training where nothing is left to score models on."""
    if not len(data.split.test):
        raise UserError(f"{data.name} has no test part: give data with one to compare models")
    return data


def _common_data(runs: Sequence[Run], data: Dataset | None) -> Dataset:
    digests = {run.plan.data["digest"]: run for run in runs}
    if len(digests) > 1:
        one, other = list(digests.values())[:2]
        raise UserError(
            f"{one.folder} was trained on {_data_of(one)} and {other.folder} on other data ({_data_of(other)}, another "
            "digest): scores of different data do not compare"
        )
    return runs[0].dataset(data)


def _data_of(run: Run) -> str:
    """The name of a run's data, and how bits were made of them."""
    name, source = run.plan.data["name"], run.plan.data["source"]
    if not (how := source.get("binarize")):
        return name
    return f"{name} binarized {how}" + (f", seed {source.get('binarize_seed', 0)}" if how == "static" else "")


def _taking(names: Recipes, data: Dataset, refused: dict[str, str], note: Callable[[str], object]) -> list[str]:
    """Those of the recipes that make a model of such data; what the others say goes into `refused`."""
    known = recipes()
    given = names.split(",") if isinstance(names, str) else names if isinstance(names, Iterable) else [names]
    words = [word for name in given if (word := named(name).strip())]
    if not words:
        raise UserError("--recipes: no recipe is named; give some, with commas between them, or all")
    asked = list(known) if words == ["all"] else words
    if twice := repeated([entry(name).name for name in asked]):
        raise UserError(f"--recipes: two are called {twice}; leave one out, or give its function another name")
    taken, alone = [], []
    for name in asked:
        try:
            model = build(name, data.event).model
        except UserError as refusal:
            if words != ["all"]:
                raise
            refused[name] = str(refusal)
        else:
            taken.append(name)
            if not model.conditional:
                alone.append(entry(name).name)
    if alone and (unused := data.event.known):
        note(Remark(f"trained without the {unused} of {data.name}: {', '.join(alone)}"))
    return taken


def _train_all(
    names: Sequence[str],
    data: Dataset,
    budget: float | None,
    out: Path,
    seed: int,
    device: str | None,
    report: Progress | None,
    note: Callable[[str], object],
    refused: dict[str, str],
) -> list[Run]:
    """The runs of the recipes; what diverged goes into `refused`. What a training remarks is not said for each."""
    if budget is None or not 0 < budget < math.inf:
        raise UserError(f"--budget {budget}: give the minutes of training for each recipe, more than 0")

    def odd(line: str) -> None:
        if not isinstance(line, Remark):
            note(line)

    runs = []
    for name in names:
        told = (lambda step, steps, numbers, name=name: report(step, steps, name)) if report else None
        try:
            runs.append(_trained(name, data, budget, out / entry(name).name, seed, device, told, odd))
        except NotFinite as diverged:
            refused[name] = f"{name}: {diverged}"
    return runs


def _trained(
    name: str,
    data: Dataset,
    budget: float,
    folder: Path,
    seed: int,
    device: str | None,
    report: Callable[[int, int, Mapping[str, float]], None] | None,
    note: Callable[[str], object],
) -> Run:
    """The run in a folder, made or continued as far as it needs it."""
    if not (folder / "run.json").exists():
        steps = steps_within(name, data, 60 * budget, device=device_named(device))
        return train(name, data, steps=steps, seed=seed, out=folder, device=device, report=report, note=note)
    run = load(folder)
    run.dataset(data)
    if run.plan.recipe != located(name):
        raise UserError(f"{folder} holds a run of {run.plan.recipe}; name another folder with --out")
    if run.plan.seed != seed:
        raise UserError(f"--seed {seed}: the run in {folder} has seed {run.plan.seed}; name another folder with --out")
    note(f"{folder} holds a run of {run.plan.steps} steps already, which is used")
    if run.verdict == "unfinished":
        return train(name, data, out=folder, resume=True, device=device, report=report, note=note)
    return run


def _row(run: Run, data: Dataset) -> Row:
    model, device = run.model, next(run.model.parameters()).device
    test = data.batch(data.split.test[:SCORED])
    condition = test.condition if model.conditional else None
    try:
        score = model.score(test.x, condition)
    except NoDensity:
        score = None
    known = data.batch(data.split.test[:SHOWN]).condition if model.conditional else None
    shown = len(data.split.test[:SHOWN]) if model.conditional else SHOWN
    begun = time.perf_counter()
    samples = model.sample(shown, known.to(device) if known else None).cpu()
    pace = shown / (time.perf_counter() - begun)
    audited = audit(run, real=data, self_test="none", device=str(device))
    findings = {finding.name: finding for finding in audited.findings}
    missing, two_sample = findings.get("missing"), findings.get("two_sample")
    return Row(
        run=str(run.folder),
        entry=entry(run.plan.recipe),
        score=score,
        missing_mass=missing.low if missing else None,
        auc=two_sample.estimate if two_sample else None,
        found=tuple(f.name for f in audited.findings if f.decides and f.verdict is Verdict.FOUND),
        seconds=round(run.seconds, 1),
        samples_per_second=round(pace, 1),
        parameters=sum(p.numel() for p in model.parameters()),
        samples=samples.numpy(),
    )
