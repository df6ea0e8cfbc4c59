"""The GAN with an auxiliary classifier."""

from __future__ import annotations

from allmodes.adversarial.labels import Auxiliary
from allmodes.adversarial.latents import Uniform
from allmodes.adversarial.objectives import NonSaturating
from allmodes.event import Event
from allmodes.models.gan import GAN
from allmodes.networks.conditional import Unasked
from allmodes.recipes.base import Adam, Amount, Recipe, recipe
from allmodes.recipes.pair import condition_vector, pair
from allmodes.schedule import Constant


@recipe(year=2016, paper="https://arxiv.org/abs/1610.09585", family="gan")
def acgan(
    event: Event,
    *,
    width: int = 128,
    latent: int = 64,
    rate: float = 5e-4,
    weight: Amount = 1.0,
    batch: int = 256,
    steps: int = 5_000,
    log: str | None = None,
) -> Recipe:
    """Auxiliary classifier GAN: the discriminator also names the condition, and both players want it named rightly.

    Continuous conditions are named by regression. `log` names those that are taken by their logarithm, separated by
    commas.
    """
    vector = condition_vector("acgan", event, log)
    networks = pair(event, width=width, latent=latent, asked=vector, outputs=1 + vector.size)
    return Recipe(
        model=GAN(
            event,
            networks.transform,
            networks.generator,
            Unasked(networks.discriminator),
            latent=Uniform(latent),
            objective=NonSaturating(),
            conditional=True,
            penalties={"auxiliary": Auxiliary(vector, vector.classes, weight)},
        ),
        optimizer=Adam(Constant(rate), betas=(0.5, 0.999)),
        batch=batch,
        steps=steps,
        bf16=event.image is not None,
    )
