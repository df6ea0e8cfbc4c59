"""Generative stochastic networks."""

from __future__ import annotations

from allmodes.data.transforms import Flatten
from allmodes.errors import UserError
from allmodes.event import Event
from allmodes.models.gsn import GSN
from allmodes.networks.noisy import NoisyMLP
from allmodes.recipes.base import Adam, Amount, Recipe, recipe
from allmodes.recipes.wanted import require_bits
from allmodes.schedule import Cosine


@recipe(year=2013, paper="https://arxiv.org/abs/1306.1091", family="gsn")
def gsn(
    event: Event,
    *,
    width: int = 200,
    noise: Amount = 0.1,
    corruption: Amount = 0.2,
    walkback: int = 2,
    rate: float = 1e-3,
    batch: int = 100,
    steps: int = 5_000,
) -> Recipe:
    """Generative stochastic network: a chain that is trained by walkback to undo its own noise."""
    require_bits("gsn", event)
    if corruption > 1:
        raise UserError(f"--set corruption={corruption}: a share of the bits, at most 1")
    network = NoisyMLP(event.size, event.size, (width, width), noise)
    return Recipe(
        model=GSN(event, Flatten(event.shape), network, corruption=corruption, walkback=walkback),
        optimizer=Adam(Cosine(rate, rate / 100)),
        batch=batch,
        steps=steps,
        half_life=0.05,
    )
