"""Invertible layers with a cheap log-determinant: couplings, scales, squeezes, many scales."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from allmodes.networks.mlp import MLP


class Bijection(nn.Module):
    """An invertible map of examples, [..., *shape] -> [..., *new shape], leading axes free."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The image of x, and the log-determinant of the Jacobian there, [...]."""
        raise NotImplementedError

    def inverse(self, y: Tensor) -> Tensor:
        """Back."""
        raise NotImplementedError

    def initialize(self, x: Tensor) -> Tensor:
        """Set what begins from data, given examples [n, *shape], and map them; nothing to set by default."""
        return self(x)[0]


class Composed(Bijection):
    """Bijections one after another; the log-determinants add."""

    def __init__(self, *parts: Bijection) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def _parts(self) -> Iterator[Bijection]:
        for part in self.parts:
            assert isinstance(part, Bijection)
            yield part

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total: Tensor | float = 0.0
        for part in self._parts():
            x, log_det = part(x)
            total = total + log_det
        assert isinstance(total, Tensor)
        return x, total

    def inverse(self, y: Tensor) -> Tensor:
        for part in reversed(list(self._parts())):
            y = part.inverse(y)
        return y

    def initialize(self, x: Tensor) -> Tensor:
        for part in self._parts():
            x = part.initialize(x)
        return x


class AdditiveCoupling(Bijection):
    r"""What the mask keeps moves the rest: volume is preserved.

    .. math:: y = x + (1 - b) \odot m(b \odot x)

    Arguments:
        mask: b, 1 where x is kept and 0 where it is moved, [*shape].
        network: m, [..., *shape] -> [..., 1, *shape].

    References:
        NICE (Dinh et al., 2014), section 3.2, https://arxiv.org/abs/1410.8516
    """

    mask: Tensor

    def __init__(self, mask: Tensor, network: nn.Module) -> None:
        super().__init__()
        self.register_buffer("mask", mask)
        self.network = network

    def _shift(self, x: Tensor) -> Tensor:
        (shift,) = self.network(x * self.mask).unbind(-1 - self.mask.dim())
        return (1 - self.mask) * shift

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x + self._shift(x), x.new_zeros(x.shape[: x.dim() - self.mask.dim()])

    def inverse(self, y: Tensor) -> Tensor:
        return y - self._shift(y)


class AffineCoupling(Bijection):
    r"""What the mask keeps scales and moves the rest.

    .. math:: y = b \odot x + (1 - b) \odot (x \odot \exp s(b \odot x) + t(b \odot x)), \quad s = c \odot \tanh r

    with r and t from the network and c learned, which bounds how far one layer can stretch.

    Arguments:
        mask: b, 1 where x is kept and 0 where it is scaled, [*shape].
        network: r and t, [..., *shape] -> [..., 2, *shape].

    References:
        RealNVP (Dinh et al., 2016), equation 9 and section 4.1, https://arxiv.org/abs/1605.08803
    """

    mask: Tensor

    def __init__(self, mask: Tensor, network: nn.Module) -> None:
        super().__init__()
        self.register_buffer("mask", mask)
        self.network = network
        self.c = nn.Parameter(torch.ones((mask.shape[0], *[1] * (mask.dim() - 1))))

    def _scale_and_shift(self, x: Tensor) -> tuple[Tensor, Tensor]:
        r, t = self.network(x * self.mask).unbind(-1 - self.mask.dim())
        return (1 - self.mask) * self.c * torch.tanh(r), (1 - self.mask) * t

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self._scale_and_shift(x)
        return x * s.exp() + t, s.flatten(-self.mask.dim()).sum(-1)

    def inverse(self, y: Tensor) -> Tensor:
        s, t = self._scale_and_shift(y)
        return (y - t) * (-s).exp()


class Scaling(Bijection):
    r"""Each number by its own factor, :math:`y_i = x_i \exp s_i`: NICE's last layer.

    The factors begin as what makes the deviations one.

    Arguments:
        size: of a vector.

    References:
        NICE (Dinh et al., 2014), section 3.3, https://arxiv.org/abs/1410.8516
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.s = nn.Parameter(torch.zeros(size))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x * self.s.exp(), self.s.sum().expand(x.shape[:-1])

    def inverse(self, y: Tensor) -> Tensor:
        return y * (-self.s).exp()

    def initialize(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            self.s.copy_(-_deviation(x, [0]).log())
        return self(x)[0]


class ActNorm(Bijection):
    r"""Activation normalization: a scale and a shift a channel, which begin as what makes mean 0 and deviation 1.

    .. math:: y = (x - m) \exp s

    Unlike batch normalization it is the same map in training and evaluation, for any size of batch.

    Arguments:
        shape: of one example, channels or features first.

    References:
        Glow (Kingma and Dhariwal, 2018), section 3.1, https://arxiv.org/abs/1807.03039
    """

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = tuple(shape)
        each = (shape[0], *[1] * (len(shape) - 1))
        self.m = nn.Parameter(torch.zeros(each))
        self.s = nn.Parameter(torch.zeros(each))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        log_det = self.s.sum() * math.prod(self.shape[1:])
        return (x - self.m) * self.s.exp(), log_det.expand(x.shape[: x.dim() - len(self.shape)])

    def inverse(self, y: Tensor) -> Tensor:
        return y * (-self.s).exp() + self.m

    def initialize(self, x: Tensor) -> Tensor:
        over = [0, *range(2, x.dim())]
        with torch.no_grad():
            self.m.copy_(x.mean(over).view_as(self.m))
            self.s.copy_(-_deviation(x, over).log().view_as(self.s))
        return self(x)[0]


def _deviation(x: Tensor, over: list[int]) -> Tensor:
    """What never changes is stretched a thousand times and no more."""
    return x.std(over, correction=0).clamp(min=1e-3)


class Squeeze(Bijection):
    """Each 2 x 2 pixels to 4 channels: [..., C, 2 H, 2 W] -> [..., 4 C, H, W] (RealNVP, section 3.6)."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return pixel_unshuffle(x, 2), x.new_zeros(x.shape[:-3])

    def inverse(self, y: Tensor) -> Tensor:
        return pixel_shuffle(y, 2)


