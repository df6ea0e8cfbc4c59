"""Neural autoregressive distribution estimators: in one order, and agnostic of the order."""

from __future__ import annotations

import math

import torch

from allmodes.errors import UserError
from allmodes.event import Event
from allmodes.models.eonade import EoNADE
from allmodes.models.nade import NADE
from allmodes.networks.conditionals import conditional_for
from allmodes.random import require_seed
from allmodes.recipes.base import Adam, Count, Recipe, recipe
from allmodes.recipes.fully_visible import vector_units
from allmodes.schedule import Cosine

ORDERS = 8
"""Of EoNADE, where nothing else is asked for; of few numbers some of them are the same."""
MOST_ORDERS = 10_000
"""Of EoNADE: a density takes a pass through the network for each number in each order."""


@recipe(year=2011, paper="https://proceedings.mlr.press/v15/larochelle11a.html", family="nade")
def nade(
    event: Event,
    *,
    width: int = 500,
    order_seed: Count | None = None,
    components: int | None = None,
    rate: float = 1e-3,
    batch: int = 100,
    steps: int = 2_000,
) -> Recipe:
    """NADE: one hidden state takes in one number after the other; exact density of every kind of data.

    Arguments:
        components: of a mixture, for real numbers or many levels; 10 if left out.
        order_seed: draws the order of the numbers; the data's own if left out.
    """
    order = None
    if order_seed is not None:
        require_seed(order_seed, "--set order_seed")
        order = torch.randperm(event.size, generator=torch.Generator().manual_seed(order_seed))
    return Recipe(
        model=NADE(event, vector_units(event), conditional_for(event, 1, components), width, order),
        optimizer=Adam(Cosine(rate, 0.0, warmup=0.02)),
        batch=batch,
        steps=steps,
        half_life=0.05,
    )


@recipe(year=2013, paper="https://arxiv.org/abs/1310.1757", family="nade")
def eonade(
    event: Event,
    *,
    width: int = 500,
    layers: int = 2,
    orders: int = ORDERS,
    components: int | None = None,
    rate: float = 1e-3,
    batch: int = 100,
    steps: int = 3_000,
) -> Recipe:
    """EoNADE: a deep NADE for every order of the numbers at once; its density is the mixture of several orders.

    Arguments:
        components: of a mixture, for real numbers or many levels; 10 if left out.
        orders: of the mixture that is the density, no more than there are.
    """
    there = math.factorial(min(event.size, ORDERS))
    if orders > (most := max(ORDERS, min(there, MOST_ORDERS))):
        few = f"; there are {there} orders of {event.size} numbers" if there < MOST_ORDERS else ""
        raise UserError(f"--set orders={orders}: give at most {most}{few}")
    site = conditional_for(event, 1, components)
    return Recipe(
        model=EoNADE(event, vector_units(event), site, width, layers, orders),
        optimizer=Adam(Cosine(rate, 0.0, warmup=0.02)),
        batch=batch,
        steps=steps,
        half_life=0.05,
    )
