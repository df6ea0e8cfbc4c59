"""A second map where sets are small: regions of a tree through the compared examples themselves.

A region of a few hundred training examples ends where the next training example happens to lie, so that it holds a
part of a small group and some of its neighbours. A tree through the compared examples cuts between these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allmodes.audit.regions import Chart, Cover, Regions, grow
from allmodes.audit.sets import Sets

MOST_COMPARED = 1000
"""Held-out and generated examples together up to which there is a second map: with 2,000 it finds no more."""
MOST_POINTS = 2000
"""Of the second tree, the compared examples among them."""


@dataclass(frozen=True, eq=False)
class Joint:
    """Regions of two maps: first those of the chart, then those of the tree through the compared examples.

    Arguments:
        cover: of atoms that no region of either map cuts; half of the attention goes to each map.
        real, fake: atom of each held-out and of each generated example, [n] int64.
    """

    cover: Cover
    real: np.ndarray
    fake: np.ndarray


def map_count(n: int, m: int) -> int:
    """How many maps are looked at where n held-out and m generated examples are compared."""
    return 2 if n + m <= MOST_COMPARED else 1


def join(sets: Sets, on: Chart, rng: np.random.Generator) -> Joint:
    """Both maps, or the chart alone where the sets are large.

    The second tree sees where the examples are and not which are generated. If both samples come from one distribution
    it is therefore the same whatever labels are permuted, and a scan of both maps is as exact as one of the chart.
    """
    if map_count(len(on.real), len(on.fake)) == 1:
        return Joint(on.regions, on.real, on.fake)
    x, n = np.concatenate((sets.real, sets.fake)), len(on.real)
    first = np.concatenate((on.real, on.fake))
    second, atoms = through(x, sets.train, rng)
    pairs, atom = np.unique(first * len(second.inside) + atoms, return_inverse=True)
    of = np.divmod(pairs, len(second.inside))
    inside = np.concatenate((on.regions.inside[of[0]], second.inside[of[1]]), axis=1)
    weight = np.concatenate((on.regions.weight, second.weight)) / 2
    return Joint(Cover(inside, weight), atom[:n], atom[n:])


def through(x: np.ndarray, train: np.ndarray, rng: np.random.Generator) -> tuple[Regions, np.ndarray]:
    """A tree through examples [n, d] and as many training ones as it can take, and the atoms of the examples, [n]."""
    points = np.concatenate((x, train[rng.permutation(len(train))[: MOST_POINTS - len(x)]]))
    order = rng.permutation(len(points))  # equal distances are joined in an order that knows nothing of the samples
    regions = grow(points[order], 0)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return regions, regions.atom[place[: len(x)]]
