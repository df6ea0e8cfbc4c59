"""PacGAN: the discriminator judges several examples at once."""

from __future__ import annotations

from allmodes.adversarial.latents import Uniform
from allmodes.adversarial.objectives import NonSaturating
from allmodes.errors import UserError
from allmodes.event import Event
from allmodes.models.gan import GAN
from allmodes.recipes.base import Adam, Recipe, recipe
from allmodes.recipes.pair import pair
from allmodes.schedule import Constant


@recipe(year=2017, paper="https://arxiv.org/abs/1712.04086", family="gan")
def pacgan(
    event: Event,
    *,
    pack: int = 2,
    width: int = 128,
    latent: int = 64,
    rate: float = 1e-3,
    batch: int = 256,
    steps: int = 5_000,
) -> Recipe:
    """A GAN whose discriminator judges packs of examples, in which a lack of variety shows; pack=1 is the plain GAN."""
    if batch % pack:
        raise UserError(f"--set pack={pack}: a batch of {batch} is no multiple of it; choose another --set batch")
    networks = pair(event, width=width, latent=latent, pack=pack)
    return Recipe(
        model=GAN(
            event,
            networks.transform,
            networks.generator,
            networks.discriminator,
            latent=Uniform(latent),
            objective=NonSaturating(),
        ),
        optimizer=Adam(Constant(rate), betas=(0.5, 0.999)),
        batch=batch,
        steps=steps,
        bf16=event.image is not None,
    )
