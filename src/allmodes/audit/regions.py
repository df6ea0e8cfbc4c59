"""Regions of the data, of every size: the nodes of a tree of clusters over training examples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from allmodes.audit.neighbours import nearest
from allmodes.audit.sets import Sets

LEAST_POINTS = 12
"""Of a region, in examples that the tree was built on."""
LARGEST_SHARE = 0.6
NARROW = 32
"""Up to so many features all differences are taken one by one, beyond that a matrix product does it."""
MOST_POINTS = 4000
"""That a tree is built on: its time and memory grow with their square (4,000 take 0.5 s and 64 MB)."""
Device = torch.device | str
GAP_POWER = 2.0
"""How much more a region that stands apart is looked at."""


@dataclass(frozen=True, eq=False)
class Cover:
    """Overlapping regions made of atoms, the largest sets that no region cuts.

    Arguments:
        inside: whether an atom is in a region, [atoms, regions] bool.
        weight: share of the attention that each region gets, [regions], sum 1; known before any test.
    """

    inside: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return self.inside.shape[1]

    @cached_property
    def _inside(self) -> np.ndarray:
        return self.inside.astype(np.float64)  # products of floats are many times faster, and exact below 2^53

    def count(self, atoms: np.ndarray) -> np.ndarray:
        """How many of the located examples [n] are in each region: [regions] int64."""
        return self.sums(np.bincount(atoms, minlength=len(self.inside)))

    def sums(self, counts: np.ndarray) -> np.ndarray:
        """Counts in atoms, [..., atoms], as counts in regions, [..., regions] int64."""
        return np.rint(counts @ self._inside).astype(np.int64)

    def disjoint(self, order: np.ndarray, most: int) -> list[int]:
        """The first regions of an order that share no atom, at most so many."""
        taken, chosen = np.zeros(len(self.inside), bool), []
        for region in order:
            if len(chosen) == most:
                break
            if not (taken & self.inside[:, region]).any():
                taken |= self.inside[:, region]
                chosen.append(int(region))
        return chosen


@dataclass(frozen=True, eq=False)
class Regions(Cover):
    """Regions of a tree: each example belongs to the regions that its nearest tree point belongs to.

    Arguments:
        points: the tree points, [p, d].
        atom: which atom each tree point is in, [p] int64.
    """

    points: np.ndarray
    atom: np.ndarray

    def locate(self, x: np.ndarray, device: Device = "cpu") -> np.ndarray:
        """The atom of each example [n, d]: [n] int64; distances are computed on the device."""
        return self.atom[nearest(x, self.points, device=device).index[:, 0]] if len(x) else np.empty(0, np.int64)

    def cells(self, least: float) -> np.ndarray:
        """A partition into cells that each hold at least this share of the tree points: cell of each atom, [atoms].

        From the smallest regions up: a region that is large enough and whose parts are not becomes a cell; what is
        left over joins the cell of its nearest relative in the tree.
        """
        share = np.bincount(self.atom, minlength=len(self.inside)) / len(self.points)
        mass = share @ self._inside
        cell = np.full(len(self.inside), -1)
        count = 0
        for region in np.argsort(self.inside.sum(0), kind="stable"):
            within = self.inside[:, region]
            free = within & (cell < 0)
            if mass[region] < least or not free.any():
                continue
            if share[free].sum() >= least:
                cell[free] = count
                count += 1
            elif (near := cell[within & (cell >= 0)]).size:
                cell[free] = near[0]
        if not count:
            return np.zeros(len(self.inside), np.int64)
        if (free := cell < 0).any():
            cell[free] = count if share[free].sum() >= least else 0
        return cell


def grow(x: np.ndarray, seed: int, *, most: int = MOST_POINTS) -> Regions:
    r"""A Ward tree on at most so many of the examples [n, d]; its nodes are the regions.

    A region holds at least 12 tree points, so that it is no accident of the sample, and at most 60 % of them. One that
    stands apart, whose parent joins it with something far away, is worth more attention than one of many cuts through
    a cloud:

    .. math:: w_j \propto (h_{parent(j)} / h_j)^2

    with the heights h of Ward's criterion. The weights come from the tree alone, so a test that spends its level by
    them is as valid as one that spends it equally.

    References:
        Hierarchical grouping to optimize an objective function (Ward, 1963), https://doi.org/10.2307/2282967
        False discovery control with p-value weighting (Genovese, Roeder and Wasserman, 2006),
        https://doi.org/10.1093/biomet/93.3.509
    """
    if len(x) > most:
        x = x[np.sort(np.random.default_rng(seed).choice(len(x), most, replace=False))]
    p = len(x)
    if p < 2 * LEAST_POINTS:
        return Regions(np.ones((1, 1), bool), np.ones(1), x, np.zeros(p, np.int64))
    links = _ward(x.astype(np.float64))
    size = np.concatenate((np.ones(p, np.int64), links[:, 3].astype(np.int64)))
    height = np.concatenate((np.zeros(p), links[:, 2]))
    parent = np.full(2 * p - 1, 2 * p - 2)
    for node, (left, right) in enumerate(links[:, :2].astype(np.int64), start=p):
        parent[left] = parent[right] = node
    kept = np.flatnonzero((size >= LEAST_POINTS) & (size <= LARGEST_SHARE * p))
    if not len(kept):
        return Regions(np.ones((1, 1), bool), np.ones(1), x, np.zeros(p, np.int64))
    # The smallest region above each node, -1 where there is none: from the root down, parents have higher numbers.
    own = np.full(2 * p - 1, -1)
    own[kept] = np.arange(len(kept))
    lowest = own.tolist()
    for node in range(2 * p - 3, -1, -1):
        if lowest[node] < 0:
            lowest[node] = lowest[parent[node]]
    smallest, atom = np.unique(np.array(lowest[:p]), return_inverse=True)
    inside = np.zeros((len(smallest), len(kept)), bool)
    for row, region in enumerate(smallest):
        while region >= 0:
            inside[row, region] = True
            region = lowest[parent[kept[region]]]
    height = np.maximum(height, 1e-6 * height[-1] + np.finfo(float).tiny)  # of duplicates it is 0
    gap = height[parent[kept]] / height[kept]
    weight = np.minimum(gap, 100.0) ** GAP_POWER
    return Regions(inside, weight / weight.sum(), x, atom.astype(np.int64))


def _ward(x: np.ndarray) -> np.ndarray:
    """The merges of Ward's method on rows [p, d] float64, in scipy's form [p - 1, 4]."""
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    if x.shape[1] <= NARROW:
        return linkage(x, "ward")
    x = x - x.mean(0)
    squares = np.square(x).sum(1)
    distance = np.sqrt(np.maximum(squares[:, None] + squares - 2 * x @ x.T, 0.0))
    return linkage(squareform(distance, checks=False), "ward")


@dataclass(frozen=True, eq=False)
class Chart:
    """Regions of the training examples, and the atom of each example of three sets: [n] int64 each."""

    regions: Regions
    train: np.ndarray
    real: np.ndarray
    fake: np.ndarray


def chart(sets: Sets, seed: int, device: Device = "cpu", regions: Regions | None = None) -> Chart:
    """Grow regions on the training examples and find all examples in them; once for all findings that need it."""
    regions = grow(sets.train, seed) if regions is None else regions
    return Chart(regions, *(regions.locate(x, device) for x in (sets.train, sets.real, sets.fake)))
