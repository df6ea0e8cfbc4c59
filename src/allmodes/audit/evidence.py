"""What the findings about regions share: when there are too few examples, and which examples show a region."""

from __future__ import annotations

import numpy as np

from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.sets import Sets

FEWEST = 100
"""Of examples of each kind; with fewer nothing is decided."""
HARDLY = 0.1
"""Share of its rate below which a region counts as not there."""
PICTURES = 24
"""Examples of a region for which the nearest of the other kind are named."""


def too_few(sets: Sets, name: str, level: float) -> Finding | None:
    """The answer where there are too few examples, else None."""
    counts = {"training": len(sets.train), "held-out": len(sets.real), "generated": len(sets.fake)}
    kind = min(counts, key=lambda kind: counts[kind])
    if counts[kind] >= FEWEST:
        return None
    summary = f"{counts[kind]} {kind} examples are too few to tell; at least {FEWEST} are needed"
    return Finding(name, Verdict.CANNOT_TELL, summary, level=level)


def typical(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows [n] of x in order of their distance from their median, nearest first."""
    if not len(rows):
        return rows
    some = x[rows].astype(np.float64)
    return rows[np.argsort(np.square(some - np.median(some, 0)).sum(1), kind="stable")]
