"""The default: a GAN with a loss that does not drop modes and penalties that make it converge."""

from __future__ import annotations

import math

from torch import nn

from allmodes.adversarial.latents import Latent, Normal, Uniform
from allmodes.adversarial.objectives import RelativisticPairing
from allmodes.adversarial.penalties import R1, R2
from allmodes.data.transforms import Transform, flat, standard
from allmodes.errors import UserError
from allmodes.event import Event, Support
from allmodes.models.gan import GAN
from allmodes.networks.clip import LeakyClip
from allmodes.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from allmodes.networks.init import rectified
from allmodes.networks.mlp import MLP, FourierFeatures
from allmodes.networks.r3gan import R3GANDiscriminator, R3GANGenerator, stage_widths
from allmodes.networks.sizes import halvings
from allmodes.recipes.base import Adam, Recipe, recipe
from allmodes.schedule import Cosine, Geometric, Schedule

LATENT = 64
"""Dimensions from which images and tables are made."""
POINT = 3
"""Numbers up to which an example is a point, whose modes may be narrow; a row of a table has more."""


@recipe(year=2024, paper="https://arxiv.org/abs/2501.05441", family="gan")
def r3gan(
    event: Event,
    *,
    width: int | None = None,
    rate: float | None = None,
    gamma: float | None = None,
    batch: int | None = None,
    residual: bool = False,
    steps: int = 8_000,
) -> Recipe:
    """The default for every kind of data: relativistic pairing, R1 and R2, no normalization, averaged weights.

    Images are made by plain strided convolutions; `residual` takes the paper's networks, which have 13 times the cost
    of a step on a processor and are for a GPU. `gamma` is the penalty's weight at the beginning.
    """
    if event.image is None:
        if residual:
            raise UserError("--set residual=true: the paper's networks make images, and an example here is none")
        return _numbers(event, width or 64, rate, gamma or 1.0, batch or 256, steps)
    return _images(event, event.image, width, rate, gamma, batch or 64, residual, steps)


def _numbers(event: Event, width: int, rate: float | None, gamma: float, batch: int, steps: int) -> Recipe:
    """Points and tables. All numbers are in units of the data's own spread, which the transform divides by.

    The generator is deep, for sharp edges between modes. That of points starts from as many flat coordinates as it
    makes, and both networks move fast; rows of a table, whose columns have tails, are made from normal numbers, by
    moves that are the slower the longer the training. Waves as short as an eighth of the spread show the discriminator
    what is narrow. The penalty starts so high that the discriminator sees only where mass is missing, and ends where
    the modes are still held in place: with a last value of 0.001 one seed in sixteen lost a mode late.
    """
    point = event.size <= POINT
    latent: Latent = Uniform(event.size) if point else Normal(LATENT)
    rate = rate or (5e-3 if point else min(5e-3, 1e-3 * math.sqrt(8_000 / steps)))
    generator = MLP(latent.size, event.size, (width,) * 6)
    discriminator = MLP(event.size, 1, (width,) * 3, first=FourierFeatures(event.size, waves=32, highest=50.0))
    return _recipe(
        event,
        standard(event),
        rectified(generator),
        rectified(discriminator),
        latent,
        gamma=Geometric(gamma, gamma / 100),
        optimizer=Adam(Cosine(rate, rate / 10), betas=(0.0, 0.9)),
        batch=batch,
        steps=steps,
    )


def _images(
    event: Event,
    image: tuple[int, int, int],
    width: int | None,
    rate: float | None,
    gamma: float | None,
    batch: int,
    residual: bool,
    steps: int,
) -> Recipe:
    """Images of any size. The penalty is in proportion to the numbers in an image and ends at a tenth of its weight.

    Dense layers, which see all pixels at once, are faster than convolutions below 16 x 16; they need a heavier penalty.
    """
    transform = standard(event)
    if residual:
        widths = stage_widths(image, width or 128)
        generator = nn.Sequential(R3GANGenerator(image, LATENT, widths), LeakyClip())
        discriminator = R3GANDiscriminator(image, widths)
        weight, rate = event.size / 3072, rate or 2e-4
    elif len(halvings(*image[1:])) > 2:  # enough pixels for two strided convolutions
        width = width or (32 if max(image[1:]) <= 64 else 16)  # large images cost by their finest maps
        generator = DCGANGenerator(image, LATENT, width, normalized=False)
        discriminator = DCGANDiscriminator(image, width, normalized=False)
        rectified(generator)
        rectified(discriminator)
        weight, rate = 0.003 * event.size, rate or 1e-3
    else:
        dense = (width or 256,) * 4
        layers, discriminator = MLP(LATENT, event.size, dense), MLP(event.size, 1, dense)
        rectified(layers)
        rectified(discriminator)
        bits = event.support is Support.BINARY  # to which samples are rounded: nothing is gained by ending at them
        generator = layers if bits else nn.Sequential(layers, nn.Tanh())
        transform, weight, rate = flat(event), event.size / 64, rate or (2e-3 if bits else 1e-3)
    gamma = gamma or weight
    return _recipe(
        event,
        transform,
        generator,
        discriminator,
        Normal(LATENT),
        gamma=Geometric(gamma, gamma / 10),
        optimizer=Adam(Cosine(rate, rate / 10), betas=(0.0, 0.99)),
        batch=batch,
        steps=steps,
    )


def _recipe(
    event: Event,
    transform: Transform,
    generator: nn.Module,
    discriminator: nn.Module,
    latent: Latent,
    *,
    gamma: Schedule,
    optimizer: Adam,
    batch: int,
    steps: int,
) -> Recipe:
    """What all kinds of data share: the game and the average."""
    return Recipe(
        model=GAN(
            event,
            transform,
            generator,
            discriminator,
            latent=latent,
            objective=RelativisticPairing(),
            penalties={"r1": R1(gamma), "r2": R2(gamma)},
        ),
        optimizer=optimizer,
        batch=batch,
        steps=steps,
        half_life=0.1,
        bf16=event.image is not None,
    )
