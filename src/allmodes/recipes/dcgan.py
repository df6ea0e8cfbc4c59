"""Deep convolutional GAN."""

from __future__ import annotations

from torch import nn

from allmodes.adversarial.latents import Uniform
from allmodes.adversarial.objectives import NonSaturating
from allmodes.adversarial.views import Augmentation
from allmodes.data.transforms import standard
from allmodes.event import Event
from allmodes.models.gan import GAN
from allmodes.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from allmodes.recipes.base import Adam, Recipe, recipe
from allmodes.recipes.wanted import image_of
from allmodes.schedule import Constant


@recipe(year=2015, paper="https://arxiv.org/abs/1511.06434", family="gan")
def dcgan(
    event: Event,
    *,
    width: int = 64,
    latent: int = 100,
    rate: float = 2e-4,
    batch: int = 128,
    steps: int = 10_000,
    augment: bool = False,
) -> Recipe:
    """Deep convolutional GAN: strided convolutions, batch normalization, no hidden dense layer.

    `augment` shows the discriminator moved, cut and recoloured images, the more often the surer it is of the real ones:
    a remedy of 2020 for few examples.
    """
    image = image_of(event, "dcgan")
    generator = DCGANGenerator(image, latent, width)
    discriminator = DCGANDiscriminator(image, width)
    for module in (*generator.modules(), *discriminator.modules()):
        narrow_normal(module)
    return Recipe(
        model=GAN(
            event,
            standard(event),
            generator,
            discriminator,
            latent=Uniform(latent),
            objective=NonSaturating(),
            views=(Augmentation(),) if augment else (),
        ),
        optimizer=Adam(Constant(rate), betas=(0.5, 0.999)),
        batch=batch,
        steps=steps,
        bf16=True,
    )


def narrow_normal(module: nn.Module) -> None:
    """The paper's initialization: weights from N(0, 0.02), those of normalizations around 1; biases 0."""
    if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)
