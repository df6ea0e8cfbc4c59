"""Masked autoencoder for distribution estimation: all conditionals in one pass of a dense network."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from allmodes.data.transforms import Transform
from allmodes.event import Condition, Event
from allmodes.models.base import DensityModel, draw_mixed
from allmodes.networks.conditionals import Conditional, require_support
from allmodes.networks.made import MADENetwork
from allmodes.random import Rng


class MADE(DensityModel):
    r"""One network under several masks, each of which is an exact density; together they are a mixture.

    .. math:: p(x) = \frac{1}{K} \sum_{k=1}^K \prod_d p(x_d | x_{\text{before } d \text{ in } k}, M_k)

    Training takes the masks in turn: a move's loss is that of one mask, whose mean over the masks bounds the mixture's
    from above. The mean of logits over masks would be no likelihood: its exponentials do not sum to 1.

    Arguments:
        event: what one example is.
        transform: to one vector an example, in units that the conditional takes.
        conditional: of one number.
        widths: of the hidden layers.
        masks: K.
        orders: how many orders the masks take in turn; one: the data's own; more: order-agnostic training.
        dropped: share of the hidden units that each mask leaves out; see `MADENetwork`.

    References:
        MADE (Germain et al., 2015), https://arxiv.org/abs/1502.03509
    """

    turn: Tensor

    def __init__(
        self,
        event: Event,
        transform: Transform,
        conditional: Conditional,
        widths: Sequence[int],
        masks: int = 1,
        orders: int = 1,
        dropped: float = 0.0,
    ) -> None:
        super().__init__(event, transform)
        require_support(event, conditional)
        self.site, self.masks = conditional, masks
        self.network = MADENetwork(event.size, conditional.parameters, widths, masks, orders, dropped)
        self.register_buffer("turn", torch.zeros((), dtype=torch.int64))

    @property
    def steady(self) -> bool:
        return True

    def log_joint(self, y: Tensor, mask: Tensor) -> Tensor:
        """Log-density under one mask, [n, D] and an integer scalar -> nats [n]."""
        parameters = self.network(self.site.features(y), mask).to(y)  # from bfloat16 where products run in it
        return self.site.log_prob(y.unsqueeze(-1), parameters).sum(-1)

    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        if self.training:
            mask = self.turn % self.masks
            self.turn += 1
            return self.log_joint(y, mask)
        joints = [self.log_joint(y, mask) for mask in torch.arange(self.masks, device=y.device)]
        return torch.stack(joints).logsumexp(0) - math.log(self.masks)

    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        noise = rng.uniform(n, self.event.size, self.site.noises)
        return draw_mixed(self.masks, noise, rng, lambda k, rows: self.network.draw(k, rows, self.site)[0])
