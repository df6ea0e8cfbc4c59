"""What is held against the discriminator besides its loss: penalties on its gradient with respect to its input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from allmodes.schedule import Number, Schedule


class Penalty(Protocol):
    """A cost on the discriminator's gradient at points of its choice."""

    def points(self, real: Tensor, fake: Tensor) -> Tensor:
        """Where the gradient is taken, [..., n, *shape]; `real` or `fake` itself costs no further pass."""
        ...

    def cost(self, gradient: Tensor, n: int, t: Number) -> Tensor:
        """The cost, a scalar, of the gradient at n points when the share t of the training is done."""
        ...


@dataclass(frozen=True)
class ZeroCentred:
    r"""Half gamma times the mean squared norm of the gradient, :math:`\frac\gamma2 E[\|\nabla_x D\|^2]`."""

    gamma: Schedule

    def cost(self, gradient: Tensor, n: int, t: Number) -> Tensor:
        """The cost, a scalar, of the gradient at n points when the share t of the training is done."""
        return self.gamma(t) / 2 * gradient.square().sum() / n


class R1(ZeroCentred):
    r"""The discriminator is held flat where the data are.

    .. math:: R_1 = \frac\gamma2 E_{x \sim p_{data}}[\|\nabla_x D(x)\|^2]

    References:
        Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018), equation 9,
        https://arxiv.org/abs/1801.04406
    """

    def points(self, real: Tensor, fake: Tensor) -> Tensor:
        """The real examples."""
        return real


class R2(ZeroCentred):
    r"""The discriminator is held flat where the samples are.

    .. math:: R_2 = \frac\gamma2 E_{z}[\|\nabla_x D(G(z))\|^2]

    References:
        Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018), equation 10,
        https://arxiv.org/abs/1801.04406
    """

    def points(self, real: Tensor, fake: Tensor) -> Tensor:
        """The generated examples."""
        return fake


class Judge:
    """A discriminator that passes over each batch once, with or without its gradient.

    `torch.func.grad` compiles and nests under vmap, which `autograd.grad(create_graph=True)` does not.
    """

    def __init__(self, discriminator: Callable[[Tensor], Tensor]) -> None:
        self.discriminator = discriminator
        self._seen: list[tuple[Tensor, Tensor, Tensor | None]] = []

    def gradient(self, x: Tensor) -> Tensor:
        """The gradient of each logit with respect to its own x, [..., n, *shape]."""
        for known, _, gradient in self._seen:
            if known is x and gradient is not None:
                return gradient

        def summed(x: Tensor) -> tuple[Tensor, Tensor]:
            logits = self.discriminator(x)
            return logits.sum(), logits

        gradient, logits = torch.func.grad(summed, has_aux=True)(x)
        self._seen.append((x, logits, gradient))
        return gradient

    def logits(self, x: Tensor) -> Tensor:
        """The logits of x, [..., n]."""
        for known, logits, _ in self._seen:
            if known is x:
                return logits
        logits = self.discriminator(x)
        self._seen.append((x, logits, None))
        return logits
