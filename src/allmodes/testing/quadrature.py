"""Integrals of densities on a line and in a plane, fine where the points are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

A_CELL = 32
"""Points of a cell that is not halved further."""
GROUPS = 48
WIDER = 10.0
"""Spans by which the integral goes on beyond the points, on each side: the tails of a logistic distribution."""
ROUNDS = 8
EVALUATIONS = 200_000
SMALL = 1e-3
"""Sum of the differences between two rules at which no cell is halved further."""


@dataclass(frozen=True)
class Integral:
    """A density, integrated.

    Arguments:
        total: over the box.
        low, high: of each group of cells, [groups, d]; they fill the box.
        mass: of each group, [groups].
    """

    total: float
    low: Tensor
    high: Tensor
    mass: Tensor

    def count(self, x: Tensor) -> Tensor:
        """How many points lie in each group, [n, d] -> [groups]."""
        inside = (x[:, None] >= self.low) & (x[:, None] < self.high)
        return inside.all(-1).sum(0)


def integrate(density: Callable[[Tensor], Tensor], points: Tensor, lowest: float) -> Integral:
    """Integrate a density on cells that are halved where points are, and where two rules (Gauss, Legendre) differ.

    Arguments:
        density: [n, d] -> [n], double precision.
        points: where the density is large, [n, d], d of 1 or 2.
        lowest: the density is not asked for below it.
    """
    points = points.double()
    span = (points.amax(0) - points.amin(0)).clamp(min=1e-6)
    low = (points.amin(0) - WIDER * span).clamp(min=lowest)
    high = points.amax(0) + WIDER * span
    groups = _halved(points, low, high, len(points) // GROUPS)
    cells = [(cell, group) for group, (a, b, inside) in enumerate(groups) for cell in _halved(inside, a, b, A_CELL)]
    a, b = (torch.stack([cell[side] for cell, _ in cells]) for side in (0, 1))
    group = torch.tensor([index for _, index in cells])
    mass, spent = torch.zeros(len(groups), dtype=torch.float64), 0
    for left in reversed(range(ROUNDS)):
        fine, coarse = _gauss(density, a, b, 6), _gauss(density, a, b, 3)
        spent += len(a) * (6 ** a.shape[1] + 3 ** a.shape[1])
        rough = (fine - coarse).abs() > SMALL / max(len(a), 1000)
        if left == 0 or spent > EVALUATIONS:
            rough[:] = False
        mass.index_add_(0, group[~rough], fine[~rough])
        if not rough.any():
            break
        a, b, group = _quartered(a[rough], b[rough], group[rough])
    return Integral(float(mass.sum()), torch.stack([g[0] for g in groups]), torch.stack([g[1] for g in groups]), mass)


Cell = tuple[Tensor, Tensor, Tensor]


def _halved(points: Tensor, low: Tensor, high: Tensor, at_most: int) -> list[Cell]:
    """Boxes, each halved across its longest side until it holds few points: lower corner, upper corner, points."""
    whole = high - low
    todo, done = [(low, high, points, 0)], []
    while todo:
        a, b, inside, depth = todo.pop()
        if len(inside) <= max(at_most, 1) or depth > 60:
            done.append((a, b, inside))
            continue
        axis = int(((b - a) / whole).argmax())
        middle = (a[axis] + b[axis]) / 2
        first = inside[:, axis] < middle
        end, start = b.clone(), a.clone()
        end[axis] = start[axis] = middle
        todo += [(a, end, inside[first], depth + 1), (start, b, inside[~first], depth + 1)]
    return done


def _quartered(a: Tensor, b: Tensor, group: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Each cell halved along every axis."""
    d = a.shape[1]
    corner = torch.cartesian_prod(*[torch.tensor([0.0, 0.5], dtype=torch.float64)] * d).reshape(-1, d)
    start = (a[:, None] + corner * (b - a)[:, None]).reshape(-1, d)
    width = ((b - a) / 2).repeat_interleave(len(corner), 0)
    return start, start + width, group.repeat_interleave(len(corner))


def _gauss(density: Callable[[Tensor], Tensor], a: Tensor, b: Tensor, order: int) -> Tensor:
    """The integral over each cell, [cells]."""
    node, weight = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(order))
    d = a.shape[1]
    nodes = torch.cartesian_prod(*[(node + 1) / 2] * d).reshape(-1, d)
    weights = torch.cartesian_prod(*[weight / 2] * d).reshape(-1, d).prod(1)
    x = (a[:, None] + nodes * (b - a)[:, None]).reshape(-1, d)
    return (density(x).view(len(a), -1) * weights).sum(1) * (b - a).prod(1)
