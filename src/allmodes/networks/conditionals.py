"""The distribution of one site of an example, given a network's numbers for it: one column, or a pixel's C channels.

A fully visible belief net multiplies such conditionals over the sites, in some order. Where a site has several
numbers, later ones depend on earlier ones through coefficients that the network gives too (PixelCNN++, section 2.2,
https://arxiv.org/abs/1701.05517), so that one pass of the network serves a whole pixel.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from allmodes.errors import UserError
from allmodes.event import Event, Support
from allmodes.networks.discrete import Bernoulli, Categorical
from allmodes.networks.mixtures import GaussianMixture, LogisticMixture

COMPONENTS = 10
"""Of a mixture for real numbers or many levels, as in RNADE and PixelCNN++."""
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


def conditional_for(event: Event, channels: int, components: int | None = None) -> Conditional:
    """The conditional that suits an event: by its support, its levels, and the numbers that a site has.

    Arguments:
        components: of mixtures; 10 if left out.

    Raises:
        UserError: for components of values that take no mixture.
    """
    tabulated = event.support is Support.LEVELS and channels == 1 and event.levels <= CATEGORICAL_UP_TO
    if components is not None and (event.support is Support.BINARY or tabulated):
        raise UserError(
            f"--set components={components}: so few levels have a probability each, and no mixture; leave it out"
        )
    mixed = COMPONENTS if components is None else components
    match event.support:
        case Support.BINARY:
            return Bernoulli(channels)
        case Support.LEVELS if tabulated:
            return Categorical(event.levels)
        case Support.LEVELS:
            return LogisticMixture(channels, mixed, event.levels)
        case _:
            return GaussianMixture(channels, mixed)


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
