"""Invertible changes of units between the user's numbers and what networks want, stored with the model."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Self

import torch
from torch import Tensor, nn

from allmodes.data.chunks import chunks
from allmodes.event import Event, Layout, Support
from allmodes.random import Rng


class Transform(nn.Module):
    """One invertible change of units, [..., *shape] -> [..., *new shape]; leading axes are free.

    Built from shapes and hyper-parameters alone: what `fit` measures lies in buffers, so that a model is rebuilt
    without its data and then loads its state. Floats keep their precision, integers become torch's default float.
    """

    def fit(self, x: Tensor) -> Self:
        """Measure what the transform needs on training examples [n, *shape]; nothing by default."""
        return self

    def forward(self, x: Tensor, rng: Rng | None = None) -> Tensor:
        """From the user's units to the networks'. `rng` draws the noise of `Dequantize`; no other transform has any."""
        raise NotImplementedError

    def inverse(self, y: Tensor) -> Tensor:
        """Back to the user's units."""
        raise NotImplementedError

    def with_log_slope(self, x: Tensor, rng: Rng | None = None) -> tuple[Tensor, Tensor]:
        """What `forward` gives, and the logarithm of the size of dy/dx for each number, in the shape of x.

        Both are of the same noise. Every transform acts on each number by itself, so the sum over an example is its
        log-determinant: what a density of y takes to become a density of x.
        """
        y, pull_back = torch.func.vjp(lambda x: self.forward(x, rng), _floats(x))[:2]
        (slope,) = pull_back(torch.ones_like(y))
        return y, slope.abs().log()

    def log_slope(self, x: Tensor, rng: Rng | None = None) -> Tensor:
        """The second half of `with_log_slope`."""
        return self.with_log_slope(x, rng)[1]


def _floats(x: Tensor) -> Tensor:
    return x if x.is_floating_point() else x.to(torch.get_default_dtype())


class Chain(Transform):
    """Transforms one after another, the first one nearest to the user."""

    def __init__(self, *parts: Transform) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def _parts(self) -> Iterator[Transform]:
        for part in self.parts:
            assert isinstance(part, Transform)
            yield part

    def fit(self, x: Tensor) -> Self:
        for part in self._parts():
            x = part.fit(x)(x)
        return self

    def forward(self, x: Tensor, rng: Rng | None = None) -> Tensor:
        x = _floats(x)
        for part in self._parts():
            x = part(x, rng)
        return x

    def inverse(self, y: Tensor) -> Tensor:
        for part in reversed(list(self._parts())):
            y = part.inverse(y)
        return y


