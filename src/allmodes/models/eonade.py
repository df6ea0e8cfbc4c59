"""Order-agnostic NADE: one network for every order of the numbers, and the mixture of several orders as a density."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from allmodes.data.transforms import Transform
from allmodes.event import Condition, Event
from allmodes.models.base import DensityModel, draw_mixed
from allmodes.networks.conditionals import Conditional, require_support
from allmodes.networks.deep_nade import DeepNADENetwork
from allmodes.random import Rng

ORDERS_AT_ONCE = 8


class EoNADE(DensityModel):
    r"""The mixture of K orders of one order-agnostic network.

    .. math:: p(x) = \frac{1}{K} \sum_{k=1}^K \prod_{d=1}^D p(x_{o_d} | x_{o_{<d}}), \quad o = o^{(k)}

    That is an exact density; the mean over k of log-densities, or of logits, would not be one. Training draws for each
    example how many numbers are known and which, and weighs what is left as all of it:

    .. math:: L = -E\left[\frac{D}{D - d + 1} \sum_{i \geq d} \log p(x_{o_i} | x_{o_{<d}})\right]

    the expectation over all orders of an order's negative log-density, which bounds their mixture's from above.

    Arguments:
        event: what one example is.
        transform: to one vector an example, in units that the conditional takes.
        site: the conditional of one number.
        width, layers: of the network.
        orders: K, drawn once, from seed 0.

    References:
        A Deep and Tractable Density Estimator (Uria et al., 2013), equations 9 to 11, https://arxiv.org/abs/1310.1757
        Neural Autoregressive Distribution Estimation (Uria et al., 2016), section 4, https://arxiv.org/abs/1605.02226
    """

    orders: Tensor

    def __init__(
        self, event: Event, transform: Transform, site: Conditional, width: int, layers: int, orders: int
    ) -> None:
        super().__init__(event, transform)
        require_support(event, site)
        self.site = site
        self.network = DeepNADENetwork(event.size, site.parameters, width, layers)
        generator = torch.Generator().manual_seed(0)
        rows = [torch.randperm(event.size, generator=generator) for _ in range(orders)]
        self.register_buffer("orders", torch.stack(rows))

    @property
    def steady(self) -> bool:
        return True

    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        if self.training:
            return self._of_a_random_order(y, rng)
        joints = torch.cat([self.log_joints(y, orders) for orders in self.orders.split(ORDERS_AT_ONCE)])
        return joints.logsumexp(0) - math.log(len(joints))

    def _of_a_random_order(self, y: Tensor, rng: Rng) -> Tensor:
        """An unbiased estimate of the mean log-density over all orders, [n, D] -> nats [n]."""
        sites = y.shape[1]
        count = (rng.uniform(len(y), 1) * sites).floor()
        known = (rng.uniform(len(y), sites).argsort(1) < count).to(y)
        parameters = self.network(self.site.features(y), known).to(y)
        rest = (self.site.log_prob(y.unsqueeze(-1), parameters) * (1 - known)).sum(1)
        return rest * (sites / (sites - count.squeeze(1)))

    def log_joints(self, y: Tensor, orders: Tensor) -> Tensor:
        """Log-density in each of k orders, [n, D] and [k, D] -> nats [k, n]."""
        v = self.site.features(y)
        a = self.network.c.expand(len(orders), len(y), -1)
        total = y.new_zeros(len(orders), len(y))
        for site in orders.T:
            total = total + self.site.log_prob(y[:, site].T.unsqueeze(-1), self.network.at(a, site))
            a = self.network.take(a, site, v[:, site].T.unsqueeze(-1))
        return total

    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        noise = rng.uniform(n, self.event.size, self.site.noises)
        return draw_mixed(len(self.orders), noise, rng, lambda k, rows: self._draw_in(self.orders[k], rows))

    def _draw_in(self, order: Tensor, noise: Tensor) -> Tensor:
        """Examples in one order, [D], from uniform noise, [n, D, U] -> [n, D]."""
        numbers = []
        a = self.network.c.expand(1, len(noise), -1)
        for site, uniform in zip(order.split(1), noise.unbind(1), strict=True):
            numbers.append(self.site.draw(self.network.at(a, site)[0], uniform))
            a = self.network.take(a, site, self.site.features(numbers[-1]).unsqueeze(0))
        return torch.cat(numbers, 1)[:, order.argsort()]
