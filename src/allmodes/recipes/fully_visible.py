"""What the recipes of fully visible belief nets share: the units in which they see data."""

from __future__ import annotations

from allmodes.data.transforms import Chain, ChannelsFirst, Flatten, Transform, flat, standard
from allmodes.errors import UserError
from allmodes.event import Event

COMPONENTS = 10
"""Of a mixture for real numbers or many levels, as in RNADE and PixelCNN++."""


def vector_units(event: Event) -> Transform:
    """To one vector an example: integers as they are, real numbers standardized."""
    return Flatten(event.shape) if event.discrete else flat(event)


def image_units(event: Event) -> Transform:
    """To [channels, rows, columns]: integers as they are, real numbers from -1 to 1."""
    return Chain(ChannelsFirst(event.layout)) if event.discrete else standard(event)


def require_image(event: Event, name: str, other: str) -> tuple[int, int, int]:
    """(channels, rows, columns) of an event that is an image.

    Raises:
        UserError: for one that is none, naming a recipe that takes it.
    """
    if event.image is None:
        raise UserError(f"{name} makes images, and an example here has shape {event.shape}; use --recipe {other}")
    return event.image
