"""The user's own functions of an example (an energy, a width, a mass): are they distributed as in the real data?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from allmodes.audit.enough import FEWEST, too_few
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.functions import Function, numbers
from allmodes.audit.intervals import together
from allmodes.audit.one_dimension import compare, histogram
from allmodes.audit.question import Question
from allmodes.audit.scan import holm
from allmodes.audit.subject import Examples, Subject

PARTS = 4
"""Bins of a continuous condition, of equal numbers of real examples."""
MOST_CLASSES = 20


def observables(subject: Subject, functions: Mapping[str, Function], level: float, seed: int) -> Finding:
    """Each observable, over all examples and in bins of each condition; Holm's correction over all looks.

    The tests are `one_dimension.compare`'s. Where the generated examples come with conditions, a look is also taken in
    each class and in quarters of each continuous condition: an energy scale that is wrong in one bin and right over
    all is seen there.

    Raises:
        UserError: for a function that raises or gives no numbers.
    """
    values = {
        name: tuple(numbers(function, side, name, "observable") for side in (subject.real, subject.fake))
        for name, function in functions.items()
    }
    if short := too_few(subject, "observables", level):
        return short
    rng = np.random.default_rng(seed)
    looks = [(name, where, real[a], fake[b]) for name, (real, fake) in values.items() for where, a, b in bins(subject)]
    compared = [compare(real, fake, rng, together(len(looks))) for _, _, real, fake in looks]
    adjusted = holm(np.array([one.p_value for one in compared]))
    first = int(np.argmin(adjusted + 1e-9 * np.argsort(np.argsort([-one.distance for one in compared]))))
    name, where, one = looks[first][0], looks[first][1], compared[first]
    found = [i for i in range(len(looks)) if adjusted[i] <= level]
    wrong = list(dict.fromkeys(looks[i][0] for i in found))
    place = f" where {where}" if where else ""
    said = f"{name}{place}: {one.said()}"
    return Finding(
        name="observables",
        verdict=Verdict.FOUND if found else Verdict.NOT_FOUND,
        summary=f"not distributed as in the data: {', '.join(wrong)}; {said}"
        if found
        else f"no observable differs significantly in any of {len(looks)} looks; nearest to it {said}",
        estimate=one.distance,
        low=one.low,
        high=one.high,
        p_value=float(adjusted.min()),
        floor=one.floor,
        level=level,
        figures={
            "looks": [
                {"name": look[0], "where": look[1], "n": len(look[2]), "m": len(look[3])}
                | asdict(other)
                | {"p_value": float(p)}
                for look, other, p in zip(looks, compared, adjusted, strict=True)
            ],
            "histograms": [
                {"name": looks[i][0], "where": looks[i][1], **histogram(looks[i][2], looks[i][3])}
                for i in np.argsort(adjusted, kind="stable")
            ],
        },
    )


def bins(subject: Subject) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """All examples, then the bins of each condition: what to call it, rows of real, rows of fake.

    Bins with fewer than 100 examples of either kind are left out.
    """
    real, fake, event = subject.real, subject.fake, subject.event
    found = [("", np.arange(len(real)), np.arange(len(fake)))]
    if real.labels is not None and fake.labels is not None and len(event.classes) <= MOST_CLASSES:
        for index, name in enumerate(event.classes):
            found.append((f"{event.label} is {name}", *_rows(real.labels == index, fake.labels == index)))
    for column, name in enumerate(event.variables):
        found += _parts(real, fake, column, name)
    return [bin for bin in found if min(len(bin[1]), len(bin[2])) >= FEWEST]


def _parts(real: Examples, fake: Examples, column: int, name: str) -> list[tuple[str, np.ndarray, np.ndarray]]:
    if real.values is None or fake.values is None:
        return []
    a, b = real.values[:, column], fake.values[:, column]
    edges = np.unique(np.quantile(a, np.linspace(0, 1, PARTS + 1)))
    if len(edges) < 3:
        return []
    edges[0], edges[-1] = -np.inf, np.inf
    spoken = [f"{edge:.3g}" for edge in edges]
    parts = []
    for i in range(len(edges) - 1):
        inside = [(x >= edges[i]) & (x < edges[i + 1]) for x in (a, b)]
        said = f"{name} < {spoken[1]}" if i == 0 else f"{name} >= {spoken[i]}"
        if 0 < i < len(edges) - 2:
            said = f"{spoken[i]} <= {name} < {spoken[i + 1]}"
        parts.append((said, *_rows(*inside)))
    return parts


def _rows(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.flatnonzero(a), np.flatnonzero(b)


QUESTION = Question(
    name="observables",
    title="Are your observables distributed as in the data?",
    method="Your functions of an example, over all and in bins of each condition: Kolmogorov-Smirnov and "
    "Mann-Whitney tests, and of the most extreme values whose they are; Holm's correction over all looks. The "
    "outermost bins hold what lies beyond.",
    measure="distance",
    weight=2,
    suits=lambda exam: bool(exam.observables),
    ask=lambda exam, level: observables(exam.subject, exam.observables, level, exam.seed),
    claim=lambda found, figure: "distorts observables",
)
