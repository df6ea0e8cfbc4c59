"""Whether a mode is generated as a few points: collapse inside modes, which counts of regions cannot see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allmodes.audit.enough import too_few
from allmodes.audit.evidence import Part
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.intervals import together
from allmodes.audit.question import Question
from allmodes.audit.regions import Chart, chart
from allmodes.audit.scan import draws_for
from allmodes.audit.sets import Sets
from allmodes.shares import percent

IN_CELL = 25
"""Held-out examples that a cell should have."""
SMALLEST_CELL = 0.02
FEWEST_IN_CELL = 10
MOST_IN_CELL = 100
PARTS = 4
"""How much smaller the parts of a cell may be."""
LOOKED_AT = 12
"""Neighbours among which the nearest of the same sample is looked for."""
SMALLEST = 1e-3
"""Distances below this share of the median one in a cell count as it: the logarithm of 0 is no number."""


def spacing(sets: Sets, level: float, seed: int, *, on: Chart | None = None) -> Finding:
    r"""Cells of the data in which the generated examples lie too close together.

    In each cell, as many held-out as generated examples of every part of it (a cell that holds two modes, one of which
    is missing, is no collapse); in each sample, the distance d from each example to the nearest other one of the same
    sample:

    .. math:: S = \frac1c \sum_{fake} \log d_i - \frac1c \sum_{real} \log d_i, \quad z = (S - \bar S) / s

    The labels real and generated are permuted inside the parts, which gives the mean and the spread of S and the
    distribution of the smallest z of all cells. (A rank test of the distances would treat them as independent. They
    share points, and it cries wolf in a fifth of healthy generators.)

    Arguments:
        level: chance of a false alarm.
        seed: draws the examples of a cell and the permutations.
        on: the chart of the sets, if it has been made already.

    Returns:
        `estimate`: share of the data in the cells found. `figures["ratio"]`: the smallest geometric mean of the
        generated distances over that of the held-out ones.
    """
    if short := too_few(sets, "spacing", level):
        return short
    rng = np.random.default_rng(seed)
    on = on or chart(sets, seed)
    least = max(SMALLEST_CELL, IN_CELL / len(sets.real))
    cell, part = on.regions.cells(least), on.regions.cells(least / PARTS)
    real, fake = cell[on.real], cell[on.fake]
    draws = draws_for(level)
    tested, ratios, scores = [], [], []
    for c in range(cell.max() + 1):
        rows = np.flatnonzero(real == c), np.flatnonzero(fake == c)
        some = _equal(rows, (part[on.real[rows[0]]], part[on.fake[rows[1]]]), rng)
        if len(some.part) < FEWEST_IN_CELL:
            continue
        drawn = _spacings(np.concatenate((sets.real[some.real], sets.fake[some.fake])), some.part, draws, rng)
        tested.append(c)
        ratios.append(float(np.exp(drawn[0])))
        scores.append((drawn - drawn.mean()) / (drawn.std() or 1.0))
    if not tested:
        summary = f"no cell of the data holds {FEWEST_IN_CELL} held-out and as many generated examples"
        return Finding("spacing", Verdict.CANNOT_TELL, summary, level=level)
    z = np.stack(scores, 1)
    least = np.sort(z[1:].min(1))
    p_values = (1 + np.searchsorted(least, z[0] + 1e-9, side="right")) / (draws + 1)
    found = [tested[i] for i in np.argsort(z[0]) if p_values[i] <= level]
    figures = {"cells": len(tested), "cells_found": len(found), "ratio": min(ratios)}
    if not found:
        summary = f"in none of {len(tested)} cells of the data are the samples closer together than the data"
        return Finding(
            "spacing",
            Verdict.NOT_FOUND,
            summary,
            estimate=0.0,
            p_value=float(p_values.min()),
            floor=0.0,
            level=level,
            figures=figures,
        )
    groups = [
        Part(np.flatnonzero(real == c), np.flatnonzero(fake == c), (len(real), len(fake)), together(len(found)))
        for c in found
    ]
    mass = sum(group.held for group in groups)
    return Finding(
        "spacing",
        Verdict.FOUND,
        f"in {len(found)} of {len(tested)} cells, with {percent(mass)} of the data, the samples lie closer together "
        f"than the data: down to {min(ratios):.2g} times the distance",
        estimate=mass,
        p_value=float(p_values.min()),
        floor=0.0,
        level=level,
        regions=tuple(group.region(sets, "data", among=group.fake) for group in groups),
        figures=figures,
    )


@dataclass(frozen=True, eq=False)
class _Equal:
    """Rows of c held-out and of c generated examples, the i-th of both in the same part of the cell, [c] each."""

    real: np.ndarray
    fake: np.ndarray
    part: np.ndarray


def _equal(
    rows: tuple[np.ndarray, np.ndarray], parts: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> _Equal:
    """As many rows of both from every part, drawn at random, from the parts of all rows."""
    both = np.intersect1d(*parts)
    counts = [min((parts[0] == k).sum(), (parts[1] == k).sum()) for k in both]
    part = np.repeat(both, np.array(counts, np.int64))
    if len(part) > MOST_IN_CELL:
        part = np.sort(rng.choice(part, MOST_IN_CELL, replace=False))
    drawn = [
        [rng.choice(r[p == k], (part == k).sum(), replace=False) for k in np.unique(part)]
        for r, p in zip(rows, parts, strict=True)
    ]
    real, fake = (np.concatenate(some) if some else np.empty(0, np.int64) for some in drawn)
    return _Equal(real, fake, part)


def _spacings(x: np.ndarray, part: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """S of c real and c generated examples, [2 c, d], of parts [c]: as they are, then permuted, [1 + draws]."""
    from scipy.spatial.distance import cdist

    n = len(x)
    distance = cdist(x, x)
    np.fill_diagonal(distance, np.inf)
    order = np.argsort(distance, axis=1, kind="stable")[:, : min(n - 1, LOOKED_AT)]
    near = np.take_along_axis(distance, order, 1)
    log = np.log(np.maximum(near, SMALLEST * np.median(near) + np.finfo(float).tiny))
    fake = np.arange(n) >= n // 2
    # [n, draws]: what is gathered for a neighbour is then one run of memory.
    label = np.repeat(fake[:, None], 1 + draws, axis=1)
    for k in np.unique(part):
        within = np.flatnonzero(np.tile(part == k, 2))
        label[within, 1:] = rng.permuted(label[within, 1:], axis=0)
    own = np.repeat(log[:, -1:], 1 + draws, axis=1)
    for rank in range(log.shape[1] - 1, -1, -1):
        np.copyto(own, log[:, rank, None], where=label[order[:, rank]] == label)
    return 2 / n * np.where(label, own, -own).sum(0)


QUESTION = Question(
    name="spacing",
    title="Do its samples lie too close together inside a mode?",
    method="In each cell the distances between generated examples are compared with those between real ones, labels "
    "exchanged inside the cell.",
    measure="of the data",
    share=True,
    weight=2,
    masses=False,
    labels={
        "cells": "cells looked at",
        "cells_found": "cells found",
        "ratio": "smallest distance between generated ones over that between real ones",
    },
    captions=("Real ones", "Generated ones: too close together"),
    planted=True,
    ask=lambda exam, level: spacing(exam.sets, level, exam.seed, on=exam.chart),
    claim=lambda found, figure: "makes samples that lie too close together inside modes",
)
