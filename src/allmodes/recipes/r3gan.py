"""The default: a GAN with a loss that does not drop modes and penalties that make it converge."""

from __future__ import annotations

from allmodes.adversarial.latents import Uniform
from allmodes.adversarial.objectives import RelativisticPairing
from allmodes.adversarial.penalties import R1, R2
from allmodes.data.transforms import standard
from allmodes.event import Event
from allmodes.models.gan import GAN
from allmodes.networks.mlp import MLP, FourierFeatures, rectified
from allmodes.recipes.base import Adam, Recipe, recipe
from allmodes.schedule import Cosine, Geometric


@recipe(year=2024, paper="https://arxiv.org/abs/2501.05441", family="gan")
def r3gan(
    event: Event,
    *,
    width: int = 64,
    rate: float = 5e-3,
    batch: int = 256,
    steps: int = 8_000,
) -> Recipe:
    """The default: relativistic pairing with R1 and R2, no normalization, averaged weights; for every kind of data."""
    generator = rectified(MLP(event.size, event.size, (width,) * 5))
    discriminator = rectified(MLP(event.size, 1, (width,) * 3, first=FourierFeatures(event.size, 32, 50.0)))
    gamma = Geometric(1.0, 1e-4)
    return Recipe(
        model=GAN(
            event,
            standard(event),
            generator,
            discriminator,
            latent=Uniform(event.size),
            objective=RelativisticPairing(),
            penalties={"r1": R1(gamma), "r2": R2(gamma)},
        ),
        optimizer=Adam(Cosine(rate, 0.0), betas=(0.0, 0.9)),
        batch=batch,
        steps=steps,
        half_life=0.05,
    )
