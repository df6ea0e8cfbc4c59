"""Neural autoregressive distribution estimators: in one order, and agnostic of the order."""

from __future__ import annotations

from allmodes.event import Event
from allmodes.models.nade import NADE
from allmodes.networks.conditionals import conditional_for
from allmodes.recipes.base import Adam, Recipe, recipe
from allmodes.recipes.fully_visible import COMPONENTS, vector_units
from allmodes.schedule import Cosine

PAPER = "https://arxiv.org/abs/1605.02226"


@recipe(year=2011, paper=PAPER, family="nade")
def nade(
    event: Event,
    *,
    width: int = 500,
    components: int = COMPONENTS,
    rate: float = 1e-3,
    batch: int = 100,
    steps: int = 3_000,
) -> Recipe:
    """NADE: one hidden state takes in one number after the other; exact density of every kind of data."""
    return Recipe(
        model=NADE(event, vector_units(event), conditional_for(event, 1, components), width),
        optimizer=Adam(Cosine(rate, 0.0, warmup=0.02)),
        batch=batch,
        steps=steps,
        half_life=0.05,
    )
