"""Masked convolutions, which see pixels above and to the left alone, as one pass and pixel by pixel.

Every network of images here has two faces. Called on images, [n, C, R, W], it gives the numbers of all pixels'
conditionals at once, [n, R, W, P]. As a `Stream` it gives them one pixel after the other and computes nothing twice:
what rows above contribute to a row once for the whole row, and then, at each pixel, what the pixels to its left add.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from allmodes.networks.conditionals import Conditional
from allmodes.random import Rng


class Stream(Protocol):
    """A network's way through n images at once, rows from the top, pixels from the left."""

    def row(self) -> None:
        """Begin the next row: compute what depends on rows above alone."""
        ...

    def pixel(self, column: int) -> Tensor:
        """Numbers of the conditional of a pixel of this row, [n, P]."""
        ...

    def put(self, column: int, v: Tensor) -> None:
        """Take in the features of that pixel, [n, C + K]."""
        ...


class PixelNetwork(nn.Module, ABC):
    """What gives the conditionals of images' pixels, [n, C, R, W] -> [n, R, W, P]."""

    constants: ClassVar[int] = 1
    """K: channels that every image has beside its features."""

    def forward(self, v: Tensor, rng: Rng) -> Tensor:
        beside = self.beside(v, v.shape[-2:]).expand(len(v), -1, -1, -1)
        return self.conditionals(torch.cat([v, beside], 1), rng)

    @abstractmethod
    def conditionals(self, v: Tensor, rng: Rng) -> Tensor:
        """Numbers of all pixels' conditionals, [n, C + K, R, W] -> [n, R, W, P].

        Arguments:
            rng: of what is left out in training.
        """

    @abstractmethod
    def stream(self, n: int, columns: int) -> Stream:
        """Begin n images of so many columns."""

    def beside(self, like: Tensor, size: Sequence[int]) -> Tensor:
        """The constant channels, [K, R, W]: ones, which tell the image from the zeros around it (PixelCNN++'s code)."""
        return like.new_ones(1, *size)

    @torch.no_grad()
    def draw(self, size: tuple[int, int], noise: Tensor, site: Conditional) -> tuple[Tensor, Tensor]:
        """Images pixel by pixel.

        Arguments:
            size: rows and columns.
            noise: uniform, [n, R W, U].

        Returns:
            The images, [n, C, R, W], and the numbers of their conditionals, [n, R, W, P].
        """
        rows, columns = size
        stream = self.stream(len(noise), columns)
        noises = iter(noise.transpose(0, 1).contiguous())
        beside = self.beside(noise, size).permute(1, 2, 0)
        y, parameters = [], []
        for row in range(rows):
            stream.row()
            for column in range(columns):
                parameters.append(stream.pixel(column))
                y.append(site.draw(parameters[-1], next(noises)))
                stream.put(column, torch.cat([site.features(y[-1]), beside[row, column].expand(len(noise), -1)], 1))
        return (
            torch.stack(y, -1).unflatten(-1, (rows, columns)),
            torch.stack(parameters, 1).unflatten(1, (rows, columns)),
        )


class ConvolutionalNetwork(PixelNetwork):
    """An image network that is told each pixel's row and column, from -1 to 1, which convolutions cannot know.

    References:
        An Intriguing Failing of Convolutional Neural Networks and the CoordConv Solution (Liu et al., 2018), section 3,
        https://arxiv.org/abs/1807.03247
    """

    constants = 3

    def beside(self, like: Tensor, size: Sequence[int]) -> Tensor:
        rows, columns = (torch.linspace(-1, 1, length, dtype=like.dtype, device=like.device) for length in size)
        return torch.cat([super().beside(like, size), torch.stack(torch.meshgrid(rows, columns, indexing="ij"))])


