"""The unrolled GAN: the generator looks ahead."""

from __future__ import annotations

from allmodes.adversarial.latents import Normal
from allmodes.adversarial.objectives import ZeroSum
from allmodes.adversarial.unrolling import Unrolling
from allmodes.event import Event
from allmodes.models.gan import GAN
from allmodes.recipes.base import Adam, Count, Recipe, recipe
from allmodes.recipes.pair import pair
from allmodes.schedule import Constant


@recipe(year=2016, paper="https://arxiv.org/abs/1611.02163", family="gan")
def unrolled(
    event: Event,
    *,
    unroll: Count = 5,
    look: float | None = None,
    width: int = 128,
    latent: int = 64,
    rate: float = 1e-3,
    discriminator_rate: float = 1e-3,
    batch: int = 128,
    steps: int = 5_000,
) -> Recipe:
    """A GAN whose generator plays against the discriminator that would answer its move in so many steps.

    `look` is the learning rate of those steps, of plain gradient descent; 0.2 over the numbers of an example if left
    out, since the curvature of the discriminator's loss grows with them: longer steps diverge. A dense discriminator
    has one hidden layer, as in the paper. The two players may move on time scales of their own: `rate` is the
    generator's.
    """
    networks = pair(event, width=width, latent=latent, layers=1)
    return Recipe(
        model=GAN(
            event,
            networks.transform,
            networks.generator,
            networks.discriminator,
            latent=Normal(latent),
            objective=ZeroSum(),
            unrolling=Unrolling(unroll, look or 0.2 / event.size),
        ),
        optimizer={
            "discriminator": Adam(Constant(discriminator_rate), betas=(0.5, 0.999)),
            "generator": Adam(Constant(rate), betas=(0.5, 0.999)),
        },
        batch=batch,
        steps=steps,
    )
