"""Gated PixelCNN's network: a vertical stack for the rows above, a horizontal one for the row itself, no blind spot."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from allmodes.networks.dropout import Dropout
from allmodes.networks.masked import ConvolutionalNetwork, Head, Pointwise
from allmodes.random import Rng


def gate(x: Tensor, axis: int = 1) -> Tensor:
    r"""Half the channels gated by the other half, equation 2: :math:`\tanh(a) \odot \sigma(b)`."""
    a, b = x.chunk(2, axis)
    return a.tanh() * b.sigmoid()


class GatedPixelCNNNetwork(ConvolutionalNetwork):
    """Two stacks of gated convolutions, [n, C, R, W] -> [n, R, W, P].

    The vertical stack at row r sees rows above r, to both sides alike as far as its convolutions reach; the horizontal
    stack sees it, and the row to the left. Other than in the paper both are told where a pixel is.

    Arguments:
        channels: C.
        parameters: P, numbers for a pixel's conditional.
        width: channels of each stack.
        layers: the first is 7 x 7, the others 3 x 3.
        dropped: share of the channels that each layer leaves out of what it adds, in training.

    References:
        Conditional Image Generation with PixelCNN Decoders (van den Oord et al., 2016), sections 2.1 and 2.2, figure 2,
        https://arxiv.org/abs/1606.05328
    """

    def __init__(self, channels: int, parameters: int, width: int, layers: int, dropped: float = 0.0) -> None:
        super().__init__()
        first = [GatedLayer(channels + self.constants, width, 7, dropped, first=True)]
        self.layers = nn.ModuleList(first + [GatedLayer(width, width, 3, dropped) for _ in range(layers - 1)])
        self.head = Head(width, parameters)

    def conditionals(self, v: Tensor, rng: Rng) -> Tensor:
        """[n, C + K, R, W] -> [n, R, W, P]."""
        vertical = horizontal = v
        for layer in self.layers:
            vertical, horizontal = layer(vertical, horizontal, rng)
        return self.head(horizontal)

    def stream(self, n: int, columns: int) -> GatedPixelCNNStream:
        """Begin n images."""
        return GatedPixelCNNStream(self, n, columns)


class GatedLayer(nn.Module):
    """One layer of both stacks, [n, in, R, W] each -> [n, width, R, W] each.

    Arguments:
        first: whether the inputs are the image, whose pixel and row must not be seen; the horizontal stack has the
            identity beside it in all other layers.
    """

    def __init__(self, inputs: int, width: int, kernel: int, dropped: float, *, first: bool = False) -> None:
        super().__init__()
        self.reach, self.first = kernel // 2, first
        self.seen = self.reach + (not first)
        """Rows that the vertical convolution sees, with its own or without; as many columns sees the horizontal one."""
        self.vertical = nn.Conv2d(inputs, 2 * width, (self.seen, kernel))
        self.horizontal = nn.Conv2d(inputs, 2 * width, (1, self.seen))
        self.link = Pointwise(2 * width, 2 * width)
        self.dropout = Dropout(dropped)
        self.out = Pointwise(width, width)

    def forward(self, vertical: Tensor, horizontal: Tensor, rng: Rng) -> tuple[Tensor, Tensor]:
        rows, columns = vertical.shape[-2:]
        v = self.vertical(pad(vertical, (self.reach, self.reach, self.reach, 0)))[:, :, :rows]
        h = self.horizontal(pad(horizontal, (self.reach, 0)))[..., :columns] + self.link(v)
        out = self.out(self.dropout(gate(h), rng))
        return gate(v), out if self.first else out + horizontal


class GatedPixelCNNStream:
    """The network: the vertical stack row by row, the horizontal one pixel by pixel."""

    def __init__(self, network: GatedPixelCNNNetwork, n: int, columns: int) -> None:
        self.head, self.columns = network.head, columns
        self.layers: list[_LayerStream] = []
        for layer in network.layers:
            assert isinstance(layer, GatedLayer)
            self.layers.append(_LayerStream(layer, n, columns))
        self.begun = False

    def row(self) -> None:
        """Begin the next row."""
        first = self.layers[0]
        if self.begun:
            first.push(first.here[:, first.reach :].transpose(1, 2))
        self.begun = True
        x = first.row()
        for layer in self.layers[1:]:
            layer.push(x)
            x = layer.row()

    def pixel(self, column: int) -> Tensor:
        """Numbers of the conditional of a pixel, [n, P]."""
        x = self.layers[0].pixel(column)
        for layer in self.layers[1:]:
            layer.put(column, x)
            x = x + layer.pixel(column)
        return self.head.at(x)

    def put(self, column: int, v: Tensor) -> None:
        """Take in a pixel's features, [n, C + K]."""
        self.layers[0].put(column, v)


class _LayerStream:
    """One layer: the rows that its vertical convolution sees, and its horizontal input so far."""

    def __init__(self, layer: GatedLayer, n: int, columns: int) -> None:
        self.layer, self.reach, self.seen = layer, layer.reach, layer.seen
        weight = layer.horizontal.weight.detach()
        inputs = weight.shape[1]
        self.weight = weight[:, :, 0].permute(2, 1, 0).reshape(self.seen * inputs, -1).contiguous()
        assert layer.horizontal.bias is not None
        self.bias = layer.horizontal.bias.detach()
        self.rows = weight.new_zeros(n, inputs, self.seen, columns + 2 * self.reach)
        self.here = weight.new_zeros(n, columns + self.reach, inputs)
        self.above: tuple[Tensor, ...] = ()

    def push(self, row: Tensor) -> None:
        """Take in a row of the vertical stack, [n, in, W]."""
        self.rows = self.rows.roll(-1, 2)
        self.rows[:, :, -1, self.reach : -self.reach] = row

    def row(self) -> Tensor:
        """The vertical stack's row, [n, width, W]; what it adds to the horizontal one is kept."""
        v = self.layer.vertical(self.rows)
        link = self.layer.link(v)[:, :, 0].permute(2, 0, 1)
        self.above = (link + self.bias).unbind()
        return gate(v)[:, :, 0]

    def pixel(self, column: int) -> Tensor:
        """What the layer adds to the horizontal stack at a pixel, [n, width]."""
        left = self.here[:, column : column + self.seen].flatten(1)
        return self.layer.out.at(gate(torch.addmm(self.above[column], left, self.weight), -1))

    def put(self, column: int, x: Tensor) -> None:
        """Take in the horizontal stack at a pixel, [n, in]."""
        self.here[:, column + self.reach] = x
