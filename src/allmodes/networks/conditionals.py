"""The distribution of one site of an example, given a network's numbers for it: one column, or a pixel's C channels.

A fully visible belief net multiplies such conditionals over the sites, in some order. Where a site has several
numbers, later ones depend on earlier ones through coefficients that the network gives too (PixelCNN++, section 2.2,
https://arxiv.org/abs/1701.05517), so that one pass of the network serves a whole pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, softplus

from allmodes.errors import UserError
from allmodes.event import Event, Support

CATEGORICAL_UP_TO = 32
"""With more levels a probability for each takes more weights than the data can teach: a mixture over the levels."""


class Conditional(Protocol):
    """The distribution of a site's C numbers."""

    @property
    def channels(self) -> int:
        """C: numbers of a site."""
        ...

    @property
    def parameters(self) -> int:
        """P: numbers that the network gives for a site."""
        ...

    @property
    def noises(self) -> int:
        """U: uniform numbers that a draw takes."""
        ...

    def features(self, y: Tensor) -> Tensor:
        """How numbers in the networks' units enter a network: about one in size, in the shape of y."""
        ...

    def log_prob(self, y: Tensor, parameters: Tensor) -> Tensor:
        """Log-probability of sites, [..., C] and [..., P] -> nats [...]."""
        ...

    def draw(self, parameters: Tensor, noise: Tensor) -> Tensor:
        """Sites from numbers uniform on [0, 1), [..., P] and [..., U] -> [..., C]."""
        ...


def conditional_for(event: Event, channels: int, components: int) -> Conditional:
    """The conditional that suits an event: by its support, its levels, and the numbers that a site has.

    Arguments:
        components: of mixtures.
    """
    from allmodes.networks.mixtures import GaussianMixture, LogisticMixture  # which stand on this file

    match event.support:
        case Support.BINARY:
            return Bernoulli(channels)
        case Support.LEVELS if channels == 1 and event.levels <= CATEGORICAL_UP_TO:
            return Categorical(event.levels)
        case Support.LEVELS:
            return LogisticMixture(channels, components, event.levels)
        case _:
            return GaussianMixture(channels, components)


def require_support(event: Event, conditional: Conditional) -> None:
    """Hold a conditional against the values that an event can take.

    Raises:
        UserError: where some of them have no probability under it.
    """
    have = {Support.BINARY: 2, Support.LEVELS: event.levels}.get(event.support)
    levels = getattr(conditional, "levels", None)
    if levels != have:
        takes = f"{levels} levels" if levels else "real numbers"
        given = f"{have} levels" if have else f"{event.support} values"
        raise UserError(
            f"{type(conditional).__name__} is a distribution of {takes}, and the data have {given}: "
            "take the one that conditional_for(event, ...) gives"
        )


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
