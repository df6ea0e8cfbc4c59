"""Non-linear independent components estimation."""

from __future__ import annotations

from typing import NamedTuple

from allmodes.data.transforms import dense_flat
from allmodes.errors import UserError
from allmodes.event import Event
from allmodes.models.nice import NICE
from allmodes.recipes.base import Adam, Recipe, recipe
from allmodes.schedule import Cosine

LARGE = 500
"""Numbers an example from which the networks have the paper's width."""


class Usual(NamedTuple):
    """What is not asked for: the paper's networks for large examples, small ones for small images, which are few."""

    width: int
    depth: int
    steps: int


@recipe(year=2014, paper="https://arxiv.org/abs/1410.8516", family="flow")
def nice(
    event: Event,
    *,
    width: int | None = None,
    depth: int | None = None,
    couplings: int = 4,
    rate: float = 1e-3,
    batch: int = 200,
    steps: int | None = None,
) -> Recipe:
    """Additive couplings and a scale for each number, to independent logistic variables."""
    if event.size < 2:
        raise UserError("nice moves some numbers by others, and an example here is one number; use --recipe vae")
    if event.size >= LARGE:
        usual = Usual(width=1000, depth=5, steps=100_000)
    else:
        usual = Usual(128, 3, 5_000) if event.image is None else Usual(64, 2, 2_500)
    return Recipe(
        model=NICE(
            event,
            dense_flat(event, alpha=None),
            couplings=couplings,
            widths=(width or usual.width,) * (depth or usual.depth),
        ),
        optimizer=Adam(Cosine(rate, rate / 100, warmup=0.01)),
        batch=batch,
        steps=steps or usual.steps,
        half_life=0.05,
    )
