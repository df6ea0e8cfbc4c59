"""Precision, recall, density and coverage by approximate neighbours, for very many examples, and what that does."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np
import torch

from allmodes.audit.coverage import Balls, K, Overlap, findings, overlap
from allmodes.audit.finding import Finding
from allmodes.audit.neighbours import TREE_FEATURES, nearest, without_self
from allmodes.audit.sets import Sets
from allmodes.audit.tiles import Tiles
from allmodes.errors import UserError

QUERIES = 300
"""Examples of each kind whose neighbours are searched exactly too."""
RECALL = 0.95
"""Share of their neighbours that must be found; more lists are searched until it is."""
FIRST = 4
"""Lists that are searched at first."""
MOST = 0.25
"""Share of all lists beyond which the exact search is as fast."""
CANDIDATES = 50
"""Nearest examples of the other kind that are looked for in a ball; one that holds more is counted exactly."""
ROUNDS, SAMPLED = 10, 64
"""Of the clustering into lists: rounds, and examples a list that take part."""


def library() -> ModuleType:
    """faiss, which makes the lists and searches them.

    Raises:
        UserError: where it is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of its bindings, of themselves
            import faiss
    except ImportError:
        raise UserError(
            "approximate neighbours need faiss, which is not installed: pip install 'allmodes[approximate]', "
            "or leave them exact"
        ) from None
    faiss.omp_set_num_threads(torch.get_num_threads())
    return faiss


@dataclass(frozen=True)
class Effect:
    """What the approximation does, by examples that were searched exactly too.

    Arguments:
        queries: how many.
        k: which neighbour makes a radius.
        recall: share of their k nearest that were found.
        radius: by what share their radii are too large.
        inside: by what share their balls hold more of the other kind, or fewer where negative.
    """

    queries: int
    k: int
    recall: float
    radius: float
    inside: float

    @property
    def numbers(self) -> dict[str, float]:
        """For the report."""
        return {"neighbours_found": self.recall, "radius_excess": self.radius, "inside_excess": self.inside}

    def __str__(self) -> str:
        return (
            f"neighbours are approximate: of {self.queries} examples that were searched exactly too, "
            f"{100 * self.recall:.2f} % of the {self.k} nearest were found, radii are {100 * self.radius:.2f} % too "
            f"large, and balls hold {100 * abs(self.inside):.2f} % {'more' if self.inside >= 0 else 'fewer'} examples"
        )


def approximate_coverage(
    sets: Sets, seed: int = 0, *, k: int = K, device: torch.device | str = "cpu"
) -> tuple[Finding, ...]:
    """`coverage` by `approximate_overlap`; each finding says what the approximation did to the whole samples."""
    effects: list[Effect | None] = []

    def overlapping(real: np.ndarray, fake: np.ndarray) -> Overlap:
        found, effect = approximate_overlap(real, fake, k=k, seed=seed, device=device)
        effects.append(effect)
        return found

    found = findings(sets, seed, k, overlapping)
    if not effects:
        return found
    effect = effects[0]
    said = str(effect) if effect else "neighbours are exact: in these features approximate ones would save nothing"
    numbers = effect.numbers if effect else {}
    return tuple(
        replace(
            one,
            summary=f"{one.summary.removesuffix('.')}; {said}.",
            figures={**one.figures, **numbers},
        )
        for one in found
    )


def approximate_overlap(
    real: np.ndarray, fake: np.ndarray, *, k: int = K, seed: int = 0, device: torch.device | str = "cpu"
) -> tuple[Overlap, Effect | None]:
    """Who lies in whose ball, by neighbours that are looked for in a few lists alone.

    The n examples of a kind are clustered into sqrt(n) lists, and neighbours are looked for in the lists whose centres
    are nearest: time grows as n^1.5 and not as n^2. How many lists is settled by examples that are searched exactly
    too. A ball needs its radius and the nearest examples of the other kind; where all of these lie inside, there may be
    more, and the ball is counted exactly.

    A neighbour that is overlooked makes a radius too large, never too small, and a ball too empty. This serves figures
    that inform. A test whose null is exact needs exact neighbours, and never calls this.

    Arguments:
        real, fake: [n, d] and [m, d]; a copy of each and its lists are held in float32.
        k: which neighbour makes a radius.
        seed: draws the lists and the examples that are searched exactly.
        device: where exact distances are computed.

    Returns:
        The overlap, and the effect; None where all neighbours are exact, as with few features (a tree is faster) or
        where so many lists would be needed that nothing is saved.

    Raises:
        UserError: where faiss is not installed, or for k examples of a kind or fewer.

    References:
        Product quantization for nearest neighbor search (Jégou, Douze and Schmid, 2011), section IV,
        https://doi.org/10.1109/TPAMI.2010.57
        The faiss library (Douze et al., 2024), https://arxiv.org/abs/2401.08281
    """
    faiss = library()
    if real.shape[1] > TREE_FEATURES and min(len(real), len(fake)) > k:
        centre = real.mean(0, dtype=np.float64).astype(np.float32)
        placed = [np.subtract(x, centre, dtype=np.float32) for x in (real, fake)]
        scale = max(float(np.abs(x).max()) for x in placed) or 1.0
        for x in placed:
            x /= scale  # squares of very large or very small numbers leave the range of float32
        sides = [_Side(faiss, x, k, seed, device) for x in placed]
        if all(side.recall >= RECALL for side in sides):
            around_real, around_fake = (_balls(a, b) for a, b in (sides, sides[::-1]))
            return Overlap(k, around_real, around_fake), _effect(sides, (around_real, around_fake), k)
    return overlap(real, fake, k=k, device=device), None


