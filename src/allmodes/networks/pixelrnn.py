"""PixelRNN's networks: LSTMs over the rows of an image, or over its diagonals in both directions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, pad

from allmodes.networks.masked import Head, MaskedConv2d, PixelNetwork, Pointwise
from allmodes.random import Rng


def cell(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    r"""A step of an LSTM, [..., 4h] and [..., h] -> h and c, [..., h] each; equation 3.

    .. math:: o, f, i = \sigma(\cdot), \quad g = \tanh(\cdot), \quad c \leftarrow f c + i g, \quad h = o \tanh c
    """
    size = c.shape[-1]
    curved, straight = gates.split([3 * size, size], -1)  # a slice's gradient would be filled up with zeros
    o, f, i = curved.sigmoid().chunk(3, -1)
    c = torch.addcmul(f * c, i, straight.tanh())
    return o * c.tanh(), c


class PixelRNNNetwork(PixelNetwork):
    """A 7 x 7 convolution with mask A and residual LSTM layers, [n, C, R, W] -> [n, R, W, P].

    Arguments:
        channels: C.
        parameters: P, numbers for a pixel's conditional.
        width: h, of each LSTM; the residual stream has 2h channels.
        layer: makes an LSTM layer from h and the features of a pixel, `RowLSTM` or `DiagonalBiLSTM`.
        layers: how many.

    References:
        Pixel Recurrent Neural Networks (van den Oord et al., 2016), section 3, https://arxiv.org/abs/1601.06759
    """

    def __init__(self, channels: int, parameters: int, width: int, layer: Layer, layers: int) -> None:
        super().__init__()
        features = channels + self.constants
        self.entry = MaskedConv2d(features, 2 * width, 3, 3, "A")
        self.layers = nn.ModuleList(layer(width, features) for _ in range(layers))
        self.head = Head(2 * width, parameters)

    def conditionals(self, v: Tensor, rng: Rng) -> Tensor:
        """[n, C + K, R, W] -> [n, R, W, P]."""
        x = self.entry(v)
        for layer in self.layers:
            x = layer(x, v)
        return self.head(x)

    def stream(self, n: int, columns: int) -> PixelRNNStream:
        """Begin n images."""
        return PixelRNNStream(self, n, columns)


Layer = Callable[[int, int], "RowLSTM | DiagonalBiLSTM"]


class RowLSTM(nn.Module):
    """An LSTM from the top row to the bottom one, all pixels of a row at once, [n, 2h, R, W] -> [n, 2h, R, W].

    A pixel's state comes from the three above it and its input from the left: a triangle of context.

    References:
        Pixel Recurrent Neural Networks (van den Oord et al., 2016), section 3.1, https://arxiv.org/abs/1601.06759
    """

    def __init__(self, width: int, features: int) -> None:
        super().__init__()
        self.width = width
        self.inputs = nn.Conv2d(2 * width, 4 * width, (1, 2))  # the 3 pixels of a kernel under mask B
        self.states = nn.Conv1d(width, 4 * width, 3, padding=1, bias=False)
        self.out = Pointwise(width, 2 * width)

    def forward(self, x: Tensor, v: Tensor) -> Tensor:
        inputs = self.inputs(pad(x, (1, 0))).permute(2, 0, 3, 1)  # [R, n, W, 4h]
        h = c = x.new_zeros(len(x), x.shape[-1], self.width)
        rows = []
        for gates in inputs:
            h, c = cell(gates + self.states(h.transpose(1, 2)).transpose(1, 2), c)
            rows.append(h)
        return x + self.out(torch.stack(rows).permute(1, 3, 0, 2))

    def stream(self, n: int, columns: int) -> RowLSTMStream:
        """Begin n images."""
        return RowLSTMStream(self, n, columns)


class RowLSTMStream:
    """A row LSTM, pixel by pixel."""

    def __init__(self, layer: RowLSTM, n: int, columns: int) -> None:
        self.layer = layer
        weight = layer.inputs.weight.detach()
        self.weight = weight[:, :, 0].permute(2, 1, 0).reshape(4 * layer.width, -1).contiguous()
        self.inputs = weight.new_zeros(n, columns + 1, 2 * layer.width)
        self.h, self.c = (weight.new_zeros(n, columns, layer.width) for _ in range(2))
        self.above: tuple[Tensor, ...] = ()

    def row(self, image: Tensor) -> None:
        """Begin the next row."""
        states = conv1d(self.h.transpose(1, 2), self.layer.states.weight, self.layer.inputs.bias, padding=1)
        self.above = states.permute(2, 0, 1).contiguous().unbind()

    def pixel(self, column: int, x: Tensor) -> Tensor:
        """The layer at a pixel, [n, 2h] -> [n, 2h]."""
        self.inputs[:, column + 1] = x
        left = self.inputs[:, column : column + 2].flatten(1)
        h, c = cell(torch.addmm(self.above[column], left, self.weight), self.c[:, column])
        self.h[:, column], self.c[:, column] = h, c
        return x + self.layer.out.at(h)


class DiagonalBiLSTM(nn.Module):
    """Two LSTMs along the diagonals, from both upper corners, [n, 2h, R, W] -> [n, 2h, R, W].

    Skewed by a column a row, an image's diagonals are columns, and all pixels of one are computed at once: a state
    comes from those to the left and above. The one from the right is moved down by a row, so that it sees no later
    pixel. Other than in the paper it sees each pixel v itself beside the input x, which knows only earlier ones:
    without that the last pixel of a row is in nobody's sight at the next row's beginning.

    References:
        Pixel Recurrent Neural Networks (van den Oord et al., 2016), section 3.2, figure 3, https://arxiv.org/abs/1601.06759
    """

    def __init__(self, width: int, features: int) -> None:
        super().__init__()
        self.width = width
        self.pixels = nn.Parameter(_uniform(features, 4 * width))
        self.inputs = nn.Parameter(_uniform(2, 2 * width, 4 * width))
        self.bias = nn.Parameter(torch.zeros(2, 1, 4 * width))
        self.states = nn.Parameter(_uniform(2, 2 * width, 4 * width))  # of the pixel beside, then of the one above
        self.out = Pointwise(width, 2 * width)

    def forward(self, x: Tensor, v: Tensor) -> Tensor:
        n, _, rows, columns = x.shape
        both = torch.stack([x, x.flip(3)]).permute(0, 3, 4, 1, 2)  # [2, R, W, n, 2h]
        gates = torch.baddbmm(self.bias, both.flatten(1, 3), self.inputs).unflatten(1, (rows, columns, n))
        gates[1] += v.flip(3).permute(2, 3, 0, 1) @ self.pixels
        h = unskewed(self._scan(skewed(gates)), columns)  # [2, R, W, n, h]
        below = pad(h[1].flip(1)[:-1], (0, 0, 0, 0, 0, 0, 1, 0))
        return x + self.out((h[0] + below).permute(2, 3, 0, 1))

    def _scan(self, gates: Tensor) -> Tensor:
        """States of all diagonals in turn, [T, 2, R, n, 4h] -> [T, 2, R, n, h]."""
        h = c = gates.new_zeros(*gates.shape[1:-1], self.width)
        none = torch.zeros_like(h[:, :1])
        states = []
        for step in gates:
            seen = torch.cat([h, torch.cat([none, h[:, :-1]], 1)], -1)
            h, c = cell(torch.baddbmm(step.flatten(1, 2), seen.flatten(1, 2), self.states).view_as(step), c)
            states.append(h)
        return torch.stack(states)

    def stream(self, n: int, columns: int) -> DiagonalBiLSTMStream:
        """Begin n images."""
        return DiagonalBiLSTMStream(self, n, columns)


def skewed(x: Tensor) -> Tensor:
    """Each row moved right by one column more than the one above, [2, R, W, n, k] -> [R + W - 1, 2, R, n, k]."""
    rows, columns = x.shape[1:3]
    wide = pad(x, (0, 0, 0, 0, 0, rows)).flatten(1, 2)[:, : rows * (columns + rows - 1)]
    return wide.unflatten(1, (rows, columns + rows - 1)).permute(2, 0, 1, 3, 4).contiguous()


def unskewed(x: Tensor, columns: int) -> Tensor:
    """The inverse of `skewed`, [R + W - 1, 2, R, n, k] -> [2, R, W, n, k]."""
    steps, _, rows = x.shape[:3]
    wide = pad(x.permute(1, 2, 0, 3, 4).flatten(1, 2), (0, 0, 0, 0, 0, rows))
    return wide.unflatten(1, (rows, steps + 1))[:, :, :columns]


class DiagonalBiLSTMStream:
    """A diagonal LSTM: the one from the left pixel by pixel, the one from the right when a row is complete."""

    def __init__(self, layer: DiagonalBiLSTM, n: int, columns: int) -> None:
        self.layer, self.columns = layer, columns
        width = layer.width
        self.inputs = layer.bias.new_zeros(columns, n, 2 * width)
        self.left, self.right = (layer.bias.new_zeros(columns, n, width) for _ in range(2))
        self.c = layer.bias.new_zeros(n, width)
        self.above = self._above(0, self.left)
        self.begun = False

    def _above(self, side: int, states: Tensor) -> Tensor:
        """What a complete row adds to the gates of the next, [W, n, h] -> [W, n, 4h]."""
        return states @ self.layer.states[side, self.layer.width :] + self.layer.bias[side]

    def row(self, image: Tensor) -> None:
        """Begin the next row, when the last one is complete."""
        if self.begun:
            self.above = self._above(0, self.left)
            self._from_the_right(image)
        self.begun = True
        self.c = torch.zeros_like(self.c)

    def _from_the_right(self, image: Tensor) -> None:
        """The complete row of the LSTM from the right; the next row sees it."""
        gates = self._above(1, self.right) + self.inputs @ self.layer.inputs[1] + image @ self.layer.pixels
        h = c = torch.zeros_like(self.c)
        for column in reversed(range(self.columns)):
            h, c = cell(torch.addmm(gates[column], h, self.layer.states[1, : self.layer.width]), c)
            self.right[column] = h

    def pixel(self, column: int, x: Tensor) -> Tensor:
        """The layer at a pixel, [n, 2h] -> [n, 2h]."""
        self.inputs[column] = x
        gates = torch.addmm(self.above[column], x, self.layer.inputs[0])
        if column:
            gates.addmm_(self.left[column - 1], self.layer.states[0, : self.layer.width])
        self.left[column], self.c = cell(gates, self.c)
        return x + self.layer.out.at(self.left[column] + self.right[column])


class PixelRNNStream:
    """The network, pixel by pixel."""

    def __init__(self, network: PixelRNNNetwork, n: int, columns: int) -> None:
        self.head = network.head
        self.entry = network.entry.stream(n, columns)
        self.layers: list[RowLSTMStream | DiagonalBiLSTMStream] = []
        for layer in network.layers:
            assert isinstance(layer, RowLSTM | DiagonalBiLSTM)
            self.layers.append(layer.stream(n, columns))
        self.image = network.head.inner.weight.new_zeros(columns, n, network.entry.weight.shape[1])

    def row(self) -> None:
        """Begin the next row."""
        self.entry.row()
        for layer in self.layers:
            layer.row(self.image)

    def pixel(self, column: int) -> Tensor:
        """Numbers of the conditional of a pixel, [n, P]."""
        x = self.entry.pixel(column)
        for layer in self.layers:
            x = layer.pixel(column, x)
        return self.head.at(x)

    def put(self, column: int, v: Tensor) -> None:
        """Take in a pixel's features, [n, C + K]."""
        self.image[column] = v
        self.entry.put(column, v)


def _uniform(*shape: int) -> Tensor:
    """Weights of [..., in, out] as a linear layer begins."""
    bound = shape[-2] ** -0.5
    return torch.empty(shape).uniform_(-bound, bound)
