"""What the recipes for images share."""

from __future__ import annotations

from torch import nn

from allmodes.errors import UserError
from allmodes.event import Event
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


def xavier(network: nn.Module) -> None:
    """Weights that keep the size of signals forward and of gradients backward on average, biases 0.

    References:
        Understanding the difficulty of training deep feedforward networks (Glorot and Bengio, 2010), equation 16
    """
    for layer in network.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def orthogonal(network: nn.Module) -> None:
    """Weights whose rows, or columns, are orthonormal, biases 0.

    References:
        Exact solutions to the nonlinear dynamics of learning (Saxe et al., 2014), https://arxiv.org/abs/1312.6120
    """
    for layer in network.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            nn.init.orthogonal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
