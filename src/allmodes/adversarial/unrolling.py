"""The generator looks ahead: it plays against the discriminator that would answer its move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Unrolling:
    r"""The generator's loss is taken after k further steps of the discriminator, and differentiated through them.

    .. math:: \theta^0 = \theta, \quad \theta^{i + 1} = \theta^i - \eta \nabla_\theta L_D(\theta^i, G),
        \quad L_G = L_G(\theta^k, G)

    Steps of plain gradient descent, as in the paper's equations. The discriminator itself moves one step, as ever.
    Where it would have fled from a collapsed generator, the generator sees that and does not collapse: with the whole
    value of the game in its loss, `ZeroSum`, as in equation 7.

    Arguments:
        k: steps; 0 is the game without unrolling.
        rate: eta; steps that are longer than 2 over the curvature of the discriminator's loss diverge.

    References:
        Unrolled Generative Adversarial Networks (Metz et al., 2016), equations 4 to 7, https://arxiv.org/abs/1611.02163
    """

    k: int
    rate: float

    def __call__(
        self,
        weights: Weights,
        discriminator: Callable[..., Tensor],
        loss: Callable[[Callable[..., Tensor]], Tensor],
    ) -> Callable[..., Tensor]:
        """The discriminator after k steps, a function with the gradient of what its losses depended on.

        Arguments:
            weights: of the discriminator, by name.
            discriminator: a pass, of weights and inputs, that changes nothing.
            loss: what the discriminator minimizes, a sum over stacked models, given the discriminator as a function.
        """

        def at(weights: Weights) -> Callable[..., Tensor]:
            return partial(discriminator, weights)

        for _ in range(self.k):
            slope = torch.func.grad(lambda weights: loss(at(weights)))(weights)
            weights = {name: weight - self.rate * slope[name] for name, weight in weights.items()}
        return at(weights)
