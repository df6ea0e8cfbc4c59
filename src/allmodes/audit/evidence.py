"""What the findings about regions share: which examples show a region."""

from __future__ import annotations

import numpy as np

PICTURES = 24
"""Examples of a region for which the nearest of the other kind are named."""


def typical(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows [n] of x in order of their distance from their median, nearest first."""
    if not len(rows):
        return rows
    some = x[rows].astype(np.float64)
    return rows[np.argsort(np.square(some - np.median(some, 0)).sum(1), kind="stable")]
