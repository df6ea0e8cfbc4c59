"""R3GAN's networks for images of any size and number of channels: residual, grouped, without normalization."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

from allmodes.networks.sizes import halve, halvings

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)
SLOPE = 0.2
GROUP = 16
"""Channels that one group of a convolution sees."""
BLOCKS = 2
"""Residual blocks a stage."""
EVEN = 32
"""The longer side, in pixels, of the largest map that has full width; larger ones have half for twice the side."""


def stage_widths(image: tuple[int, int, int], width: int = 768) -> list[int]:
    """Channels of the maps, coarsest first, multiples of 8; with 768, those of configuration E.

    >>> stage_widths((3, 256, 256))
    [768, 768, 768, 768, 384, 192, 96]
    """
    halved = [max(0, math.ceil(math.log2(max(size) / EVEN))) for size in halvings(*image[1:])[::-1]]
    return [max(8, width // 2**times // 8 * 8) for times in halved]


class Block(nn.Module):
    r"""An inverted bottleneck with a grouped convolution, [n, channels, *] -> [n, channels, *].

    .. math:: x + W_3 \, a(W_2 * a(W_1 x + b_1) + b_2)

    with W_1 and W_3 maps of single pixels to twice the channels and back, W_2 a 3 x 3 convolution in groups, and a the
    leaky rectifier. The branch begins at zero, W_3 = 0, and the other weights are smaller the more blocks there are, so
    that a network without normalization moves by an equal amount at any depth.

    Arguments:
        blocks: how many the network has.

    References:
        R3GAN (Huang et al., 2024), section 4 and appendix, https://arxiv.org/abs/2501.05441
        Fixup initialization (Zhang et al., 2019), section 3, https://arxiv.org/abs/1901.09321
    """

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        wide = 2 * channels
        self.widen = nn.Conv2d(channels, wide, 1, bias=False)
        self.mix = nn.Conv2d(wide, wide, 3, padding=1, groups=max(1, wide // GROUP), bias=False)
        self.narrow = nn.Conv2d(wide, channels, 1, bias=False)
        self.first_bias = nn.Parameter(torch.zeros(wide, 1, 1))
        self.second_bias = nn.Parameter(torch.zeros(wide, 1, 1))
        gain = math.sqrt(2 / (1 + SLOPE**2)) * blocks**-0.25
        scaled(self.widen, gain)
        scaled(self.mix, gain)
        scaled(self.narrow, 0.0)

    def forward(self, x: Tensor) -> Tensor:
        y = leaky_relu(self.widen(x) + self.first_bias, SLOPE)
        y = leaky_relu(self.mix(y) + self.second_bias, SLOPE)
        return x + self.narrow(y)


class R3GANGenerator(nn.Module):
    """From a latent vector to an image, [n, latent] -> [n, channels, rows, columns].

    The coarsest map is a sum of learned pictures, one a channel; maps grow by bilinear interpolation.

    Arguments:
        image: (channels, rows, columns).
        widths: channels of the maps, coarsest first, multiples of 8; as many as `halvings` of the image.

    References:
        R3GAN (Huang et al., 2024), section 4, configuration E, https://arxiv.org/abs/2501.05441
    """

    def __init__(self, image: tuple[int, int, int], latent: int, widths: Sequence[int]) -> None:
        super().__init__()
        channels, rows, columns = image
        sizes = halvings(rows, columns)[::-1]
        self.first = scaled(nn.Linear(latent, widths[0], bias=False), 1.0)
        self.basis = nn.Parameter(torch.randn(widths[0], *sizes[0]))
        blocks = BLOCKS * len(sizes)
        layers: list[nn.Module] = [Block(widths[0], blocks) for _ in range(BLOCKS)]
        for (before, after), size in zip(pairwise(widths), sizes[1:], strict=True):
            layers += [_channels(before, after), _Grow(size), *(Block(after, blocks) for _ in range(BLOCKS))]
        self.layers = nn.Sequential(*layers, scaled(nn.Conv2d(widths[-1], channels, 1, bias=False), 1.0))

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(self.first(z)[..., None, None] * self.basis)


class R3GANDiscriminator(nn.Module):
    """From an image to a logit, [n, channels, rows, columns] -> [n, 1]: the generator's mirror image.

    Arguments:
        image: (channels, rows, columns).
        widths: channels of the maps, coarsest first, multiples of 8; as many as `halvings` of the image.

    References:
        R3GAN (Huang et al., 2024), section 4, configuration E, https://arxiv.org/abs/2501.05441
    """

    def __init__(self, image: tuple[int, int, int], widths: Sequence[int]) -> None:
        super().__init__()
        channels, rows, columns = image
        sizes = halvings(rows, columns)
        finest_first = widths[::-1]
        blocks = BLOCKS * len(sizes)
        layers: list[nn.Module] = [scaled(nn.Conv2d(channels, finest_first[0], 1, bias=False), 1.0)]
        layers += [Block(finest_first[0], blocks) for _ in range(BLOCKS)]
        for before, after in pairwise(finest_first):
            layers += [_Halve(), _channels(before, after), *(Block(after, blocks) for _ in range(BLOCKS))]
        self.layers = nn.Sequential(*layers)
        pixels = math.prod(sizes[-1])
        self.basis = nn.Parameter(torch.randn(widths[0], *sizes[-1]) / math.sqrt(pixels))
        self.last = scaled(nn.Linear(widths[0], 1, bias=False), 1.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.last((self.layers(x) * self.basis).sum((-2, -1)))


class _Grow(nn.Module):
    """Bilinear interpolation to a size."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return interpolate(x, self.size, mode="bilinear")


class _Halve(nn.Module):
    """Bilinear interpolation to half the size."""

    def forward(self, x: Tensor) -> Tensor:
        return halve(x)


def _channels(before: int, after: int) -> nn.Module:
    """A map of single pixels to another number of channels, nothing where it is the same."""
    return nn.Identity() if before == after else scaled(nn.Conv2d(before, after, 1, bias=False), 1.0)


def scaled(layer: Layer, gain: float) -> Layer:
    """The layer with weights from N(0, gain^2 / inputs)."""
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(layer.weight[0].numel()))
    return layer
