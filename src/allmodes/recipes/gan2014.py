"""The first GAN, with either of its two objectives.

The game is the paper's; the trade is today's: Adam instead of momentum, leaky rectifiers instead of maxout and dropout.
"""

from __future__ import annotations

from torch import nn

from allmodes.adversarial.latents import Uniform
from allmodes.adversarial.objectives import Minimax, NonSaturating, Objective
from allmodes.data.transforms import flat
from allmodes.event import Event
from allmodes.models.gan import GAN
from allmodes.networks.mlp import MLP
from allmodes.recipes.base import Adam, Recipe, recipe
from allmodes.schedule import Constant

PAPER = "https://arxiv.org/abs/1406.2661"


@recipe(year=2014, paper=PAPER, family="gan")
def gan2014(
    event: Event, *, width: int = 128, latent: int = 64, rate: float = 1e-3, batch: int = 256, steps: int = 5_000
) -> Recipe:
    """The first GAN: two fully connected networks; the generator maximizes log D(G(z))."""
    return _gan2014(event, NonSaturating(), width, latent, rate, batch, steps)


@recipe(year=2014, paper=PAPER, family="gan")
def gan2014_minimax(
    event: Event, *, width: int = 128, latent: int = 64, rate: float = 1e-3, batch: int = 256, steps: int = 5_000
) -> Recipe:
    """The first GAN as the zero-sum game: the generator minimizes log(1 - D(G(z))), and stalls when D wins."""
    return _gan2014(event, Minimax(), width, latent, rate, batch, steps)


def _gan2014(
    event: Event, objective: Objective, width: int, latent: int, rate: float, batch: int, steps: int
) -> Recipe:
    generator = MLP(latent, event.size, (width, width), nn.ReLU)
    discriminator = MLP(event.size, 1, (width, width))
    if event.image is not None:
        generator.append(nn.Tanh())
    return Recipe(
        model=GAN(event, flat(event), generator, discriminator, latent=Uniform(latent), objective=objective),
        optimizer=Adam(Constant(rate), betas=(0.5, 0.999)),
        batch=batch,
        steps=steps,
    )
