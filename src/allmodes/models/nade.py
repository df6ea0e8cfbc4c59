"""Neural autoregressive distribution estimator: one hidden state, one number after the other."""

from __future__ import annotations

import torch
from torch import Tensor

from allmodes.data.transforms import Transform
from allmodes.event import Condition, Event
from allmodes.models.base import DensityModel
from allmodes.networks.conditionals import Conditional, require_support
from allmodes.networks.nade import NADENetwork
from allmodes.random import Rng


class NADE(DensityModel):
    r"""The chain rule of probability in one order, with weights shared over its conditionals.

    .. math:: p(x) = \prod_{d=1}^D p(x_{o_d} | x_{o_{<d}})

    Arguments:
        event: what one example is.
        transform: to one vector an example, in units that the conditional takes.
        conditional: of one number.
        width: hidden units.
        order: o, a permutation of the numbers; the data's own if left out.

    References:
        Neural Autoregressive Distribution Estimation (Uria et al., 2016), section 2, https://arxiv.org/abs/1605.02226
        RNADE (Uria et al., 2013), for real numbers, https://arxiv.org/abs/1306.0186
    """

    order: Tensor

    def __init__(
        self, event: Event, transform: Transform, conditional: Conditional, width: int, order: Tensor | None = None
    ) -> None:
        super().__init__(event, transform)
        require_support(event, conditional)
        self.site = conditional
        self.network = NADENetwork(event.size, conditional.parameters, width)
        self.register_buffer("order", torch.arange(event.size) if order is None else order)

    @property
    def steady(self) -> bool:
        return True

    def conditionals(self, y: Tensor) -> Tensor:
        """Numbers of all conditionals, in the order of the recurrence, [n, D] -> [n, D, P]."""
        return self.network(self.site.features(y)[:, self.order])

    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        return self.site.log_prob(y[:, self.order].unsqueeze(-1), self.conditionals(y)).sum(-1)

    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        noise = rng.uniform(n, self.event.size, self.site.noises)
        y = noise.new_empty(noise.shape[:2])
        a = self.network.start(len(y))
        for d, site in enumerate(self.order.tolist()):
            number = self.site.draw(self.network.site(a, d), noise[:, d])
            a = self.network.take(a, d, self.site.features(number))
            y[:, site] = number[:, 0]
        return y
