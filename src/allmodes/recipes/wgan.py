"""The Wasserstein GAN, with a critic held to bounded slopes by clipped weights or by a penalty."""

from __future__ import annotations

from allmodes.adversarial.distances import Wasserstein
from allmodes.adversarial.latents import Normal
from allmodes.adversarial.penalties import GP
from allmodes.adversarial.weights import Clip
from allmodes.event import Event
from allmodes.models.gan import GAN
from allmodes.recipes.base import Adam, Recipe, recipe
from allmodes.recipes.pair import pair, slope_weight
from allmodes.schedule import Constant, Cosine


@recipe(year=2017, paper="https://arxiv.org/abs/1701.07875", family="gan")
def wgan(
    event: Event,
    *,
    width: int = 128,
    latent: int = 64,
    rate: float | None = None,
    clip: float | None = None,
    turns: int = 5,
    batch: int = 64,
    steps: int = 10_000,
) -> Recipe:
    """Wasserstein GAN: a critic with clipped weights moves five times for each move of the generator.

    Moved by RMSProp, which is Adam without its first average (and with its start corrected). `rate` and `clip` are the
    paper's for images, 5e-5 and 0.01, and ten times as much for the small networks of other examples.
    """
    scale = 1 if event.image else 10
    networks = pair(event, width=width, latent=latent)
    return Recipe(
        model=GAN(
            event,
            networks.transform,
            networks.generator,
            networks.discriminator,
            latent=Normal(latent),
            objective=Wasserstein(),
            turns=turns,
            bound=Clip(clip or 0.01 * scale),
        ),
        optimizer=Adam(Constant(rate or 5e-5 * scale), betas=(0.0, 0.99)),
        batch=batch,
        steps=steps,
    )


@recipe(year=2017, paper="https://arxiv.org/abs/1704.00028", family="gan")
def wgan_gp(
    event: Event,
    *,
    width: int = 128,
    latent: int = 64,
    rate: float = 1e-3,
    weight: float | None = None,
    turns: int = 3,
    batch: int = 128,
    steps: int = 4_000,
) -> Recipe:
    """Wasserstein GAN whose critic pays for slopes other than 1 between real and generated examples.

    `weight` of that penalty is 10, and 1 where examples are no images: there distances are short, and a heavy penalty
    holds the critic's slope at 1 in whatever direction it began.
    """
    networks = pair(event, width=width, latent=latent, waves=event.image is None)
    return Recipe(
        model=GAN(
            event,
            networks.transform,
            networks.generator,
            networks.discriminator,
            latent=Normal(latent),
            objective=Wasserstein(),
            turns=turns,
            penalties={"gradient_penalty": GP(weight or slope_weight(event))},
        ),
        optimizer=Adam(Cosine(rate, rate / 10), betas=(0.0, 0.9)),
        batch=batch,
        steps=steps,
    )
