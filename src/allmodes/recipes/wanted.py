"""What recipes want of the data, and what they say where it is not there."""

from __future__ import annotations

from allmodes.errors import UserError
from allmodes.event import Event, Support
from allmodes.networks.sizes import SMALLEST


def image_of(event: Event, recipe: str) -> tuple[int, int, int]:
    """(channels, rows, columns) of an event that a convolutional recipe takes.

    Raises:
        UserError: for what is no image, or one too small to be halved.
    """
    if event.image is None:
        raise UserError(f"{recipe} makes images, and an example here has shape {event.shape}; use --recipe r3gan")
    if min(event.image[1:]) < 2 * SMALLEST:
        rows, columns = event.image[1:]
        raise UserError(
            f"{recipe} makes images of at least {2 * SMALLEST} x {2 * SMALLEST}, and these have {rows} x {columns}; "
            "use --recipe r3gan"
        )
    return event.image


def require_bits(name: str, event: Event) -> None:
    """Raise for an event that is not binary."""
    if event.support is not Support.BINARY:
        raise UserError(
            f"{name} models bits, and the values here are {event.support.replace('_', '-')}; "
            "make bits of grey pixels with --binarize static, or use --recipe r3gan"
        )
