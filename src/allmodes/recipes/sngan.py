"""The GAN whose discriminator is held to a slope of one by its weights' norms."""

from __future__ import annotations

from allmodes.adversarial.distances import Hinge
from allmodes.adversarial.latents import Normal
from allmodes.data.transforms import standard
from allmodes.event import Event
from allmodes.models.gan import GAN
from allmodes.networks.init import xavier
from allmodes.networks.resnet import ResNetDiscriminator, ResNetGenerator
from allmodes.networks.spectral import spectral
from allmodes.recipes.base import Adam, Recipe, recipe
from allmodes.recipes.wanted import image_of
from allmodes.schedule import Constant


@recipe(year=2018, paper="https://arxiv.org/abs/1802.05957", family="gan")
def sngan(
    event: Event,
    *,
    width: int = 32,
    latent: int = 128,
    rate: float = 2e-4,
    batch: int = 64,
    turns: int = 5,
    steps: int = 50_000,
) -> Recipe:
    """Spectral normalization: residual networks, hinge loss, every layer of the discriminator of norm one.

    The generator has twice the discriminator's width, which the paper has at 128 for 32 x 32 in colour (table 4). Five
    turns of the discriminator and Adam without momentum are what the paper's residual networks were trained with.
    """
    image = image_of(event, "sngan")
    generator, discriminator = ResNetGenerator(image, latent, 2 * width), ResNetDiscriminator(image, width)
    xavier(generator)
    xavier(discriminator)
    return Recipe(
        model=GAN(
            event,
            standard(event),
            generator,
            spectral(discriminator),
            latent=Normal(latent),
            objective=Hinge(),
            turns=turns,
        ),
        optimizer=Adam(Constant(rate), betas=(0.0, 0.9)),
        batch=batch,
        steps=steps,
        bf16=True,
    )
