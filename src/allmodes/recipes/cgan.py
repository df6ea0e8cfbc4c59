"""The first conditional GAN."""

from __future__ import annotations

from allmodes.adversarial.latents import Uniform
from allmodes.adversarial.objectives import NonSaturating
from allmodes.event import Event
from allmodes.models.gan import GAN
from allmodes.recipes.base import Adam, Recipe, recipe
from allmodes.recipes.pair import condition_vector, pair
from allmodes.schedule import Constant


@recipe(year=2014, paper="https://arxiv.org/abs/1411.1784", family="gan")
def cgan(
    event: Event,
    *,
    width: int = 128,
    latent: int = 64,
    rate: float = 5e-4,
    batch: int = 256,
    steps: int = 5_000,
    log: str | None = None,
) -> Recipe:
    """Conditional GAN: both networks get the condition, classes or values, beside their input.

    `log` names the continuous conditions that are taken by their logarithm, separated by commas.
    """
    vector = condition_vector("cgan", event, log)
    networks = pair(event, width=width, latent=latent, asked=vector, judged=vector)
    return Recipe(
        model=GAN(
            event,
            networks.transform,
            networks.generator,
            networks.discriminator,
            latent=Uniform(latent),
            objective=NonSaturating(),
            conditional=True,
        ),
        optimizer=Adam(Constant(rate), betas=(0.5, 0.999)),
        batch=batch,
        steps=steps,
        bf16=event.image is not None,
    )
