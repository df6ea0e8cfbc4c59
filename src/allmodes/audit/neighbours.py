"""The nearest neighbours of examples, exactly, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from allmodes.audit.tiles import Tiles, exact
from allmodes.errors import UserError

TREE_FEATURES = 8
"""Up to so many features a k-d tree is faster than all distances, and as exact."""
BLOCK = 1024
"""Rows and columns of a block of distances within a set."""
MARGIN = 4
"""Candidates beyond k: those of them that may be among the nearest are computed again exactly."""
GROUP = 32
"""Columns among which only the smallest is looked at first."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The k nearest points of n queries, nearest first.

    Arguments:
        distance: Euclidean, [n, k] float64.
        index: rows of the points, [n, k] int64; among equal distances the lowest found first.
    """

    distance: np.ndarray
    index: np.ndarray


def nearest(
    queries: np.ndarray,
    points: np.ndarray,
    k: int = 1,
    *,
    within: bool = False,
    device: torch.device | str = "cpu",
) -> Neighbours:
    """The k nearest points [m, d] of each query [n, d].

    The answer is exact: candidates come from a matrix product in float32, their distances are computed again from the
    differences in float64, and a query whose candidates may not hold the nearest, by the bound on the product's
    rounding, is searched again in float64. Approximate neighbours give radii that are 1 to 4 % too large, which
    breaks exact tests. Memory: a copy of the points and a few tiles (`tiles.TILE_BYTES`).

    Arguments:
        k: how many.
        within: queries are the points themselves, row by row: none is its own neighbour (a duplicate of it is).
        device: where distances are computed; up to `TREE_FEATURES` features a k-d tree on the processor is used.

    Raises:
        UserError: where there are fewer than k neighbours.

    >>> found = nearest(np.array([[0.0], [5.0]]), np.array([[4.0], [1.0], [9.0]]), 2)
    >>> found.index.tolist(), found.distance.tolist()
    ([[1, 0], [0, 1]], [[1.0, 4.0], [1.0, 4.0]])
    """
    available = len(points) - within
    if not 1 <= k <= available:
        raise UserError(f"the {k} nearest of {available} examples asked for; give more examples or a smaller k")
    if points.shape[1] <= TREE_FEATURES:
        return _by_tree(queries, points, k, within)
    found = Neighbours(np.empty((len(queries), k)), np.empty((len(queries), k), np.int64))
    search = _pairs_once(points, k + MARGIN, device) if within else _tile_by_tile(queries, points, k + MARGIN, device)
    doubtful = [_enter(found, part, queries, points, available) for part in search]
    again = np.concatenate(doubtful) if doubtful else np.empty(0, np.int64)
    if len(again):
        own = again if within else None
        for part in _tile_by_tile(queries[again], points, k + MARGIN, device, torch.float64, own):
            _enter(found, replace(part, rows=again[part.rows]), queries, points, available)
    return found


@dataclass(frozen=True, eq=False)
class _Candidates:
    """The nearest points of some queries, by a product of limited precision.

    Arguments:
        rows: which queries, [r].
        squared: their squared distances, nearest first, [r, c] in units of `scale`.
        index: rows of the points, [r, c].
        slack: by how much a squared distance can be wrong, [r, 1].
        scale: one unit of distance, in the units of the examples.
    """

    rows: np.ndarray
    squared: Tensor
    index: Tensor
    slack: Tensor
    scale: float


def _tile_by_tile(
    queries: np.ndarray,
    points: np.ndarray,
    count: int,
    device: torch.device | str,
    dtype: torch.dtype = torch.float32,
    own: np.ndarray | None = None,
) -> Iterator[_Candidates]:
    """Candidates among all points; `own`: which point each query is, and cannot be a neighbour of, [n]."""
    for tile in Tiles(queries, points, device=device, dtype=dtype):
        rows = np.arange(tile.rows.start, tile.rows.stop)
        if own is not None:
            at = torch.from_numpy(own[rows]).to(tile.squared.device)
            tile.squared[torch.arange(len(rows), device=at.device), at] = torch.inf
        squared, index = smallest(tile.squared, min(count, len(points)))
        yield _Candidates(rows, squared, index, tile.slack, tile.scale)


def _pairs_once(points: np.ndarray, count: int, device: torch.device | str) -> Iterator[_Candidates]:
    """Candidates within a set: each pair's distance is computed once and offered to both of the pair."""
    tiles, n = Tiles(points[:0], points, device=device), len(points)
    squared = torch.full((n, min(count, n)), torch.inf, device=tiles.device)
    index = torch.zeros(squared.shape, dtype=torch.int64, device=tiles.device)

    def offer(start: int, block: Tensor, at: int) -> None:
        """Points from `at` on to queries from `start` on."""
        value, column = smallest(block, min(squared.shape[1], block.shape[1]))
        rows = slice(start, start + len(block))
        value, column = torch.cat((squared[rows], value), 1), torch.cat((index[rows], column + at), 1)
        squared[rows], chosen = value.topk(squared.shape[1], dim=1, largest=False)
        index[rows] = column.gather(1, chosen)

    for start in range(0, n, BLOCK):
        for at in range(start, n, BLOCK):
            block = tiles.block(slice(start, start + BLOCK), slice(at, at + BLOCK))
            if at == start:
                block.fill_diagonal_(torch.inf)
            else:
                offer(at, block.T.contiguous(), start)
            offer(start, block, at)
    yield _Candidates(np.arange(n), squared, index, tiles.slack(tiles.squares[:, None]), tiles.scale)


