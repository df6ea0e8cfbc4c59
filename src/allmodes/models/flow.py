"""What flows share: a density by a change of variables. NICE, RealNVP and neural splines stand on it."""

from __future__ import annotations

import torch
from torch import Tensor

from allmodes.data.transforms import Transform
from allmodes.event import Condition, Event
from allmodes.models.base import DensityModel
from allmodes.networks.coupling import Bijection
from allmodes.networks.priors import Prior
from allmodes.random import Rng

EXAMPLES = 1024
"""From which data-dependent layers begin."""


class Flow(DensityModel):
    r"""An invertible map f of the data to latent variables that are independent.

    .. math:: \log p(y) = \log p_Z(f(y)) + \log \left| \det \frac{\partial f}{\partial y} \right|

    Samples are :math:`f^{-1}(z)` with z from the same prior.

    Arguments:
        event: what one example is.
        transform: to the units of f; a discrete event needs a `Dequantize` in it.
        bijection: f, [..., *shape in the networks' units] -> [..., size].
        prior: of z.
    """

    def __init__(self, event: Event, transform: Transform, bijection: Bijection, prior: Prior) -> None:
        super().__init__(event, transform)
        if event.discrete and not self.dequantized:
            raise ValueError("a flow has a density and no masses: the transform of a discrete event must dequantize")
        self.bijection = bijection
        self.prior = prior

    @property
    def steady(self) -> bool:
        return True

    def fit(self, x: Tensor) -> None:
        """Fit the transform, then let the layers that begin from data begin."""
        super().fit(x)
        like = next(self.parameters())
        with torch.no_grad():
            self.bijection.initialize(self.transform(x[:EXAMPLES].to(like), Rng(0, like.device)))

    def forward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The latent variables f(y), [..., size], and the log-determinant, [...]."""
        return self.bijection(y)

    def inverse(self, z: Tensor) -> Tensor:
        """The example in the networks' units, [..., size] -> [..., *shape]."""
        return self.bijection.inverse(z)

    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        z, log_det = self(y)
        return self.prior.log_density(z) + log_det

    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        return self.inverse(self.prior.draw(n, self.event.size, rng).to(next(self.parameters())))
