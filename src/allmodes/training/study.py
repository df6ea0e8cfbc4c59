"""Many seeds of one recipe at once: the distribution of what comes out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from allmodes.audit.intervals import share
from allmodes.data.batches import Batches, StackedBatches
from allmodes.data.check import require_clean
from allmodes.data.dataset import Dataset, load_data
from allmodes.device import device_named
from allmodes.errors import UserError, warn, whole
from allmodes.networks.stack import NotStackable, stack
from allmodes.random import Rng, StackedRng
from allmodes.recipes import Recipe, build, named
from allmodes.training.hardware import place, threads, threads_for
from allmodes.training.health import OF_MODES, Health, samples_for, watch
from allmodes.training.trainer import Trainer

AT_ONCE, AT_ONCE_ON_GPU = 32, 128
"""Models in a stack: more gain nothing, and fill the memory. A power of two, as all stacks are: a mean over all of them
is then exactly the sum of each one's mean, and a seed takes the path that it takes alone."""


@dataclass(frozen=True)
class Study:
    """What many seeds of one recipe gave.

    Arguments:
        recipe, data: their names.
        steps: of each training.
        findings: what each seed's samples were found to be.
        samples: of each seed, in the user's units, [seeds, n, *shape].
        seconds: wall-clock time of all.
    """

    recipe: str
    data: str
    steps: int
    findings: tuple[Health, ...]
    samples: Tensor
    seconds: float

    def values(self, name: str) -> list[float] | None:
        """One finding of every seed, such as "modes"; NaN where undefined, None where the data do not have it."""
        values = [health.numbers.get(name) for health in self.findings]
        known = name in OF_MODES and "modes" in self.findings[0].numbers
        present = known or any(value is not None for value in values)
        return [float("nan") if value is None else value for value in values] if present else None

    @property
    def collapsed(self) -> float:
        """Share of seeds that collapsed."""
        return sum(health.verdict == "collapsed" for health in self.findings) / len(self.findings)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of that share (Clopper and Pearson, 1934)."""
        return share(sum(health.verdict == "collapsed" for health in self.findings), len(self.findings))

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON; what is no number becomes null."""
        low, high = self.interval
        return {
            "recipe": self.recipe,
            "data": self.data,
            "seeds": len(self.findings),
            "modes": _plain(self.values("modes"), int),
            "high_quality": _plain(self.values("high_quality"), float),
            "reverse_kl": _plain(self.values("reverse_kl"), float),
            "missing_mass": _plain(self.values("missing_mass"), float),
            "collapsed": self.collapsed,
            "collapsed_low": low,
            "collapsed_high": high,
            "seconds": self.seconds,
        }


def _plain(values: list[float] | None, kind: type) -> list[Any] | None:
    return None if values is None else [None if value != value else kind(value) for value in values]


Report = Callable[[int, int], None]
"""Called with the training steps done, over all seeds, and those in all."""


def study(
    recipe: str | Callable[..., Recipe] = "r3gan",
    data: Any = "ring",
    *,
    seeds: int = 32,
    first: int = 0,
    steps: int | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str | None = None,
    report: Report | None = None,
    note: Callable[[str], object] = warn,
) -> Study:
    """Train many seeds of one recipe: stacked where its networks allow, else one after the other.

    A seed gives what it gives alone, up to the order in which numbers are added.

    Arguments:
        recipe, data, steps, settings, device: as for `train`.
        seeds: how many; they are first, first + 1, ...
        report: told of progress.
        note: told of what is odd, a line each; Python's warnings if left out.

    Raises:
        UserError: for anything that does not fit.
    """
    recipe = named(recipe)
    seeds, first = whole(seeds, "--seeds"), whole(first, "first")
    if seeds < 1:
        raise UserError(f"--seeds {seeds}: must be at least 1")
    begun = time.perf_counter()
    dataset = load_data(data)
    for problem in require_clean(dataset):
        note(f"{dataset.name}: {problem.message}")
    target = device_named(device)
    seen = [build(recipe, dataset.event, settings, steps=steps, seed=seed) for seed in range(first, first + seeds)]
    transform, total = seen[0].model.transform, seen[0].steps
    samples: list[Tensor] = []
    n, done, known = samples_for(dataset.event), 0, dataset.asked
    for group in _groups(seeds, AT_ONCE_ON_GPU if target.type == "cuda" else AT_ONCE):
        for trainer in _trainers([seen[i] for i in group], [first + i for i in group], dataset, target):
            copies = trainer.model.copies
            with threads(threads_for(trainer.model)):
                for step in trainer:
                    if report and (step % 20 == 0 or step == total):
                        report(done + step * copies, seeds * total)
            done += total * copies
            rng = Rng(0, target) if copies == 1 else StackedRng([Rng(0, target) for _ in group])
            samples.append(trainer.sample(n, rng, known).reshape(copies, n, *dataset.event.shape).cpu())
    drawn = torch.cat(samples)
    examine = watch(dataset, transform).examine
    return Study(
        recipe=recipe,
        data=dataset.name,
        steps=total,
        findings=tuple(examine(each) for each in drawn),
        samples=drawn,
        seconds=time.perf_counter() - begun,
    )


def _groups(seeds: int, most: int) -> Iterator[range]:
    """Seeds that train together: as many as a power of two holds, at most so many."""
    start = 0
    while start < seeds:
        size = min(most, 1 << (seeds - start).bit_length() - 1)
        yield range(start, start + size)
        start += size


def _trainers(recipes: list[Recipe], seeds: list[int], dataset: Dataset, device: torch.device) -> Iterator[Trainer]:
    """One trainer of all models stacked, or one for each."""
    examples = dataset.to_fit()
    for member in recipes:
        member.model.fit(examples)
    rngs = [Rng(seed, device) for seed in seeds]
    orders = [Batches(dataset, member.batch, seed, device=device) for member, seed in zip(recipes, seeds, strict=True)]
    try:
        if len(recipes) == 1 or not recipes[0].model.stackable:
            raise NotStackable(f"one model is a stack already, and {type(recipes[0].model).__name__} may make none")
        model = stack([member.model for member in recipes])
    except NotStackable:
        for member, rng, order in zip(recipes, rngs, orders, strict=True):
            place(member.model, device)
            yield Trainer(member, order, rng, record=False)
        return
    model.copies = len(recipes)
    yield Trainer(replace(recipes[0], model=model.to(device)), StackedBatches(orders), StackedRng(rngs), record=False)
