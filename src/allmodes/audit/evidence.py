"""What the findings about regions share: examples that lie together, how many, and which of them show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from allmodes.audit.finding import Region
from allmodes.audit.intervals import difference
from allmodes.audit.neighbours import nearest
from allmodes.audit.sets import Sets

PICTURES = 24
"""Examples of a region for which the nearest of the other kind are named."""


@dataclass(frozen=True, eq=False)
class Part:
    """Held-out and generated examples that lie together.

    Arguments:
        real, fake: rows of them.
        looked_at: how many held-out and generated examples were looked at.
        confidence: of the interval of the difference.
        certified: as in `Region`.
    """

    real: np.ndarray
    fake: np.ndarray
    looked_at: tuple[int, int]
    confidence: float
    certified: bool = False

    @property
    def held(self) -> float:
        """Share of the held-out examples."""
        return len(self.real) / self.looked_at[0]

    @property
    def made(self) -> float:
        """Share of the generated examples."""
        return len(self.fake) / self.looked_at[1]

    def interval(self) -> tuple[float, float]:
        """Of the difference, held-out less generated."""
        n, m = self.looked_at
        return difference(len(self.real), n, len(self.fake), m, self.confidence)

    def region(self, sets: Sets, of: Literal["data", "samples"], *, among: np.ndarray | None = None) -> Region:
        """With the examples in it, typical ones first, and the nearest of the other kind.

        Arguments:
            of: what it is a part of.
            among: rows of the other kind that are looked through; all if left out.
        """
        own, other, rows = (sets.real, sets.fake, self.real) if of == "data" else (sets.fake, sets.real, self.fake)
        inside = typical(own, rows)
        shown = inside[:PICTURES]
        beside = nearest(own[shown], other if among is None else other[among]).index[:, 0] if len(shown) else shown
        beside = beside if among is None else among[beside]
        real, fake = (inside, beside) if of == "data" else (beside, inside)
        low, high = self.interval()
        return Region(
            self.held,
            self.made,
            low,
            high,
            examples=tuple(sets.real_rows[real].tolist()),
            fake_examples=tuple(sets.fake_rows[fake].tolist()),
            certified=self.certified,
            of=of,
        )


def typical(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows [n] of x in order of their distance from their median, nearest first."""
    if not len(rows):
        return rows
    some = x[rows].astype(np.float64)
    return rows[np.argsort(np.square(some - np.median(some, 0)).sum(1), kind="stable")]
