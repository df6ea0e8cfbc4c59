"""Each coordinate to a normal distribution by its own quantiles."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor

from allmodes.data.transforms import Transform
from allmodes.random import Rng

_TIE = 1e-6


class Quantile(Transform):
    """Each coordinate to a standard normal, by a piecewise linear, strictly increasing function with linear tails.

    Its knots are quantiles of the training examples, and it is invertible everywhere. Numbers that tie (the exact zeros
    of a detector) share one knot in the middle of their quantiles: a tie goes to one number and comes back exact.

    Arguments:
        shape: of one example.
        knots: how many quantiles; at least 2.
    """

    x_knots: Tensor
    y_knots: Tensor

    def __init__(self, shape: tuple[int, ...], knots: int = 256) -> None:
        super().__init__()
        line = torch.linspace(-3, 3, knots).expand(*shape, knots)
        self.register_buffer("x_knots", line.clone())
        self.register_buffer("y_knots", line.clone())

    def fit(self, x: Tensor) -> Self:
        knots = self.x_knots.shape[-1]
        probability = (torch.arange(knots, dtype=torch.float64) + 0.5) / knots
        normal = torch.special.ndtri(probability)
        for column, x_row, y_row in zip(
            x.flatten(1).T, self.x_knots.view(-1, knots), self.y_knots.view(-1, knots), strict=True
        ):
            ordered = column.double().cpu().sort().values
            position = probability * (len(ordered) - 1)
            quantiles = torch.lerp(ordered[position.floor().long()], ordered[position.ceil().long()], position.frac())
            # Rounded as the buffers are, before ties are looked for: rounding may tie what was apart.
            x_new, y_new = _strictly_increasing(quantiles.to(x_row.dtype).double(), normal)
            x_row.copy_(x_new)
            y_row.copy_(y_new)
        return self

    def forward(self, x: Tensor, rng: Rng | None = None) -> Tensor:
        x = x if x.is_floating_point() else x.to(self.x_knots.dtype)
        return _interpolate(x, self.x_knots, self.y_knots)

    def inverse(self, y: Tensor) -> Tensor:
        return _interpolate(y, self.y_knots, self.x_knots)


def _strictly_increasing(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """One knot for each run of tied x, at the middle of its y; those that this saves go on along the last line."""
    gap = _TIE * (x[-1] - x[0])
    run = torch.cumsum(torch.diff(x, prepend=x[:1]) > gap, 0)
    length = torch.unique_consecutive(run, return_counts=True)[1]
    end = length.cumsum(0)
    start = end - length
    x_new, y_new = x[(start + end - 1) // 2], (y[start] + y[end - 1]) / 2
    missing = len(x) - len(x_new)
    if not missing:
        return x_new, y_new
    # Steps that float32 can tell apart, however far from zero the column lies.
    least = _TIE * x_new[-1].abs()
    if len(x_new) == 1:
        step, slope = least.clamp(min=1), torch.ones(())
    else:
        gap = x_new[-1] - x_new[-2]
        step, slope = gap.maximum(least), (y_new[-1] - y_new[-2]) / gap
    beyond = step * torch.arange(1, missing + 1)
    return torch.cat([x_new, x_new[-1] + beyond]), torch.cat([y_new, y_new[-1] + slope * beyond])


def _interpolate(x: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """The lines through the points (start, end), both [*shape, knots], at x [..., *shape]; the outer lines go on."""
    knots = start.shape[-1]
    start, end = start.to(x).reshape(-1, knots), end.to(x).reshape(-1, knots)
    columns = x.reshape(-1, len(start)).T.contiguous()
    left = (torch.searchsorted(start, columns.detach(), right=True) - 1).clamp(0, knots - 2)
    x0, x1 = start.gather(1, left), start.gather(1, left + 1)
    y0, y1 = end.gather(1, left), end.gather(1, left + 1)
    return (y0 + (columns - x0) * ((y1 - y0) / (x1 - x0))).T.reshape(x.shape)
