"""What a figure is when nothing is wrong: the same figure between two halves of the held-out examples."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from allmodes.audit.enough import too_few
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.intervals import normal
from allmodes.audit.sets import Sets
from allmodes.audit.wording import ranged

SIGMAS = 3.0
"""By how many standard errors a figure must differ from its floor for the difference to be called one."""

MOST = 50_000
"""Held-out and generated examples of which figures take all pairs: their time grows as the square."""


@dataclass(frozen=True)
class Figure:
    """A number and its standard error, both in the same unit."""

    value: float
    error: float


Measure = Callable[[np.ndarray, np.ndarray], Mapping[str, Figure]]


def halves(sets: Sets, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two disjoint parts of the held-out examples and one of the generated ones, equally large: [s, d] each."""
    rng = np.random.default_rng(seed)
    real, fake = rng.permutation(len(sets.real)), rng.permutation(len(sets.fake))
    size = min(len(real) // 2, len(fake))
    return sets.real[real[:size]], sets.real[real[size : 2 * size]], sets.fake[fake[:size]]


def drawn(sets: Sets, seed: int) -> Sets:
    """The same with at most 50,000 held-out and as many generated examples, drawn by the seed."""
    if max(len(sets.real), len(sets.fake)) <= MOST:
        return sets
    rng = np.random.default_rng(seed)
    real, fake = (np.sort(rng.permutation(len(side))[:MOST]) for side in (sets.real, sets.fake))
    return replace(
        sets,
        real=sets.real[real],
        fake=sets.fake[fake],
        real_rows=sets.real_rows[real],
        fake_rows=sets.fake_rows[fake],
    )


def informed(
    sets: Sets,
    seed: int,
    measure: Measure,
    titles: Mapping[str, str],
    extra: Mapping[str, Mapping[str, Any]],
    within: Mapping[str, tuple[float, float]],
) -> tuple[Finding, ...]:
    """Findings of figures that inform and never decide, each beside its floor.

    Most such figures change with the number of examples. So what is held against the floor is the figure of as many
    generated examples against the same half of the held-out ones: in `figures` under "at_floor_size".

    Arguments:
        sets: features.
        seed: draws the halves.
        measure: figures by name of real [n, d] and generated [m, d] examples.
        titles: by the same names, what a sentence calls them.
        extra: by the same names, further numbers for the report.
        within: by the same names, between what the figure lies whatever the samples are; intervals stop there.
    """
    if short := tuple(one for name in titles if (one := too_few(sets, name, train=False))):
        return short
    first, second, generated = halves(sets, seed)
    sizes = {"n_real": len(sets.real), "n_fake": len(sets.fake), "floor_size": len(first)}
    whole, floor, like = measure(sets.real, sets.fake), measure(first, second), measure(first, generated)
    return tuple(
        _finding(name, title, (whole[name], floor[name], like[name]), sizes, extra.get(name, {}), within.get(name))
        for name, title in titles.items()
    )


def _finding(
    name: str,
    title: str,
    figures: tuple[Figure, Figure, Figure],
    sizes: Mapping[str, int],
    extra: Mapping[str, Any],
    within: tuple[float, float] | None,
) -> Finding:
    whole, floor, like = figures
    error = math.hypot(floor.error, like.error)
    apart = (like.value - floor.value) / error if error else (0.0 if like.value == floor.value else math.inf)
    found = abs(apart) > SIGMAS
    low, high = whole.value - normal() * whole.error, whole.value + normal() * whole.error
    if within:
        low, high = max(low, within[0]), min(high, within[1])
    sentence = (
        f"The {title} of {sizes['n_real']:,} held-out and {sizes['n_fake']:,} generated examples is "
        f"{ranged(whole.value, low, high)}; with {sizes['floor_size']:,} a side it is {like.value:.4g}, "
        f"and {floor.value:.4g} between two halves of the real data"
    )
    return Finding(
        name,
        Verdict.FOUND if found else Verdict.NOT_FOUND,
        f"{sentence}: {'a difference' if found else 'no difference that stands out'}.",
        estimate=whole.value,
        low=low,
        high=high,
        floor=floor.value,
        figures={
            "standard_error": whole.error,
            "floor_error": floor.error,
            "at_floor_size": like.value,
            "at_floor_size_error": like.error,
            **sizes,
            **extra,
        },
    )
