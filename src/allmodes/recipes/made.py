"""Masked autoencoder for distribution estimation."""

from __future__ import annotations

from allmodes.errors import UserError
from allmodes.event import Event
from allmodes.models.made import MADE
from allmodes.networks.conditionals import conditional_for
from allmodes.recipes.base import Adam, Amount, Recipe, Share, recipe
from allmodes.recipes.fully_visible import vector_units
from allmodes.schedule import Cosine

LARGE = 2**20
"""Weights of a layer from which on its products gain by bfloat16."""


@recipe(year=2015, paper="https://arxiv.org/abs/1502.03509", family="made")
def made(
    event: Event,
    *,
    width: int = 500,
    layers: int = 1,
    masks: int = 1,
    orders: int = 1,
    dropped: Share = 0.0,
    components: int | None = None,
    rate: float = 1e-3,
    decay: Amount = 0.0,
    batch: int = 100,
    steps: int = 4_000,
) -> Recipe:
    """MADE: a masked dense network gives all conditionals in one pass; several masks are a mixture.

    Arguments:
        components: of a mixture, for real numbers or many levels; 10 if left out.
        orders: that the masks take in turn; a single one is the data's own. One for each mask, as in the paper's best,
            keeps wide networks from overfitting.
        dropped: share of the hidden units that each mask leaves out, while the others have the same degrees in all;
            0: each mask has degrees of its own. Keeps wide networks of one order from overfitting.
        decay: of the weights; wide networks of one order want some.
    """
    if orders > masks:
        raise UserError(
            f"--set orders={orders}: each mask has one order, and there are {masks}; give --set masks={orders}"
        )
    if dropped and masks == 1:
        raise UserError(f"--set dropped={dropped:g}: each of several masks leaves out that share; give --set masks=32")
    if 0 < dropped * width < 1:
        raise UserError(f"--set dropped={dropped:g}: that is no unit of {width}; give at least {1 / width:.2g}")
    conditional = conditional_for(event, 1, components)
    return Recipe(
        model=MADE(event, vector_units(event), conditional, (width,) * layers, masks, orders, dropped),
        optimizer=Adam(Cosine(rate, 0.0, warmup=0.02), decay=decay),
        batch=batch,
        steps=steps,
        half_life=0.05,
        bf16=event.size * width >= LARGE,
    )