class Leaving(Bijection):
    """Half of the channels are done after some layers, the others go on: [..., C, H, W] -> [..., C H W].

    Arguments:
        layers: for all channels, keeping the shape that comes out of them.
        shape: what comes out of them, (C, H, W).
        rest: for the second half of the channels; None where nothing goes on.

    References:
        RealNVP (Dinh et al., 2016), section 3.6, https://arxiv.org/abs/1605.08803
    """

    def __init__(self, layers: Bijection, shape: tuple[int, int, int], rest: Leaving | None) -> None:
        super().__init__()
        self.layers, self.shape, self.rest = layers, shape, rest

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h, log_det = self.layers(x)
        if self.rest is None:
            return h.flatten(-3), log_det
        done, on = h.chunk(2, -3)
        y, more = self.rest(on)
        return torch.cat([done.flatten(-3), y], -1), log_det + more

    def inverse(self, y: Tensor) -> Tensor:
        channels, rows, columns = self.shape
        if self.rest is None:
            return self.layers.inverse(y.unflatten(-1, self.shape))
        done, on = y.chunk(2, -1)
        half = done.unflatten(-1, (channels // 2, rows, columns))
        return self.layers.inverse(torch.cat([half, self.rest.inverse(on)], -3))

    def initialize(self, x: Tensor) -> Tensor:
        h = self.layers.initialize(x)
        if self.rest is not None:
            self.rest.initialize(h.chunk(2, -3)[1])
        return self(x)[0]


def alternating(size: int, parity: int) -> Tensor:
    """The mask of a vector that keeps every second number, the first one for parity 0, [size]."""
    return (torch.arange(size) % 2 == parity).to(torch.get_default_dtype())


def checkerboard(shape: tuple[int, int, int], parity: int) -> Tensor:
    """The mask of an image that keeps every second pixel, as white on a chess board, [C, H, W]."""
    channels, rows, columns = shape
    colour = (torch.arange(rows)[:, None] + torch.arange(columns)) % 2
    return (colour == parity).to(torch.get_default_dtype()).expand(channels, rows, columns).clone()


def half_of_channels(shape: tuple[int, int, int], parity: int) -> Tensor:
    """The mask of an image that keeps one half of the channels, the first for parity 0, [C, H, W]."""
    second = torch.arange(shape[0]) >= shape[0] // 2
    return (second == bool(parity)).to(torch.get_default_dtype())[:, None, None].expand(shape).clone()


class VectorNetwork(nn.Module):
    """A dense network that reads what a mask keeps and speaks of the rest, [..., size] -> [..., outputs, size].

    Arguments:
        mask: 1 where x is read and 0 where the outputs are, [size]; both must be somewhere.
        outputs: numbers for each that is not read; they begin near 0.
        widths: of the hidden layers.
    """

    kept: Tensor
    order: Tensor

    def __init__(self, mask: Tensor, outputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        kept, moved = mask.nonzero().squeeze(-1), (1 - mask).nonzero().squeeze(-1)
        self.outputs = outputs
        self.register_buffer("kept", kept)
        self.register_buffer("order", torch.cat([moved, kept]).argsort())
        self.layers = MLP(len(kept), outputs * len(moved), widths, activation=nn.ReLU)
        _near_zero(self.layers[-1])

    def forward(self, x: Tensor) -> Tensor:
        seen = x.index_select(-1, self.kept)
        moved = self.layers(seen).unflatten(-1, (self.outputs, -1))
        silent = moved.new_zeros(*moved.shape[:-1], seen.shape[-1])
        return torch.cat([moved, silent], -1).index_select(-1, self.order)


class ImageNetwork(nn.Module):
    """A residual network of convolutions, [n, channels, H, W] -> [n, outputs, channels, H, W].

    Arguments:
        outputs: numbers a pixel and channel; they begin near 0.
        width: channels of the hidden maps.
        blocks: residual ones.

    References:
        RealNVP (Dinh et al., 2016), section 3.4, https://arxiv.org/abs/1605.08803
    """

    def __init__(self, channels: int, outputs: int, width: int, blocks: int) -> None:
        super().__init__()
        self.outputs = outputs
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 1))
            for _ in range(blocks)
        )
        self.last = nn.Conv2d(width, outputs * channels, 3, padding=1)
        _near_zero(self.last)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        for block in self.blocks:
            h = h + block(h)
        return self.last(h.relu()).unflatten(-3, (self.outputs, -1))


def _near_zero(layer: nn.Module) -> None:
    """A flow begins near the identity, with weights that are not zero: gradients reach the layers before."""
    assert isinstance(layer, (nn.Linear, nn.Conv2d))
    nn.init.normal_(layer.weight, 0.0, 0.01 / math.sqrt(layer.weight[0].numel()))
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