def without_self(rows: np.ndarray, distance: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances and indices [r, k + 1] of the neighbours of rows of a set, without the rows themselves: [r, k]."""
    own = index == rows[:, None]
    own[~own.any(1), -1] = True  # so many duplicates that it is not in its own list
    return distance[~own].reshape(len(rows), -1), index[~own].reshape(len(rows), -1)


def _by_tree(queries: np.ndarray, points: np.ndarray, k: int, within: bool) -> Neighbours:
    from scipy.spatial import KDTree

    found = KDTree(points).query(queries, k + within)
    distance, index = (np.reshape(part, (len(queries), k + within)) for part in found)
    if within:
        distance, index = without_self(np.arange(len(queries)), distance, index)
    order = np.lexsort((index, distance))
    return Neighbours(np.take_along_axis(distance, order, 1), np.take_along_axis(index, order, 1).astype(np.int64))


def _enter(found: Neighbours, part: _Candidates, queries: np.ndarray, points: np.ndarray, available: int) -> np.ndarray:
    """Enter the neighbours of some queries; those of them that the candidates do not decide are returned."""
    k, c = found.index.shape[1], min(part.index.shape[1], available)
    squared = part.squared[:, :c]
    near = squared <= squared[:, k - 1 : k] + 2 * part.slack  # k are at most one slack farther: the others are not near
    index, order = part.index[:, :c].sort(1)
    index, near = index.cpu().numpy(), near.gather(1, order).cpu().numpy()
    square = np.full(index.shape, np.inf)
    square[near] = exact(queries, part.rows[near.nonzero()[0]], points, index[near])
    first = np.argsort(square, axis=1, kind="stable")[:, :k]
    found.index[part.rows] = np.take_along_axis(index, first, 1)
    square = np.take_along_axis(square, first, 1)
    found.distance[part.rows] = np.sqrt(square)
    if c == available:
        return part.rows[:0]
    beyond = (squared[:, -1:] - part.slack).double().cpu().numpy() * part.scale**2
    return part.rows[square[:, -1] > beyond[:, 0]]


def smallest(values: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k smallest of each row [n, m], in order, and their columns: `torch.topk`, faster on long rows.

    The k smallest lie in the k groups of columns with the smallest minima, and minima are cheap.
    """
    n, m = values.shape
    groups = m // GROUP
    if groups < 4 * k:
        found = values.topk(k, dim=1, largest=False)
        return found.values, found.indices
    whole = values[:, : groups * GROUP].view(n, GROUP, groups)
    chosen = whole.amin(1).topk(k, dim=1, largest=False).indices
    columns = (chosen[:, None, :] + groups * torch.arange(GROUP, device=values.device)[:, None]).flatten(1)
    rest = torch.arange(groups * GROUP, m, device=values.device).expand(n, -1)
    columns = torch.cat((columns, rest), 1)
    found = values.gather(1, columns).topk(k, dim=1, largest=False)
    return found.values, columns.gather(1, found.indices)
