"""How weights begin."""

from __future__ import annotations

import math
from typing import TypeVar

from torch import nn

Network = TypeVar("Network", bound=nn.Module)
WEIGHTED = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


def rectified(network: Network) -> Network:
    r"""Initialize the weights such that signals keep their size on the way through rectified layers.

    .. math:: W \sim N(0, 2 / n_{in}), \quad \text{in the last layer } N(0, 1 / n_{in}), \text{ with a bias of } 0

    Other biases keep torch's small random numbers, which spread the kinks of the rectifiers.

    References:
        Delving Deep into Rectifiers (He et al., 2015), section 2.2, https://arxiv.org/abs/1502.01852
    """
    layers = [layer for layer in network.modules() if isinstance(layer, WEIGHTED)]
    for layer in layers:
        gain = 1.0 if layer is layers[-1] else 2.0
        nn.init.normal_(layer.weight, 0.0, math.sqrt(gain / inputs(layer)))
    if layers[-1].bias is not None:
        nn.init.zeros_(layers[-1].bias)
    return network


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


def inputs(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d) -> float:
    """How many numbers one output of a layer sums over."""
    if isinstance(layer, nn.ConvTranspose2d):
        kernel, stride = math.prod(layer.kernel_size), math.prod(layer.stride)
        return layer.in_channels * kernel / stride
    return layer.weight[0].numel()
