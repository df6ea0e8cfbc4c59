"""The GAN that showed what width and large batches do."""

from __future__ import annotations

from allmodes.adversarial.distances import Hinge
from allmodes.adversarial.latents import Normal
from allmodes.adversarial.weights import Orthogonal
from allmodes.data.transforms import standard
from allmodes.event import Event
from allmodes.models.gan import GAN
from allmodes.networks.biggan import BigGANDiscriminator, BigGANGenerator
from allmodes.networks.init import orthogonal
from allmodes.networks.spectral import spectral
from allmodes.recipes.base import Adam, Amount, Recipe, recipe
from allmodes.recipes.pair import condition_vector
from allmodes.recipes.wanted import image_of
from allmodes.schedule import Constant


@recipe(year=2018, paper="https://arxiv.org/abs/1809.11096", family="gan")
def biggan(
    event: Event,
    *,
    width: int = 32,
    chunk: int = 20,
    embedding: int = 128,
    rate: float = 2e-4,
    batch: int = 64,
    accumulate: int = 4,
    turns: int = 2,
    orthogonality: Amount = 1e-4,
    steps: int = 20_000,
    log: str | None = None,
) -> Recipe:
    """Classes of pictures at scale: conditional residual networks with attention, large batches, averaged weights.

    The discriminator's rate is `rate` and the generator's a quarter of it. The paper has width 96, batches of 2048,
    which are batch x accumulate here, and 128 x 128 pixels. The embedding of the condition that all blocks share is a
    linear map, so that it takes continuous conditions too, and is normalized and regularized like the other maps. `log`
    names those that are taken by their logarithm, separated by commas.
    """
    image = image_of(event, "biggan")
    told, judged = (condition_vector("biggan", event, log) for _ in range(2))
    generator = BigGANGenerator(image, told, width=width, chunk=chunk, embedding=embedding)
    discriminator = BigGANDiscriminator(image, judged, width=width)
    orthogonal(generator)
    orthogonal(discriminator)
    return Recipe(
        model=GAN(
            event,
            standard(event),
            spectral(generator),
            spectral(discriminator),
            latent=Normal(generator.latent),
            objective=Hinge(),
            conditional=True,
            penalties={"orthogonality": Orthogonal("generator", orthogonality)},
            turns=turns,
        ),
        optimizer={
            "discriminator": Adam(Constant(rate), betas=(0.0, 0.999)),
            "generator": Adam(Constant(rate / 4), betas=(0.0, 0.999)),
        },
        batch=batch,
        accumulate=accumulate,
        steps=steps,
        half_life=0.1,
        bf16=True,
    )
