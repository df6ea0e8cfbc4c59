"""Squared distances between two sets a tile at a time: never n x m at once, and with a bound on their rounding."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

TILE_BYTES = 64 * 2**20
"""Of one tile of distances; the work beside it is a small multiple."""
PLACED = 2**20
"""Numbers that are centred at once."""
SCRATCH = 2**17
"""Numbers of pairs whose differences are held at once: few, so that they stay near the processor."""


@dataclass(frozen=True)
class Tile:
    """Squared distances of some queries to all points, in units of `scale`.

    Arguments:
        rows: which queries.
        squared: [rows, m] float32 or float64; rounding can make a small one negative.
        slack: by how much each squared distance of a row can be wrong, [rows, 1].
        scale: one unit of distance, in the units of the examples.
    """

    rows: slice
    squared: Tensor
    slack: Tensor
    scale: float


class Tiles:
    r"""Squared distances from queries [n, d] to points [m, d], a tile of rows at a time.

    .. math:: |q - p|^2 = |q|^2 - 2 q \cdot p + |p|^2

    turns n m d operations into one matrix product, but subtracts large numbers: rows that are equal come out at 0.35
    instead of 0 with 2,048 features and an offset. So everything is centred at the points' mean first, which removes
    an offset, and each tile says how far off it can still be: what is that near to a decision is decided again, in
    float64 from the differences, by `exact`.

    Arguments:
        queries: [n, d]; one chunk of them is copied at a time.
        points: [m, d]; one centred copy of them is kept on the device.
        device: where the products are computed.
        dtype: of the products.
        tile_bytes: size of one tile.
    """

    def __init__(
        self,
        queries: np.ndarray,
        points: np.ndarray,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        tile_bytes: int = TILE_BYTES,
    ) -> None:
        self.queries, self.device, self.dtype = queries, torch.device(device), dtype
        self.step = max(1, tile_bytes // (dtype.itemsize * max(len(points), points.shape[1])))
        self.centre = points.mean(0, dtype=np.float64)
        ends = [end - self.centre for part in (queries, points) if len(part) for end in (part.min(0), part.max(0))]
        # Squares of very large or very small numbers leave the range of float32.
        self.scale = float(np.abs(ends).max(initial=0.0)) or 1.0
        self.points = torch.empty(points.shape, dtype=dtype, device=self.device)
        self.squares = torch.empty(len(points), dtype=dtype, device=self.device)
        for rows in _pieces(len(points), PLACED // points.shape[1]):
            self.points[rows] = placed = self._place(points[rows])
            self.squares[rows] = placed.square().sum(1)
        self.rounding = (8 + math.sqrt(points.shape[1])) * torch.finfo(dtype).eps

    def _place(self, x: np.ndarray) -> Tensor:
        """Centred and scaled, on the device."""
        placed = np.subtract(x, self.centre, dtype=np.float64)
        placed /= self.scale
        return torch.from_numpy(placed).to(self.device, self.dtype)

    def __iter__(self) -> Iterator[Tile]:
        for rows in _pieces(len(self.queries), self.step):
            placed = self._place(self.queries[rows])
            squares = placed.square().sum(1, keepdim=True)
            yield Tile(rows, self._squared(placed, squares, slice(None)), self.slack(squares), self.scale)

    def block(self, rows: slice, columns: slice) -> Tensor:
        """Squared distances between some of the points and others of them, [rows, columns]."""
        return self._squared(self.points[rows], self.squares[rows, None], columns)

    def slack(self, squares: Tensor) -> Tensor:
        """By how much squared distances can be wrong, from the squares of what is at one of their ends."""
        return self.rounding * (squares + (self.squares.max() if len(self.squares) else 0.0))

    def _squared(self, placed: Tensor, squares: Tensor, columns: slice) -> Tensor:
        with full_precision():
            product = torch.addmm(self.squares[columns], placed, self.points[columns].T, alpha=-2)
        return product.add_(squares)


def _pieces(n: int, step: int) -> Iterator[slice]:
    """Rows 0 to n, at most so many at a time."""
    step = max(1, step)
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def exact(queries: np.ndarray, rows: np.ndarray, points: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Squared distances of pairs from their differences in float64: queries[rows] to points[columns], [p]."""
    square = np.empty(len(rows))
    for part in _pieces(len(rows), SCRATCH // points.shape[1]):
        difference = np.subtract(queries[rows[part]], points[columns[part]], dtype=np.float64)
        square[part] = np.einsum("pd,pd->p", difference, difference)
    return square


@contextmanager
def full_precision() -> Iterator[None]:
    """Float32 products with all of their bits on a GPU, whatever the surroundings have chosen."""
    chosen = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = chosen
