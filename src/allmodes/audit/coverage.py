"""Precision, recall, density and coverage: how two samples lie in each other's neighbourhoods."""

from __future__ import annotations

import math
from collections.abc import Callable
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


def coverage(sets: Sets, seed: int = 0, *, k: int = K, device: torch.device | str = "cpu") -> tuple[Finding, ...]:
    """Precision, recall, density and coverage with their intervals, floors and null values.

    They inform and do not decide: even the true distribution does not score 1 against itself, in many dimensions far
    from it, and a mode can be missing while all four look well.

    Arguments:
        sets: features.
        seed: draws the halves of the held-out examples that make the floor.
        k: neighbours that make a ball.
        device: where distances are computed.

    Returns:
        four findings.
    """
    return findings(sets, seed, k, lambda real, fake: overlap(real, fake, k=k, device=device))


def findings(
    sets: Sets, seed: int, k: int, overlapping: Callable[[np.ndarray, np.ndarray], Overlap]
) -> tuple[Finding, ...]:
    """The four findings, where the overlap of real and generated examples is given."""
    n, m = len(sets.real), len(sets.fake)
    null = {"density": 1.0, "coverage": coverage_null(n, m, k) if n > k else 0.0}
    return informed(
        sets,
        seed,
        lambda real, fake: overlapping(real, fake).figures(),
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


class Balls:
    """How many examples lie in each ball around others, and in how many balls each lies, from pairs as they come."""

    def __init__(self, balls: int, examples: int) -> None:
        self.inside, self.around = np.zeros(balls, np.int64), np.zeros(examples, np.int64)
        self._someone, self._some_ball = np.zeros(balls, np.int64), np.zeros(examples, np.int64)

    def add(self, ball: np.ndarray, example: np.ndarray) -> None:
        """Pairs of a ball and an example in it: numbers of both, [p] each. No pair comes twice."""
        self.inside += np.bincount(ball, minlength=len(self.inside))
        self.around += np.bincount(example, minlength=len(self.around))
        self._someone[ball], self._some_ball[example] = example, ball

    @property
    def held_alone(self) -> np.ndarray:
        """Examples that no other ball holds, of each ball, [balls]."""
        return np.bincount(self._some_ball[self.around == 1], minlength=len(self.inside))

    @property
    def filled_alone(self) -> np.ndarray:
        """Balls that hold no other example, of each example, [examples]."""
        return np.bincount(self._someone[self.inside == 1], minlength=len(self.around))


@dataclass(frozen=True, eq=False)
class Overlap:
    """Who lies in whose ball.

    An example's ball reaches to its k-th neighbour of its own kind, without its rim.

    Arguments:
        k: which neighbour.
        of_real: balls around real examples, with generated ones in them.
        of_fake: balls around generated examples, with real ones in them.
    """

    k: int
    of_real: Balls
    of_fake: Balls

    def figures(self) -> dict[str, Figure]:
        r"""The four figures with standard errors.

        .. math::
            precision = \frac1m \sum_j 1[y_j \in \cup_i B(x_i)], \quad recall = \frac1n \sum_i 1[x_i \in \cup_j B(y_j)],

            density = \frac{1}{km} \sum_{ij} 1[y_j \in B(x_i)], \quad
            coverage = \frac1n \sum_i 1[\exists j: y_j \in B(x_i)]

        Standard errors are jackknives over both samples: what a figure loses with each example, radii held, which makes
        them too small in many dimensions, and where values repeat.

        References:
            Improved precision and recall (Kynkäänniemi et al., 2019), equation 1, https://arxiv.org/abs/1904.06991
            Density and coverage (Naeem et al., 2020), equations 3 and 4, https://arxiv.org/abs/2002.09797
        """
        k, real, fake = self.k, self.of_real, self.of_fake
        n, m = len(real.inside), len(fake.inside)
        return {
            "precision": _figure(real.around > 0, real.held_alone / m),
            "recall": _figure(fake.around > 0, fake.held_alone / n),
            "density": _figure(real.around / k, real.inside / (k * m)),
            "coverage": _figure(real.inside > 0, real.filled_alone / n),
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
    of_real, of_fake = Balls(n, m), Balls(m, n)
    # With many features the product is what costs, and it wants many rows.
    tile_bytes = max(TILE_BYTES, 4 * n * min(real.shape[1], ROWS))
    for tile in Tiles(fake, real, device=device, tile_bytes=tile_bytes):
        shifted = tile.squared.sub_(tile.slack)
        y, x = _inside(tile, shifted, radius_real[None, :], fake, real)
        of_real.add(x, y)
        y, x = _inside(tile, shifted, radius_fake[tile.rows, None], fake, real)
        of_fake.add(y, x)
    return Overlap(k, of_real, of_fake)


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