class MaskedConv2d(nn.Module):
    """A convolution of which the rows above and the pixels to the left are kept, [n, in, R, W] -> [n, out, R, W].

    The rows below are not there at all; in the middle row a mask is multiplied into a copy of the weights.

    Arguments:
        rows, columns: how far it sees, above and to either side; k x k in the paper is (k - 1) / 2 of both.
        kind: "A" without the pixel itself, for the layer that sees the image; "B" with it, for all others.

    References:
        Pixel Recurrent Neural Networks (van den Oord et al., 2016), section 3.4, https://arxiv.org/abs/1601.06759
    """

    mask: Tensor

    def __init__(self, inputs: int, outputs: int, rows: int, columns: int, kind: Literal["A", "B"]) -> None:
        super().__init__()
        self.rows, self.columns = rows, columns
        self.taps = columns + (kind == "B")
        kernel = rows + 1, 2 * columns + 1
        full = nn.Conv2d(inputs, outputs, kernel)
        self.weight, self.bias = full.weight, full.bias
        mask = torch.ones(kernel)
        mask[-1, self.taps :] = 0
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(pad(x, (self.columns, self.columns, self.rows, 0)), self.weight * self.mask, self.bias)

    def stream(self, n: int, columns: int) -> MaskedConvStream:
        """Begin n images."""
        return MaskedConvStream(self, n, columns)


class MaskedConvStream:
    """A masked convolution, row by row and pixel by pixel."""

    def __init__(self, conv: MaskedConv2d, n: int, columns: int) -> None:
        self.columns, self.taps, self.bias = conv.columns, conv.taps, conv.bias
        weight = conv.weight.detach()
        inputs = weight.shape[1]
        self.above_weight = weight[:, :, :-1]
        self.left_weight = weight[:, :, -1, : conv.taps].permute(2, 1, 0).reshape(conv.taps * inputs, -1).contiguous()
        self.rows = weight.new_zeros(n, inputs, conv.rows, columns + 2 * conv.columns)
        self.here = weight.new_zeros(n, columns + conv.columns, inputs)
        self.started = False
        self.above: tuple[Tensor, ...] = ()

    def row(self) -> None:
        """Begin the next row."""
        if self.started:
            self.rows = self.rows.roll(-1, 2)
            self.rows[:, :, -1, self.columns : -self.columns] = self.here[:, self.columns :].transpose(1, 2)
        self.started = True
        above = conv2d(self.rows, self.above_weight, self.bias)  # [n, out, 1, W]
        self.above = above[:, :, 0].permute(2, 0, 1).contiguous().unbind()

    def pixel(self, column: int) -> Tensor:
        """The output at a pixel, [n, out]."""
        left = self.here[:, column : column + self.taps].flatten(1)
        return torch.addmm(self.above[column], left, self.left_weight)

    def put(self, column: int, x: Tensor) -> None:
        """Take in the input at a pixel, [n, in]."""
        self.here[:, column + self.columns] = x


class Pointwise(nn.Conv2d):
    """A 1 x 1 convolution, [n, in, R, W] -> [n, out, R, W]."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 1)

    def at(self, x: Tensor) -> Tensor:
        """At one pixel, [n, in] -> [n, out]."""
        return nn.functional.linear(x, self.weight[:, :, 0, 0], self.bias)


class Head(nn.Module):
    """From a network's features to the numbers of the conditionals: two rectified 1 x 1 convolutions.

    Arguments:
        inputs: features; as many lie between the two.
        parameters: P.
    """

    def __init__(self, inputs: int, parameters: int) -> None:
        super().__init__()
        self.inner, self.outer = Pointwise(inputs, inputs), Pointwise(inputs, parameters)

    def forward(self, x: Tensor) -> Tensor:
        """[n, in, R, W] -> [n, R, W, P]."""
        return self.outer(self.inner(x.relu()).relu()).movedim(1, -1)

    def at(self, x: Tensor) -> Tensor:
        """At one pixel, [n, in] -> [n, P]."""
        return self.outer.at(self.inner.at(x.relu()).relu())
