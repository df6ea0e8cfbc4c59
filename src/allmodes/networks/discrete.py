"""Conditionals of bits and of few levels, and how a site's numbers depend on each other and are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, softplus


def pairs(channels: int) -> int:
    """How many coefficients tie a site's numbers: one for each pair."""
    return channels * (channels - 1) // 2


def shifts(coefficients: Tensor, earlier: Tensor, channel: int) -> Tensor:
    """What earlier channels add to a channel, [..., pairs] and [..., C] -> [...]."""
    first = pairs(channel)
    return (coefficients[..., first : first + channel] * earlier[..., :channel]).sum(-1)


@dataclass(frozen=True)
class Bernoulli:
    r"""Binary numbers.

    .. math:: p(y_c = 1) = \sigma(l_c + \sum_{j < c} w_{cj} y_j)

    The network gives l, and w where a site has several numbers.
    """

    channels: int = 1
    levels: ClassVar[int] = 2

    @property
    def parameters(self) -> int:
        return self.channels + pairs(self.channels)

    @property
    def noises(self) -> int:
        return self.channels

    def features(self, y: Tensor) -> Tensor:
        return y

    def log_prob(self, y: Tensor, parameters: Tensor) -> Tensor:
        logits, coefficients = parameters.tensor_split([self.channels], -1)
        if self.channels > 1:
            logits = torch.stack([logits[..., c] + shifts(coefficients, y, c) for c in range(self.channels)], dim=-1)
        return (y * logits - softplus(logits)).sum(-1)

    def draw(self, parameters: Tensor, noise: Tensor) -> Tensor:
        if self.channels == 1:
            return (noise < parameters.sigmoid()).to(parameters.dtype)
        logits, coefficients = parameters.tensor_split([self.channels], -1)
        y = torch.zeros_like(logits)
        for c in range(self.channels):
            y[..., c] = noise[..., c] < (logits[..., c] + shifts(coefficients, y, c)).sigmoid()
        return y


@dataclass(frozen=True)
class Categorical:
    """One of a few levels, 0 .. levels - 1, each with a logit of its own."""

    levels: int

    @property
    def channels(self) -> int:
        return 1

    @property
    def parameters(self) -> int:
        return self.levels

    @property
    def noises(self) -> int:
        return 1

    def features(self, y: Tensor) -> Tensor:
        return 2 * y / max(1, self.levels - 1) - 1

    def log_prob(self, y: Tensor, parameters: Tensor) -> Tensor:
        return log_softmax(parameters, -1).gather(-1, y.long()).squeeze(-1)

    def draw(self, parameters: Tensor, noise: Tensor) -> Tensor:
        return choose(parameters, noise).to(parameters.dtype)


def choose(logits: Tensor, noise: Tensor) -> Tensor:
    """Indices by their logits from uniform numbers, [..., K] and [..., 1] -> [..., 1]: the inverse of the sums."""
    sums = logits.softmax(-1).cumsum(-1)
    return (sums < noise * sums[..., -1:]).sum(-1, keepdim=True)
