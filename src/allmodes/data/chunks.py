"""Large arrays a piece at a time, so that a memory-mapped file is never loaded whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from torch import Tensor

ArrayT = TypeVar("ArrayT", np.ndarray, Tensor)

CHUNK_BYTES = 2**25


def chunks(x: ArrayT) -> Iterator[tuple[int, ArrayT]]:
    """Consecutive pieces of x [n, ...] of about 32 MiB, each with the index of its first row."""
    rows = max(1, CHUNK_BYTES * len(x) // max(1, x.nbytes))
    for start in range(0, len(x), rows):
        yield start, x[start : start + rows]
