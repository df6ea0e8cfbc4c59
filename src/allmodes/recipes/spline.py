"""Neural spline flows."""

from __future__ import annotations

from allmodes.data.transforms import dense_flat
from allmodes.errors import UserError
from allmodes.event import Event
from allmodes.models.spline import SplineFlow
from allmodes.recipes.base import Adam, Recipe, recipe
from allmodes.schedule import Cosine

ALPHA = 0.05
AUTOREGRESSIVE = 16
"""Numbers an example up to which each depends on all before it; sampling takes as many passes."""


@recipe(year=2019, paper="https://arxiv.org/abs/1906.04032", family="flow")
def spline(
    event: Event,
    *,
    width: int = 64,
    layers: int = 3,
    bins: int = 16,
    rate: float = 2e-3,
    batch: int = 256,
    steps: int = 4_000,
) -> Recipe:
    """Monotonic splines whose knots depend on the other numbers: the flow for points and tables; needs zuko."""
    if event.image is not None:
        raise UserError("spline takes points and tables, and an example here is an image; use --recipe realnvp")
    return Recipe(
        model=SplineFlow(
            event,
            dense_flat(event, alpha=ALPHA),
            layers=layers,
            widths=(width, width),
            bins=bins,
            autoregressive=event.size <= AUTOREGRESSIVE,
        ),
        optimizer=Adam(Cosine(rate, rate / 100, warmup=0.02)),
        batch=batch,
        steps=steps,
        half_life=0.05,
    )
