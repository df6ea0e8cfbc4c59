"""Numbers that change while training: functions of t, the share of the training that is done."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol


class Schedule(Protocol):
    """A number at each t in [0, 1]."""

    def __call__(self, t: float) -> float: ...


@dataclass(frozen=True)
class Constant:
    """The same number throughout."""

    value: float

    def __call__(self, t: float) -> float:
        return self.value


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

    def __call__(self, t: float) -> float:
        rise = min(1.0, t / self.warmup) if self.warmup else 1.0
        return rise * (self.end + (self.start - self.end) * (1 + math.cos(math.pi * t)) / 2)


@dataclass(frozen=True)
class Geometric:
    r"""From `start` to `end` by equal factors.

    .. math:: v(t) = v_0^{1 - t} v_1^t
    """

    start: float
    end: float

    def __call__(self, t: float) -> float:
        return self.start ** (1 - t) * self.end**t
