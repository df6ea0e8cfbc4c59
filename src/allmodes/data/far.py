"""A few values far from all others: codes for missing values, slipped units, overflows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FEWEST = 100
"""Values from which on something can be said."""
COPIES, CODE = 5, 10
"""Of one value that is repeated: how often, and how many times as far out as any other it lies."""
SHARE, STRAY = 0.05, 100
"""Of values that differ: their largest share, and how many times as far out as any other they lie."""


@dataclass(frozen=True)
class Far:
    """Values that lie far from all others.

    Arguments:
        count: how many there are.
        value: the farthest.
        alike: whether all are that one.
        middle, radius: the others lie within the radius of the middle.
    """

    count: int
    value: float
    alike: bool
    middle: float
    radius: float


def far_values(x: np.ndarray) -> Far | None:
    r"""The values that lie far from all others and that no tail explains; None where there are none.

    With r and m the largest and the mean distance of the others from the median, the far ones are further than

    .. math:: r \max(10, r / m) \quad\text{or}\quad r \max(100, (r / m)^2)

    The first is for one value, 5 times or more and less than half; the second for any, at most 5 %. A tail
    P(distance > t) = t^{-a} of n values has r of about n^{1/a}, and such a gap by chance in about 1 / n or 1 / n^2 of
    all samples, for any a > 1. Zeros stand aside: they are where nothing was measured, and may be many.

    Arguments:
        x: [n], any numeric type; numbers that are not finite take no part.
    """
    x = x[np.isfinite(x) & (x != 0)].astype(np.float64)
    n = len(x)
    if n < FEWEST:
        return None
    middle = float(np.median(x))
    distance = np.abs(x - middle)
    value = float(x[distance.argmax()])
    copies = int(np.count_nonzero(x == value))
    distance.sort()
    strays = np.arange(1, int(SHARE * n) + 1)
    counts = strays[_apart(distance, strays, STRAY, power=2)]
    if COPIES <= copies < n / 2 and _apart(distance, np.array([copies]), CODE, power=1).all():
        counts = np.array([copies])
    if not len(counts):
        return None
    count = int(counts.max())
    return Far(count, value, count == copies, middle, float(distance[n - count - 1]))


def _apart(distance: np.ndarray, counts: np.ndarray, times: float, power: int) -> np.ndarray:
    """Of each number of far ones, [k], whether they are so far from the others.

    Arguments:
        distance: from the middle, sorted, [n].
    """
    others = len(distance) - counts
    radius, mean = distance[others - 1], np.cumsum(distance)[others - 1] / others
    tail = np.divide(radius, mean, out=np.zeros_like(mean), where=mean > 0)
    return (radius > 0) & (distance[others] > radius * np.maximum(times, tail**power))
