"""Numbers that change while training: functions of t, the share of the training that is done.

Where a GPU replays a recorded step, t is a scalar tensor, and so is what a schedule makes of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

Number: TypeAlias = float | Tensor


class Schedule(Protocol):
    """A number at each t in [0, 1]."""

    def __call__(self, t: Number) -> Number: ...


@dataclass(frozen=True)
class Constant:
    """The same number throughout."""

    value: float

    def __call__(self, t: Number) -> Number:
        return 0 * t + self.value


@dataclass(frozen=True)
class Cosine:
    r"""From `start` to `end` along half a cosine; multiplied by a linear rise from zero over the share `warmup`.

    .. math:: v(t) = v_1 + (v_0 - v_1) (1 + \cos \pi t) / 2

    References:
        SGDR (Loshchilov and Hutter, 2017), equation 5, https://arxiv.org/abs/1608.03983

    >>> rate = Cosine(1.0, 0.0)
    >>> rate(0.0), round(rate(0.5), 12), rate(1.0)
    (1.0, 0.5, 0.0)
    """

    start: float
    end: float
    warmup: float = 0.0

    def __call__(self, t: Number) -> Number:
        value = self.end + (self.start - self.end) * (1 + _cos(math.pi * t)) / 2
        return value * _at_most_one(t / self.warmup) if self.warmup else value


@dataclass(frozen=True)
class Geometric:
    r"""From `start` to `end` by equal factors.

    .. math:: v(t) = v_0^{1 - t} v_1^t
    """

    start: float
    end: float

    def __call__(self, t: Number) -> Number:
        return self.start ** (1 - t) * self.end**t


@dataclass(frozen=True)
class Linear:
    """From `start` to `end` in a straight line."""

    start: float
    end: float

    def __call__(self, t: Number) -> Number:
        return self.start + (self.end - self.start) * t


def _cos(x: Number) -> Number:
    return torch.cos(x) if isinstance(x, Tensor) else math.cos(x)


def _at_most_one(x: Number) -> Number:
    return x.clamp(max=1) if isinstance(x, Tensor) else min(1.0, x)
