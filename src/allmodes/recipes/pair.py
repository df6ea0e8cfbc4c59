"""Two networks for every kind of event: dense for points, tables and small images, those of DCGAN for larger ones."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from allmodes.data.transforms import Transform, flat, standard
from allmodes.errors import UserError
from allmodes.event import Event
from allmodes.networks.conditional import Concatenated, ConditionVector
from allmodes.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from allmodes.networks.minibatch import Pack
from allmodes.networks.mlp import MLP, FourierFeatures
from allmodes.networks.sizes import halvings


@dataclass(frozen=True)
class Pair:
    """A generator and a discriminator with the units in which both work."""

    transform: Transform
    generator: nn.Module
    discriminator: nn.Module


def pair(
    event: Event,
    *,
    width: int,
    latent: int,
    asked: ConditionVector | None = None,
    judged: ConditionVector | None = None,
    outputs: int = 1,
    pack: int = 1,
    waves: bool = False,
    layers: int = 2,
) -> Pair:
    """Networks for an event.

    Arguments:
        width: of dense layers; convolutions have a quarter as many channels in their finest map.
        latent: dimension of z.
        asked, judged: the condition that the generator and the discriminator get beside their input; None for none.
        outputs: of the discriminator, the logit and what else is read off examples.
        pack: examples that the discriminator judges at once.
        waves: whether a dense discriminator sees waves of its input beside it, which show it what is narrow.
        layers: hidden ones of a dense discriminator.
    """
    inputs = latent + (asked.size if asked else 0)
    more = judged.size if judged else 0
    if event.image is None or len(halvings(*event.image[1:])) < 3:
        generator: nn.Module = MLP(inputs, event.size, (width, width), nn.ReLU)
        if event.image is not None:
            generator = nn.Sequential(generator, nn.Tanh())
        seen = pack * (event.size + more)
        first = FourierFeatures(seen, waves=32, highest=50.0) if waves else None
        discriminator: nn.Module = MLP(seen, outputs, (width,) * layers, first=first)
        transform, axes = flat(event), 1
    else:
        channels, rows, columns = event.image
        finest = max(1, width // 4)
        generator = DCGANGenerator(event.image, inputs, finest, normalized=False)
        image = pack * (channels + more), rows, columns
        discriminator = DCGANDiscriminator(image, finest, normalized=False, outputs=outputs)
        transform, axes = standard(event), 3
    if pack > 1:
        discriminator = nn.Sequential(Pack(pack, axes), discriminator)
    if asked:
        generator = Concatenated(generator, asked)
    if judged:
        discriminator = Concatenated(discriminator, judged, axes)
    return Pair(transform, generator, discriminator)


def slope_weight(event: Event) -> float:
    """Of the penalty on a critic's slope: the paper's 10 for images, 1 for other examples.

    There distances are short, and a heavy penalty holds the slope at 1 in whatever direction it began.
    """
    return 10.0 if event.image else 1.0


def condition_vector(recipe: str, event: Event, log: str | None) -> ConditionVector:
    """The condition of an event as one vector.

    Arguments:
        recipe: that wants it.
        log: names of the variables that are taken by their logarithm, separated by commas.

    Raises:
        UserError: where the event has neither classes nor variables.
    """
    if not event.classes and not event.variables:
        raise UserError(
            f"{recipe} needs conditions, and the data have none: name them with --label or --condition, "
            "or use --recipe r3gan"
        )
    names = (name.strip() for name in (log or "").split(","))
    return ConditionVector(event, tuple(name for name in names if name))
