"""Precision, recall, density and coverage: how two samples lie in each other's neighbourhoods."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from allmodes.audit.finding import Finding
from allmodes.audit.floors import Figure, informed
from allmodes.audit.neighbours import nearest
from allmodes.audit.sets import Sets
from allmodes.audit.tiles import Tile, Tiles, exact

K = 5
"""Neighbours that make the radius of a ball."""
TILE_BYTES = 2**22
"""Small: a tile is looked at several times and should stay near the processor."""
ROWS = 400
"""Of a tile where there are many features."""
WITHIN = dict.fromkeys(("precision", "recall", "coverage"), (0.0, 1.0)) | {"density": (0.0, math.inf)}
TITLES = {"precision": "precision", "recall": "recall", "density": "density", "coverage": "coverage"}


def coverage(
    sets: Sets, level: float = 0.0, seed: int = 0, *, k: int = K, device: torch.device | str = "cpu"
) -> tuple[Finding, ...]:
    """Precision, recall, density and coverage with their intervals, floors and null values.

    They inform and do not decide, so `level` is not used: even the true distribution does not score 1 against itself
    (a precision of 0.98 in 2 dimensions, 0.44 in 2,048), and a mode can be missing while all four look well.

    Arguments:
        sets: features.
        seed: draws the halves of the held-out examples that make the floor.
        k: neighbours that make a ball.
        device: where distances are computed.

    Returns:
        four findings.
    """
    del level
    n, m = len(sets.real), len(sets.fake)
    null = {"density": 1.0, "coverage": coverage_null(n, m, k) if n > k else 0.0}
    return informed(
        sets,
        seed,
        lambda real, fake: overlap(real, fake, k=k, device=device).figures(),
        TITLES,
        {name: {"k": k} | ({"null": null[name]} if name in null else {}) for name in TITLES},
        WITHIN,
    )


def coverage_null(n: int, m: int, k: int = K) -> float:
    r"""The mean coverage of n real by m generated examples of the same distribution.

    .. math:: 1 - \prod_{j=0}^{k-1} \frac{n - 1 - j}{n + m - 1 - j}

    >>> round(coverage_null(10_000, 10_000), 4)
    0.9688
    """
    return 1 - math.prod((n - 1 - j) / (n + m - 1 - j) for j in range(k))


@dataclass(frozen=True, eq=False)
class Overlap:
    """Who lies in whose ball, for n real and m generated examples.

    An example's ball reaches to its k-th neighbour of its own kind, without its rim.

    Arguments:
        k: which neighbour.
        balls_at_fake: real balls that hold each generated example, [m].
        fakes_in_ball: generated examples in each real ball, [n].
        balls_at_real: generated balls that hold each real example, [n].
        fakes_lost: generated examples that each real ball holds alone, [n].
        balls_lost: real balls that each generated example fills alone, [m].
        reals_lost: real examples that each generated ball holds alone, [m].
    """

    k: int
    balls_at_fake: np.ndarray
    fakes_in_ball: np.ndarray
    balls_at_real: np.ndarray
    fakes_lost: np.ndarray
    balls_lost: np.ndarray
    reals_lost: np.ndarray

    def figures(self) -> dict[str, Figure]:
        r"""The four figures with standard errors.

        .. math::
            precision = \frac1m \sum_j 1[y_j \in \cup_i B(x_i)], \quad recall = \frac1n \sum_i 1[x_i \in \cup_j B(y_j)],

            density = \frac{1}{km} \sum_{ij} 1[y_j \in B(x_i)], \quad
            coverage = \frac1n \sum_i 1[\exists j: y_j \in B(x_i)]

        Standard errors are jackknives over both samples: what a figure loses with each example, radii held.

        References:
            Improved precision and recall (Kynkäänniemi et al., 2019), equation 1, https://arxiv.org/abs/1904.06991
            Density and coverage (Naeem et al., 2020), equations 3 and 4, https://arxiv.org/abs/2002.09797
        """
        n, m = len(self.fakes_in_ball), len(self.balls_at_fake)
        return {
            "precision": _figure(self.balls_at_fake > 0, self.fakes_lost / m),
            "recall": _figure(self.balls_at_real > 0, self.reals_lost / n),
            "density": _figure(self.balls_at_fake / self.k, self.fakes_in_ball / (self.k * m)),
            "coverage": _figure(self.fakes_in_ball > 0, self.balls_lost / n),
        }


def _figure(each: np.ndarray, lost: np.ndarray) -> Figure:
    """The mean over one sample, [n], and its error by that sample and by what is lost with each of the other, [m]."""
    own = each.var(ddof=1) / len(each)
    other = (len(lost) - 1) * lost.var()
    return Figure(float(each.mean()), math.sqrt(own + other))


def overlap(real: np.ndarray, fake: np.ndarray, *, k: int = K, device: torch.device | str = "cpu") -> Overlap:
    """Who lies in whose ball, for real [n, d] and generated [m, d] examples.

    Distances are decided as exactly as float64 allows: a product in float32 sorts out the pairs that are clear, the
    others are computed again from their differences.

    Raises:
        UserError: for k examples of a kind or fewer.
    """
    radius_real, radius_fake = (nearest(x, x, k, within=True, device=device).distance[:, -1] for x in (real, fake))
    n, m = len(real), len(fake)
    balls_at_fake, fakes_in_ball, balls_at_real = (np.zeros(size, np.int64) for size in (m, n, n))
    fakes_lost, someone_in, some_ball_at = (np.zeros(n, np.int64) for _ in range(3))
    # With many features the product is what costs, and it wants many rows.
    tile_bytes = max(TILE_BYTES, 4 * n * min(real.shape[1], ROWS))
    for tile in Tiles(fake, real, device=device, tile_bytes=tile_bytes):
        start, stop = tile.rows.start, tile.rows.stop
        shifted = tile.squared.sub_(tile.slack)
        y, x = _inside(tile, shifted, radius_real[None, :], fake, real)
        held = np.bincount(y - start, minlength=stop - start)
        balls_at_fake[start:stop] = held
        fakes_in_ball += np.bincount(x, minlength=n)
        fakes_lost += np.bincount(x[held[y - start] == 1], minlength=n)
        someone_in[x] = y
        y, x = _inside(tile, shifted, radius_fake[start:stop, None], fake, real)
        balls_at_real += np.bincount(x, minlength=n)
        some_ball_at[x] = y
    return Overlap(
        k,
        balls_at_fake,
        fakes_in_ball,
        balls_at_real,
        fakes_lost,
        np.bincount(someone_in[fakes_in_ball == 1], minlength=m),
        np.bincount(some_ball_at[balls_at_real == 1], minlength=m),
    )


def _inside(
    tile: Tile, shifted: Tensor, radius: np.ndarray, fake: np.ndarray, real: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (generated, real) nearer than a radius, [rows, 1] or [1, n]: rows of each.

    Arguments:
        shifted: squared distances less their slack, so that nothing that is inside is missed.
    """
    limit = torch.from_numpy(np.square(radius / tile.scale)).to(shifted.device, shifted.dtype)
    pairs = (shifted < limit).nonzero()
    row, column = pairs[:, 0], pairs[:, 1]
    slack = tile.slack[row, 0]
    bound = limit.expand_as(shifted)[row, column]
    doubtful = (shifted[row, column] + 2 * slack >= bound).cpu().numpy()
    y, x = row.cpu().numpy() + tile.rows.start, column.cpu().numpy()
    inside = ~doubtful
    again = y[doubtful], x[doubtful]
    radii = np.broadcast_to(radius, shifted.shape)[again[0] - tile.rows.start, again[1]]
    inside[doubtful] = np.sqrt(exact(fake, again[0], real, again[1])) < radii
    return y[inside], x[inside]
