"""What a decoder says of an example: independent numbers of one distribution, whose parameters it gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import softplus

from allmodes.networks.logistic import log_mass, standard_logistic
from allmodes.networks.widths import bounded
from allmodes.random import Rng

BEGIN = -1.0
"""Logarithm of a deviation where the decoder gives 0: one that begins as wide as the data often learns to ignore z."""


class Likelihood(Protocol):
    """The distribution of an example given parameters from a decoder."""

    @property
    def parameters(self) -> int:
        """How many parameters a number has."""
        ...

    def log_density(self, y: Tensor, parameters: Tensor) -> Tensor:
        """Nats, [..., size] and [..., parameters * size] -> [...]."""
        ...

    def draw(self, parameters: Tensor, rng: Rng) -> Tensor:
        """An example for each row, [..., n, parameters * size] -> [..., n, size]; a sample, not its mean."""
        ...


@dataclass(frozen=True)
class Bernoulli:
    r"""Binary numbers, :math:`\log p(y) = \sum_i y_i l_i - \log(1 + e^{l_i})`, with logits l from the decoder."""

    parameters: int = 1

    def log_density(self, y: Tensor, parameters: Tensor) -> Tensor:
        return (y * parameters - softplus(parameters)).sum(-1)

    def draw(self, parameters: Tensor, rng: Rng) -> Tensor:
        u = rng.uniform(*parameters.shape[-2:]).to(parameters)
        return (u < torch.sigmoid(parameters)).to(parameters)


@dataclass(frozen=True)
class Gaussian:
    r"""Real numbers, mean m and logarithm of the deviation s from the decoder (1312.6114, appendix C.2).

    .. math:: \log p(y) = -\sum_i \left[\frac{(y_i - m_i)^2}{2 e^{2 s_i}} + s_i + \frac{1}{2} \log 2 \pi\right]
    """

    parameters: int = 2

    def log_density(self, y: Tensor, parameters: Tensor) -> Tensor:
        m, s = self._parts(parameters)
        return -(((y - m) * (-s).exp()).square() / 2 + s + math.log(2 * math.pi) / 2).sum(-1)

    def draw(self, parameters: Tensor, rng: Rng) -> Tensor:
        m, s = self._parts(parameters)
        return m + s.exp() * rng.normal(*m.shape[-2:]).to(m)

    def _parts(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        m, s = parameters.chunk(2, -1)
        return m, bounded(s + BEGIN)


@dataclass(frozen=True)
class DiscretizedLogistic:
    r"""Levels: what a logistic distribution gives to the bin of each, the outer bins reaching to infinity.

    .. math:: P(y) = \sigma\left(\frac{y + \delta - m}{e^s}\right) - \sigma\left(\frac{y - \delta - m}{e^s}\right)

    Arguments:
        levels: y are as many, evenly from -1 to 1; the half width of a bin is 1 / (levels - 1).

    References:
        Improving Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016), appendix C.5, where
        a bin begins at its level, https://arxiv.org/abs/1606.04934
        PixelCNN++ (Salimans et al., 2017), section 2.1, for bins around their levels, https://arxiv.org/abs/1701.05517
    """

    levels: int
    parameters: int = 2

    def log_density(self, y: Tensor, parameters: Tensor) -> Tensor:
        m, s = self._parts(parameters)
        half = 1 / (self.levels - 1)
        inverse = (-s).exp()
        lower, upper = (y - half - m) * inverse, (y + half - m) * inverse
        return log_mass(lower, upper, 2 * half * inverse, y <= half - 1, y >= 1 - half).sum(-1)

    def draw(self, parameters: Tensor, rng: Rng) -> Tensor:
        """Real numbers, whose nearest level has the probability above."""
        m, s = self._parts(parameters)
        return m + s.exp() * standard_logistic(rng.uniform(*m.shape[-2:]).to(m))

    def _parts(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        m, s = parameters.chunk(2, -1)
        return m, bounded(s)
