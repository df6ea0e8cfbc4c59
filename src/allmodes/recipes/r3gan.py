"""The default: a GAN with a loss that does not drop modes and penalties that make it converge."""

from __future__ import annotations

from torch import nn

from allmodes.adversarial.latents import Normal, Uniform
from allmodes.adversarial.objectives import RelativisticPairing
from allmodes.adversarial.penalties import R1, R2
from allmodes.data.transforms import standard
from allmodes.event import Event
from allmodes.models.gan import GAN
from allmodes.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from allmodes.networks.init import rectified
from allmodes.networks.mlp import MLP, FourierFeatures
from allmodes.recipes.base import Adam, Recipe, recipe
from allmodes.schedule import Cosine, Geometric


@recipe(year=2024, paper="https://arxiv.org/abs/2501.05441", family="gan")
def r3gan(
    event: Event,
    *,
    width: int = 64,
    rate: float | None = None,
    batch: int | None = None,
    steps: int = 8_000,
) -> Recipe:
    """The default for every kind of data: relativistic pairing, R1 and R2, no normalization, averaged weights."""
    if event.image is None:
        return _points(event, width, rate or 5e-3, batch or 256, steps)
    return _images(event, event.image, width, rate or 1e-3, batch or 64, steps)


def _points(event: Event, width: int, rate: float, batch: int, steps: int) -> Recipe:
    waves = FourierFeatures(event.size, waves=32, highest=50.0)
    gamma = Geometric(1.0, 1e-4)
    return Recipe(
        model=GAN(
            event,
            standard(event),
            rectified(MLP(event.size, event.size, (width,) * 5)),
            rectified(MLP(event.size, 1, (width,) * 3, first=waves)),
            latent=Uniform(event.size),
            objective=RelativisticPairing(),
            penalties={"r1": R1(gamma), "r2": R2(gamma)},
        ),
        optimizer=Adam(Cosine(rate, 0.0), betas=(0.0, 0.9)),
        batch=batch,
        steps=steps,
        half_life=0.05,
    )


def _images(event: Event, image: tuple[int, int, int], width: int, rate: float, batch: int, steps: int) -> Recipe:
    latent = Normal(64)
    gamma = Geometric(1.0, 0.1)
    generator = DCGANGenerator(image, latent.size, width, normalized=False, output=nn.Identity())
    return Recipe(
        model=GAN(
            event,
            standard(event),
            rectified(generator),
            rectified(DCGANDiscriminator(image, width, normalized=False)),
            latent=latent,
            objective=RelativisticPairing(),
            penalties={"r1": R1(gamma), "r2": R2(gamma)},
        ),
        optimizer=Adam(Cosine(rate, 0.0), betas=(0.0, 0.99)),
        batch=batch,
        steps=steps,
        half_life=0.05,
        bf16=True,
    )
