"""What the generator starts from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from allmodes.random import Rng


class Latent(Protocol):
    """The distribution of z, with mean 0 and variance 1 in each of its dimensions."""

    @property
    def size(self) -> int:
        """Its dimension."""
        ...

    def draw(self, n: int, rng: Rng) -> Tensor:
        """Draws, [..., n, size]."""
        ...

    def truncated(self, threshold: float) -> Latent:
        """The same without what is further from 0 than the threshold, in each dimension.

        References:
            BigGAN (Brock et al., 2018), section 3.1, https://arxiv.org/abs/1809.11096
        """
        ...


@dataclass(frozen=True)
class Normal:
    """z is standard normal."""

    size: int

    def draw(self, n: int, rng: Rng) -> Tensor:
        return rng.normal(n, self.size)

    def truncated(self, threshold: float) -> Latent:
        return TruncatedNormal(self.size, threshold)


@dataclass(frozen=True)
class TruncatedNormal:
    r"""z is standard normal under the condition that no number of it is larger than the threshold.

    .. math:: z = \sqrt2 \operatorname{erf}^{-1}(u \operatorname{erf}(t / \sqrt2)), \quad u \sim U(-1, 1)

    The distribution that drawing again, until a number lies within the threshold, has.
    """

    size: int
    threshold: float

    def draw(self, n: int, rng: Rng) -> Tensor:
        u = 2 * rng.uniform(n, self.size) - 1
        z = math.sqrt(2) * (u * math.erf(self.threshold / math.sqrt(2))).erfinv()
        return z.clamp(-self.threshold, self.threshold)

    def truncated(self, threshold: float) -> Latent:
        return TruncatedNormal(self.size, min(threshold, self.threshold))


@dataclass(frozen=True)
class Uniform:
    r"""z is uniform on the cube :math:`[-\sqrt3, \sqrt3]^d`, or on a smaller one.

    Its density has an edge and no tails: all of the generator's input is seen equally often.
    """

    size: int
    edge: float = math.sqrt(3)

    def draw(self, n: int, rng: Rng) -> Tensor:
        return (2 * rng.uniform(n, self.size) - 1) * self.edge

    def truncated(self, threshold: float) -> Latent:
        return Uniform(self.size, min(threshold, self.edge))
