"""The first GAN, with either of its two objectives.

The game is the paper's; the trade is today's: Adam instead of momentum, leaky rectifiers instead of maxout and dropout.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from allmodes.adversarial.latents import Uniform
from allmodes.adversarial.objectives import Minimax, NonSaturating, Objective
from allmodes.adversarial.views import InstanceNoise, View
from allmodes.data.transforms import flat
from allmodes.errors import UserError
from allmodes.event import Event
from allmodes.models.gan import GAN
from allmodes.networks.minibatch import MinibatchDiscrimination
from allmodes.networks.mlp import MLP
from allmodes.recipes.base import Adam, Recipe, recipe
from allmodes.schedule import Constant, Geometric

PAPER = "https://arxiv.org/abs/1406.2661"


@recipe(year=2014, paper=PAPER, family="gan")
def gan2014(
    event: Event,
    *,
    width: int = 128,
    latent: int = 64,
    rate: float = 1e-3,
    batch: int = 256,
    steps: int = 5_000,
    smoothing: float | None = None,
    noise: float | None = None,
    kernels: int | None = None,
) -> Recipe:
    """The first GAN: two fully connected networks; the generator maximizes log D(G(z)).

    Remedies of later years against its collapse, each left out unless it is set: `smoothing`, by which the
    discriminator's target for real examples is below 1; `noise`, the standard deviation of what is added to all that
    the discriminator sees, in the networks' units, falling a hundredfold over the training; `kernels` of minibatch
    discrimination.
    """
    if smoothing and smoothing >= 1:
        raise UserError(f"--set smoothing={smoothing:g}: the target for real examples is 1 minus it; give less than 1")
    views = (InstanceNoise(Geometric(noise, noise / 100)),) if noise else ()
    objective = NonSaturating(smoothing or 0.0)
    return _gan2014(event, objective, width, latent, rate, batch, steps, kernels=kernels, views=views)


@recipe(year=2014, paper=PAPER, family="gan")
def gan2014_minimax(
    event: Event, *, width: int = 128, latent: int = 64, rate: float = 1e-3, batch: int = 256, steps: int = 5_000
) -> Recipe:
    """The first GAN as the zero-sum game: the generator minimizes log(1 - D(G(z))), and stalls when D wins."""
    return _gan2014(event, Minimax(), width, latent, rate, batch, steps)


def _gan2014(
    event: Event,
    objective: Objective,
    width: int,
    latent: int,
    rate: float,
    batch: int,
    steps: int,
    *,
    kernels: int | None = None,
    views: Sequence[View] = (),
) -> Recipe:
    generator = MLP(latent, event.size, (width, width), nn.ReLU)
    discriminator = MLP(event.size, 1, (width, width))
    if kernels:
        last = discriminator.pop(-1)
        assert isinstance(last, nn.Linear)
        compared = MinibatchDiscrimination(width, kernels)
        discriminator.extend([compared, nn.Linear(width + kernels, last.out_features)])
    if event.image is not None:
        generator.append(nn.Tanh())
    return Recipe(
        model=GAN(
            event, flat(event), generator, discriminator, latent=Uniform(latent), objective=objective, views=views
        ),
        optimizer=Adam(Constant(rate), betas=(0.5, 0.999)),
        batch=batch,
        steps=steps,
    )
