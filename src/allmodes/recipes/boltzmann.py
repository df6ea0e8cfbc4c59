"""Boltzmann machines: restricted, with one hidden layer, and deep, with two."""

from __future__ import annotations

from allmodes.data.transforms import Flatten
from allmodes.event import Event
from allmodes.models.dbm import DBM
from allmodes.models.rbm import RBM
from allmodes.recipes.base import Amount, Momentum, Recipe, recipe
from allmodes.recipes.wanted import require_bits
from allmodes.schedule import Linear


@recipe(year=2008, paper="https://www.cs.toronto.edu/~tijmen/pcd/pcd.pdf", family="rbm")
def rbm(
    event: Event,
    *,
    width: int = 200,
    gibbs: int = 1,
    persistent: bool = True,
    decay: Amount = 2e-4,
    rate: float = 0.1,
    batch: int = 100,
    steps: int = 10_000,
) -> Recipe:
    """Restricted Boltzmann machine by persistent contrastive divergence with the centred gradient."""
    require_bits("rbm", event)
    return Recipe(
        model=RBM(event, Flatten(event.shape), width, gibbs=gibbs, chains=batch if persistent else 0, decay=decay),
        optimizer=Momentum(Linear(rate, 0.0), momentum=0.5),
        batch=batch,
        steps=steps,
        half_life=0.05,
        bf16=True,
    )


@recipe(year=2009, paper="https://proceedings.mlr.press/v5/salakhutdinov09a.html", family="dbm")
def dbm(
    event: Event,
    *,
    width: int = 200,
    width2: int = 200,
    gibbs: int = 5,
    rate: float = 0.1,
    batch: int = 100,
    steps: int = 5_000,
) -> Recipe:
    """Deep Boltzmann machine: two centred hidden layers trained together, mean field and persistent chains."""
    require_bits("dbm", event)
    return Recipe(
        model=DBM(event, Flatten(event.shape), (width, width2), gibbs=gibbs, chains=batch),
        optimizer=Momentum(Linear(rate, 0.0), momentum=0.5),
        batch=batch,
        steps=steps,
        half_life=0.05,
    )
