"""Non-linear independent components estimation."""

from __future__ import annotations

from allmodes.data.transforms import dense_flat
from allmodes.errors import UserError
from allmodes.event import Event
from allmodes.models.nice import NICE
from allmodes.recipes.base import Adam, Recipe, recipe
from allmodes.schedule import Cosine

LARGE = 500
"""Numbers an example from which the networks have the paper's width."""


@recipe(year=2014, paper="https://arxiv.org/abs/1410.8516", family="flow")
def nice(
    event: Event,
    *,
    width: int | None = None,
    depth: int = 5,
    couplings: int = 4,
    rate: float = 1e-3,
    batch: int = 200,
    steps: int | None = None,
) -> Recipe:
    """Additive couplings and a scale for each number, to independent logistic variables."""
    if event.size < 2:
        raise UserError("nice moves some numbers by others, and an example here is one number; use --recipe vae")
    large = event.size >= LARGE
    return Recipe(
        model=NICE(
            event,
            dense_flat(event, alpha=None),
            couplings=couplings,
            widths=(width or (1000 if large else 128),) * depth,
        ),
        optimizer=Adam(Cosine(rate, rate / 100, warmup=0.01)),
        batch=batch,
        steps=steps or (100_000 if large else 5_000),
        half_life=0.05,
    )
