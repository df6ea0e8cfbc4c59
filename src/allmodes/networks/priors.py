"""Distributions of independent latent variables: what a flow or a decoder starts from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor
from torch.nn.functional import logsigmoid

from allmodes.networks.logistic import standard_logistic
from allmodes.random import Rng


class Prior(Protocol):
    """A factorial distribution of z."""

    def log_density(self, z: Tensor) -> Tensor:
        """Nats, [..., size] -> [...]."""
        ...

    def draw(self, n: int, size: int, rng: Rng) -> Tensor:
        """Samples, [..., n, size]."""
        ...


@dataclass(frozen=True)
class StandardNormal:
    r""":math:`\log p(z) = -\frac{1}{2} \sum_i (z_i^2 + \log 2 \pi)`."""

    def log_density(self, z: Tensor) -> Tensor:
        return -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)

    def draw(self, n: int, size: int, rng: Rng) -> Tensor:
        return rng.normal(n, size)


@dataclass(frozen=True)
class StandardLogistic:
    r""":math:`\log p(z) = -\sum_i (\log(1 + e^{z_i}) + \log(1 + e^{-z_i}))` (NICE, 1410.8516, section 3.4)."""

    def log_density(self, z: Tensor) -> Tensor:
        return (logsigmoid(z) + logsigmoid(-z)).sum(-1)

    def draw(self, n: int, size: int, rng: Rng) -> Tensor:
        return standard_logistic(rng.uniform(n, size))
