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


@dataclass(frozen=True)
class Normal:
    """z is standard normal."""

    size: int

    def draw(self, n: int, rng: Rng) -> Tensor:
        return rng.normal(n, self.size)


@dataclass(frozen=True)
class Uniform:
    r"""z is uniform on the cube :math:`[-\sqrt3, \sqrt3]^d`.

    Its density has an edge and no tails: all of the generator's input is seen equally often.
    """

    size: int

    def draw(self, n: int, rng: Rng) -> Tensor:
        return (2 * rng.uniform(n, self.size) - 1) * math.sqrt(3)
