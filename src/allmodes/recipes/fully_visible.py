"""What the recipes of fully visible belief nets share: the units in which they see data, and images pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable

from allmodes.data.transforms import Chain, ChannelsFirst, Flatten, Transform, flat, standard
from allmodes.errors import UserError
from allmodes.event import Event
from allmodes.models.pixels import Pixels
from allmodes.networks.conditionals import conditional_for
from allmodes.networks.masked import PixelNetwork
from allmodes.recipes.base import Adam, Recipe
from allmodes.schedule import Cosine


def vector_units(event: Event) -> Transform:
    """To one vector an example: integers as they are, real numbers standardized."""
    return Flatten(event.shape) if event.discrete else flat(event)


def pixel_by_pixel(
    event: Event,
    name: str,
    family: type[Pixels],
    network: Callable[[int, int], PixelNetwork],
    *,
    components: int | None,
    rate: float,
    decay: float,
    batch: int,
    steps: int,
    bf16: bool,
) -> Recipe:
    """A recipe of images pixel by pixel: integers as they are, real numbers from -1 to 1.

    Arguments:
        name: of the recipe.
        family: the model.
        network: makes its network from an image's channels and the numbers of a pixel's conditional.
        components, rate, decay, batch, steps, bf16: as a recipe has them.

    Raises:
        UserError: for an event that is no image, naming a recipe that takes it.
    """
    if event.image is None:
        raise UserError(f"{name} makes images, and an example here has shape {event.shape}; use --recipe made")
    channels = event.image[0]
    site = conditional_for(event, channels, components)
    units = Chain(ChannelsFirst(event.layout)) if event.discrete else standard(event)
    return Recipe(
        model=family(event, units, site, network(channels, site.parameters)),
        optimizer=Adam(Cosine(rate, 0.0, warmup=0.02), decay=decay),
        batch=batch,
        steps=steps,
        half_life=0.05,
        bf16=bf16,
    )