class _Side:
    """Examples of one kind in lists, and the radii of their balls.

    Arguments:
        x: [n, d] float32.
    """

    def __init__(self, faiss: ModuleType, x: np.ndarray, k: int, seed: int, device: torch.device | str) -> None:
        self.x, self.device = x, device
        lists = round(math.sqrt(len(x)))
        self._centres = faiss.IndexFlatL2(x.shape[1])  # which the lists do not keep alive
        self._lists = faiss.IndexIVFFlat(self._centres, x.shape[1], lists)
        clustering = self._lists.cp
        clustering.niter, clustering.seed = ROUNDS, seed
        clustering.min_points_per_centroid, clustering.max_points_per_centroid = 1, SAMPLED
        self._lists.train(x)
        self._lists.add(x)
        self.some = np.sort(np.random.default_rng(seed).permutation(len(x))[:QUERIES])
        exact = nearest(x[self.some], x, k + 1, device=device)
        distance, index = without_self(self.some, exact.distance, exact.index)
        self.exact_radius = distance[:, -1]
        self._lists.nprobe = FIRST
        while True:
            _, found = self._own(self.some, k)
            self.recall = float((found[:, :, None] == index[:, None, :]).any(1).mean())
            if self.recall >= RECALL or 2 * self._lists.nprobe > MOST * lists:
                break
            self._lists.nprobe *= 2
        if self.recall >= RECALL:
            self.radius = self._own(np.arange(len(x)), k)[0][:, -1]

    def search(self, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The nearest of this side: indices and distances [q, count]; where a list is too short -1 at infinity."""
        squared, index = self._lists.search(queries, count)
        return index, np.sqrt(np.where(index < 0, np.inf, squared))

    def _own(self, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Distances and indices [r, k] of the nearest others of some rows."""
        index, distance = self.search(self.x[rows], k + 1)
        return without_self(rows, distance, index)


def _balls(centres: _Side, others: _Side) -> Balls:
    """Balls around examples of one kind, with those of the other in them."""
    balls = Balls(len(centres.x), len(others.x))
    count = min(CANDIDATES, len(others.x))
    index, distance = others.search(centres.x, count)
    inside = distance < centres.radius[:, None]
    full = np.all(inside, axis=1) if count < len(others.x) else np.zeros(len(inside), bool)
    ball, rank = (inside & ~full[:, None]).nonzero()
    balls.add(ball, index[ball, rank])
    _count(balls, np.flatnonzero(full), centres.x[full], centres.radius[full], others)
    return balls


def _count(balls: Balls, number: np.ndarray, centre: np.ndarray, radius: np.ndarray, others: _Side) -> None:
    """Add all pairs of some balls, by all distances in float32.

    Arguments:
        number: of the balls, [b].
        centre, radius: of the same, [b, d] and [b].
    """
    for tile in Tiles(centre, others.x, device=others.device):
        limit = torch.from_numpy(np.square(radius[tile.rows] / tile.scale)).to(tile.squared)
        pairs = (tile.squared < limit[:, None]).nonzero().cpu().numpy()
        balls.add(number[tile.rows][pairs[:, 0]], pairs[:, 1])


def _effect(sides: list[_Side], balls: tuple[Balls, Balls], k: int) -> Effect:
    """Of the examples of both sides that were searched exactly."""
    more, approximate, exact = [], 0, 0
    for side, other, around in zip(sides, sides[::-1], balls, strict=True):
        true = Balls(len(side.some), len(other.x))
        _count(true, np.arange(len(side.some)), side.x[side.some], side.exact_radius, other)
        approximate, exact = approximate + around.inside[side.some].sum(), exact + true.inside.sum()
        positive = side.exact_radius > 0
        more.append(side.radius[side.some][positive] / side.exact_radius[positive] - 1)
    return Effect(
        queries=sum(len(side.some) for side in sides),
        k=k,
        recall=float(np.mean([side.recall for side in sides])),
        radius=float(np.concatenate(more).mean()) if any(map(len, more)) else 0.0,
        inside=float(approximate / exact - 1) if exact else 0.0,
    )