class Standardize(Transform):
    """(x - mean) / scale: mean zero and standard deviation one.

    A column that never changes keeps scale 1.

    Arguments:
        shape: of one example.
        shared: one scale for all coordinates, which keeps angles; else one for each.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, ...], *, shared: bool = False) -> None:
        super().__init__()
        self.shared = shared
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("scale", torch.ones(() if shared else shape))

    def fit(self, x: Tensor) -> Self:
        mean = torch.stack([part.double().sum(0) for _, part in chunks(x)]).sum(0) / len(x)
        square = torch.stack([(part.double() - mean).square().sum(0) for _, part in chunks(x)]).sum(0) / len(x)
        constant = x.amax(0) == x.amin(0)
        if self.shared:
            square, constant = square.mean(), constant.all()
        self.mean.copy_(mean)
        self.scale.copy_(torch.where(constant, 1.0, square.sqrt()))
        return self

    def forward(self, x: Tensor, rng: Rng | None = None) -> Tensor:
        return (_floats(x) - self.mean) / self.scale

    def inverse(self, y: Tensor) -> Tensor:
        return y * self.scale + self.mean


class _Compress(Transform):
    """A compression of u = x / scale within the training examples' range, and its tangents beyond.

    Scale is the typical size of what is not zero: the choice of units is free. The inverse of a compression alone would
    make an exponentially large number of a step beyond the range, for which nothing in the data speaks. Without `fit`
    there is no range, and this is the identity.
    """

    scale: Tensor
    low: Tensor
    high: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.zeros(()))

    def fit(self, x: Tensor) -> Self:
        """Scale: the median of |x| over the numbers that are not zero; 1 where all are. Low and high: of u."""
        size = x[x != 0].abs()
        if size.numel():
            self.scale.copy_(size.median())
        self.low.copy_(x.amin() / self.scale)
        self.high.copy_(x.amax() / self.scale)
        return self

    def forward(self, x: Tensor, rng: Rng | None = None) -> Tensor:
        u = _floats(x) / self.scale
        within = u.clamp(self.low, self.high)
        return self.compressed(within) + (u - within) / self.stretch(within)

    def inverse(self, y: Tensor) -> Tensor:
        low, high = (self.compressed(end.to(y.dtype)) for end in (self.low, self.high))
        within = y.clamp(low, high)
        u = self.expanded(within)
        return (u + (y - within) * self.stretch(u)) * self.scale

    def compressed(self, u: Tensor) -> Tensor:
        """The compression."""
        raise NotImplementedError

    def expanded(self, y: Tensor) -> Tensor:
        """Its inverse."""
        raise NotImplementedError

    def stretch(self, u: Tensor) -> Tensor:
        """The slope of its inverse, at the compression of u."""
        raise NotImplementedError


class Log1p(_Compress):
    """log(1 + x / scale) for x >= 0: linear near zero, logarithmic far out. Exact zeros stay zero, both ways."""

    def compressed(self, u: Tensor) -> Tensor:
        return torch.log1p(u)

    def expanded(self, y: Tensor) -> Tensor:
        return torch.expm1(y)

    def stretch(self, u: Tensor) -> Tensor:
        return 1 + u


class Asinh(_Compress):
    """asinh(x / scale): `Log1p` for numbers of both signs. Exact zeros stay zero, both ways."""

    def compressed(self, u: Tensor) -> Tensor:
        return torch.asinh(u)

    def expanded(self, y: Tensor) -> Tensor:
        return torch.sinh(y)

    def stretch(self, u: Tensor) -> Tensor:
        return torch.hypot(u, torch.ones_like(u))


class Logit(Transform):
    """logit(alpha + (1 - 2 alpha) x) for x in [0, 1]: the unit interval to the real line.

    Arguments:
        alpha: keeps 0 and 1 finite.

    References:
        RealNVP (Dinh et al., 2016), section 4.1, https://arxiv.org/abs/1605.08803
        MAF (Papamakarios et al., 2017), appendix, https://arxiv.org/abs/1705.07057
    """

    def __init__(self, alpha: float = 0.05) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, x: Tensor, rng: Rng | None = None) -> Tensor:
        return torch.logit(self.alpha + (1 - 2 * self.alpha) * _floats(x))

    def inverse(self, y: Tensor) -> Tensor:
        return (torch.sigmoid(y) - self.alpha) / (1 - 2 * self.alpha)


class Dequantize(Transform):
    """(x + u) / levels with u uniform on [0, 1): integers to real numbers in [0, 1); back by rounding down.

    A density of y, times the slope, bounds the probability of x from below on average over u (Theis et al., 2015,
    https://arxiv.org/abs/1511.01844, section 3.1).

    Arguments:
        shape: of one example.
        levels: the integers are 0 .. levels - 1.
    """

    def __init__(self, shape: tuple[int, ...], levels: int) -> None:
        super().__init__()
        self.shape, self.levels = shape, levels

    def forward(self, x: Tensor, rng: Rng | None = None) -> Tensor:
        """Without `rng` every number goes to the middle of its bin."""
        x = _floats(x)
        if rng is None:
            return (x + 0.5) / self.levels
        noise = rng.uniform(x.shape[x.dim() - len(self.shape) - 1], *self.shape).to(x)
        # Nearer to a bin's edge than its rounding error, x + u could fall into the next bin.
        edge = 2 * self.levels * torch.finfo(x.dtype).eps
        return (x + noise.clamp(edge, 1 - edge)) / self.levels

    def inverse(self, y: Tensor) -> Tensor:
        return (y * self.levels).floor().clamp(0, self.levels - 1)


class ScaleToUnit(Transform):
    """From [low, high] to [-1, 1].

    Arguments:
        levels: the ends are 0 and levels - 1; None: the smallest and the largest number of the training examples.
    """

    low: Tensor
    high: Tensor

    def __init__(self, levels: int | None = None) -> None:
        super().__init__()
        self.fixed = levels is not None
        self.register_buffer("low", torch.tensor(0.0))
        self.register_buffer("high", torch.tensor(1.0 if levels is None else levels - 1.0))

    def fit(self, x: Tensor) -> Self:
        if not self.fixed:
            low, high = float(x.amin()), float(x.amax())
            self.low.fill_(low)
            self.high.fill_(high if high > low else low + 1)
        return self

    def forward(self, x: Tensor, rng: Rng | None = None) -> Tensor:
        return 2 * (_floats(x) - self.low) / (self.high - self.low) - 1

    def inverse(self, y: Tensor) -> Tensor:
        return (y + 1) / 2 * (self.high - self.low) + self.low


class ChannelsFirst(Transform):
    """Images of any layout to [..., channels, rows, columns]."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout = layout

    def forward(self, x: Tensor, rng: Rng | None = None) -> Tensor:
        match self.layout:
            case Layout.HW:
                return _floats(x).unsqueeze(-3)
            case Layout.HWC:
                return _floats(x).movedim(-1, -3)
            case _:
                return _floats(x)

    def inverse(self, y: Tensor) -> Tensor:
        match self.layout:
            case Layout.HW:
                return y.squeeze(-3)
            case Layout.HWC:
                return y.movedim(-3, -1)
            case _:
                return y


class Flatten(Transform):
    """[..., *shape] -> [..., size]."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor, rng: Rng | None = None) -> Tensor:
        leading = x.shape[: x.dim() - len(self.shape)]
        return _floats(x).reshape(*leading, math.prod(self.shape))

    def inverse(self, y: Tensor) -> Tensor:
        return y.reshape(*y.shape[:-1], *self.shape)


def standard(event: Event) -> Transform:
    """The units that networks want for an event.

    Images: [..., channels, rows, columns] in [-1, 1]. Anything else: [..., size], each coordinate with mean 0 and
    standard deviation 1. Numbers that may span decades are compressed first: non-negative ones, such as energies, and
    counts of pixels beyond a byte by `Log1p`, charges of pixels around a pedestal by `Asinh`.
    """
    if event.image is None:
        compress = [Log1p()] if event.support is Support.NON_NEGATIVE else []
        return Chain(*compress, Flatten(event.shape), Standardize((event.size,)))
    if event.support is Support.REAL:
        return Chain(Asinh(), ChannelsFirst(event.layout), ScaleToUnit())
    if event.support is Support.NON_NEGATIVE or event.dtype is torch.int32:
        return Chain(Log1p(), ChannelsFirst(event.layout), ScaleToUnit())
    return in_range(event)


def in_range(event: Event) -> Transform:
    """Images as [..., channels, rows, columns] in [-1, 1], in proportion.

    -1 and 1 are the first and the last level where there are levels, else the training examples' smallest and largest
    number.
    """
    levels = {Support.BINARY: 2, Support.LEVELS: event.levels}.get(event.support)
    return Chain(ChannelsFirst(event.layout), ScaleToUnit(levels))


def flat(event: Event) -> Transform:
    """`standard` units as one vector an example, [..., size], for networks that know no neighbourhoods."""
    return standard(event) if event.image is None else Chain(standard(event), Flatten(event.image))


def dense(event: Event, *, alpha: float | None) -> Transform:
    """The units that a density wants: levels are spread over their bins, anything else is in `standard` units.

    Images are [..., channels, rows, columns], anything else [..., size].

    Arguments:
        alpha: of the `Logit` that takes levels from [0, 1) to the real line; None leaves them in [0, 1).
    """
    if not event.discrete:
        return standard(event)
    levels = event.levels if event.support is Support.LEVELS else 2
    shape = Flatten(event.shape) if event.image is None else ChannelsFirst(event.layout)
    return Chain(Dequantize(event.shape, levels), *([] if alpha is None else [Logit(alpha)]), shape)


def dense_flat(event: Event, *, alpha: float | None) -> Transform:
    """`dense` units as one vector an example, [..., size]."""
    units = dense(event, alpha=alpha)
    return units if event.image is None else Chain(units, Flatten(event.image))
