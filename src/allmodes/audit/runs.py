"""From a run to what an audit examines: its held-out data, its training data, and samples drawn for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from allmodes.audit.subject import Examples, Scorer, Subject
from allmodes.data.dataset import Dataset, load_data
from allmodes.errors import UserError, whole
from allmodes.event import Condition, Event
from allmodes.random import Rng
from allmodes.score import Score, digest

MOST_NUMBERS = 2**28
"""Of all generated examples together: a gigabyte."""
MOST_TRAIN = 50_000
"""Training examples that are looked at."""


class Model(Protocol):
    """What is asked of a model; ours are such."""

    conditional: bool

    def sample(self, n: int, condition: Condition | None = None, *, rng: Rng | None = None) -> Tensor: ...
    def score(self, x: Tensor, condition: Condition | None = None) -> Score: ...
    def parameters(self) -> Any: ...


class RunLike(Protocol):
    """What is asked of a run; `allmodes.load` gives such."""

    @property
    def folder(self) -> Path: ...
    @property
    def plan(self) -> Any: ...
    @property
    def event(self) -> Event: ...
    @property
    def model(self) -> Any: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    def dataset(self, data: Any = None) -> Dataset: ...


def is_run(run: Any) -> bool:
    """Whether it looks like a run: it has a model, a plan and samples."""
    return all(hasattr(type(run), name) or hasattr(run, name) for name in ("model", "plan", "sample"))


def subject_of_run(
    run: RunLike,
    data: Any = None,
    *,
    labels: Any = None,
    conditions: Any = None,
    n_fake: int | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> Subject:
    """A run's own held-out examples against samples drawn from it.

    Held out are its validation and test parts, neither of which it was trained on; the test part alone where the
    checkpoint was chosen by its validation part. A conditional model is asked for the conditions of the held-out and
    the training examples, all equally often. Those of the held-out ones alone, ten times each, would bring samples
    together in tens around held-out examples and away from training ones, where a condition says much of an example.

    Arguments:
        data: what the run was trained on, where that was an array in memory and must be given again.
        labels, conditions: of `data`.
        n_fake: how many to draw; five times the held-out examples, ten times where they are at most 2000.
        seed: of the samples.
        device: where they are drawn.

    Raises:
        UserError: for a run without a checkpoint, other data than it was trained on, or samples that are not finite.
    """
    if isinstance(run, (str, os.PathLike)):
        raise UserError(f"{run!s} is a path; give the run: allmodes.audit(allmodes.load({str(run)!r}))")
    if not is_run(run):
        raise UserError(f"a {type(run).__name__} is not a run; give allmodes.load(FOLDER), or real= and fake=")
    dataset = _data_of(run, data, labels, conditions)
    held, train = _held_out(run, dataset), dataset.split.train
    if len(train) > MOST_TRAIN:
        train = train[:MOST_TRAIN]
    real = _examples(dataset, held)
    model = run.model.to(device)
    fake = _draw(model, dataset.condition[torch.cat([held, train])], _how_many(n_fake, len(real), dataset.event), seed)
    made = f"{run.folder}, recipe {run.plan.recipe}, {len(fake):,} samples"
    return Subject(
        event=dataset.event,
        train=_examples(dataset, train),
        real=real,
        fake=fake,
        trained=True,
        modes=dataset.modes,
        scorer=_scorer(model),
        asked=bool(model.conditional),
        notes=run.notes,
        sources={
            "real": {"name": f"{dataset.name}, {len(real):,} held-out examples", "digest": dataset.digest},
            "train": {"name": f"{dataset.name}, {len(train):,} training examples", "digest": dataset.digest},
            "fake": {"name": made, "digest": _digest(fake)},
        },
        title=made,
    )


def _data_of(run: RunLike, data: Any, labels: Any, conditions: Any) -> Dataset:
    if data is None and run.plan.data["source"]["data"] is None:
        raise UserError(
            f"{run.folder} was trained on an array in memory; give it again: audit(run, real=array), with its labels "
            "and conditions"
        )
    if data is not None and (labels is not None or conditions is not None):
        data = load_data(data, labels=labels, conditions=conditions)
    return run.dataset(data)


def _held_out(run: RunLike, dataset: Dataset) -> Tensor:
    chosen = getattr(run.plan, "keep_best", None)
    parts = (dataset.split.test,) if chosen else (dataset.split.validation, dataset.split.test)
    return torch.cat(parts).sort().values


def _examples(dataset: Dataset, index: Tensor) -> Examples:
    batch = dataset.batch(index)
    labels, values = batch.condition.labels, batch.condition.values
    return Examples(
        batch.x.numpy(),
        index.numpy(),
        None if labels is None else labels.numpy(),
        None if values is None else values.numpy(),
    )


def _how_many(n_fake: int | None, held: int, event: Event) -> int:
    if n_fake is not None:
        n_fake = whole(n_fake, "n_fake")
        if n_fake < 1:
            raise UserError(
                f"n_fake={n_fake}: must be at least 1; leave it out for 5 to 10 times the held-out examples"
            )
        return n_fake
    times = 10 if held <= 2_000 else 5
    return max(min(times * held, MOST_NUMBERS // event.size), min(held, 1_000))


def _draw(model: Model, known: Condition, n: int, seed: int) -> Examples:
    """Samples, with the conditions that they were asked for: each of the known ones once, before any comes again."""
    asked = known.spread(n, seed) if model.conditional else None
    device = next(iter(model.parameters())).device
    rng = Rng(seed, device)
    with rng.ambient:
        x = model.sample(n, asked.to(device) if asked else None, rng=rng).cpu()
    if x.is_floating_point() and not (finite := x.flatten(1).isfinite().all(1)).all():
        raise UserError(
            f"{int((~finite).sum())} of {n} samples hold NaN or infinite numbers: the generator has diverged; train it "
            "again, with another seed or a smaller rate"
        )
    labels, values = (asked.labels, asked.values) if asked else (None, None)
    return Examples(
        x.numpy(),
        np.arange(n),
        None if labels is None else labels.numpy(),
        None if values is None else values.numpy(),
    )


def _scorer(model: Model) -> Scorer:
    def score(x: np.ndarray, condition: Condition | None) -> Score:
        device = next(iter(model.parameters())).device
        asked = condition.to(device) if condition is not None and model.conditional else None
        return model.score(torch.from_numpy(np.ascontiguousarray(x)).to(device), asked)

    return score


def _digest(given: Examples) -> str:
    """As of a data set that holds the same."""
    return digest(*(None if a is None else torch.from_numpy(a) for a in (given.x, given.labels, given.values)))
