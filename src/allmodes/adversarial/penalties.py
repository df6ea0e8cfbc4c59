"""What players pay besides the game: costs, most of them on the discriminator's gradient with respect to its input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from allmodes.adversarial.round import Round
from allmodes.event import Condition
from allmodes.schedule import Number, Schedule


class Penalty:
    """A cost that one or both players pay besides the objective; None where a player pays nothing."""

    steady: ClassVar[bool] = True
    """Whether it runs the same operations at every step, so that a GPU may record them and replay them."""

    def discriminator(self, round: Round) -> Tensor | None:
        """Added to the discriminator's loss, a scalar."""
        return None

    def generator(self, round: Round) -> Tensor | None:
        """Added to the generator's loss, a scalar."""
        return None

    def residuals(self, x: Tensor, condition: Condition) -> dict[str, Tensor]:
        """How far each example, [n, *shape] in the user's units, is off what the penalty is the price of, [n]."""
        return {}


@dataclass(frozen=True)
class Every(Penalty):
    """A penalty at every k-th step alone and k times as heavy: the same on average, for less (lazy regularization).

    It costs and logs 0 at the other steps.

    References:
        Analyzing and Improving the Image Quality of StyleGAN (Karras et al., 2020), section 3.1,
        https://arxiv.org/abs/1912.04958
    """

    k: int
    penalty: Penalty
    steady: ClassVar[bool] = False

    def discriminator(self, round: Round) -> Tensor | None:
        return self._due(self.penalty.discriminator, Penalty.discriminator, round)

    def generator(self, round: Round) -> Tensor | None:
        return self._due(self.penalty.generator, Penalty.generator, round)

    def residuals(self, x: Tensor, condition: Condition) -> dict[str, Tensor]:
        return self.penalty.residuals(x, condition)

    def _due(self, cost: Callable[[Round], Tensor | None], nothing: object, round: Round) -> Tensor | None:
        if getattr(cost, "__func__", None) is nothing:
            return None
        due = None if round.step % self.k else cost(round)
        return round.real.new_zeros(()) if due is None else self.k * due


class GradientPenalty(Penalty):
    """A cost on the gradient of the discriminator's logit with respect to its input, at points of its choice."""

    def points(self, round: Round) -> Tensor:
        """Where the gradient is taken, [..., n, *shape]; the round's `real` or `fake` itself costs no further pass."""
        raise NotImplementedError

    def cost(self, gradient: Tensor, t: Number) -> Tensor:
        """The cost, a scalar, of the gradient of each logit, [..., logits, numbers]."""
        raise NotImplementedError

    def discriminator(self, round: Round) -> Tensor:
        points = self.points(round)
        gradient = round.judge.gradient(points)
        # One row for each logit: a discriminator that packs examples has one logit for several.
        return self.cost(gradient.reshape(*round.judge.logits(points).shape, -1), round.t)


@dataclass(frozen=True)
class ZeroCentred(GradientPenalty):
    r"""Half gamma times the mean squared norm of the gradient, :math:`\frac\gamma2 E[\|\nabla_x D\|^2]`."""

    gamma: Schedule

    def cost(self, gradient: Tensor, t: Number) -> Tensor:
        return self.gamma(t) / 2 * gradient.square().sum(-1).mean()


class R1(ZeroCentred):
    r"""The discriminator is held flat where the data are.

    .. math:: R_1 = \frac\gamma2 E_{x \sim p_{data}}[\|\nabla_x D(x)\|^2]

    References:
        Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018), equation 9,
        https://arxiv.org/abs/1801.04406
    """

    def points(self, round: Round) -> Tensor:
        """The real examples."""
        return round.real


class R2(ZeroCentred):
    r"""The discriminator is held flat where the samples are.

    .. math:: R_2 = \frac\gamma2 E_{z}[\|\nabla_x D(G(z))\|^2]

    References:
        Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018), equation 10,
        https://arxiv.org/abs/1801.04406
    """

    def points(self, round: Round) -> Tensor:
        """The generated examples."""
        return round.fake


@dataclass(frozen=True)
class OneCentred(GradientPenalty):
    r"""Lambda times the squared distance of the gradient's norm from 1, :math:`\lambda E[(\|\nabla_x D\| - 1)^2]`."""

    weight: float = 10.0

    def cost(self, gradient: Tensor, t: Number) -> Tensor:
        # The root has no gradient at 0, where a dead discriminator is: the smallest number keeps it finite.
        norm = (gradient.square().sum(-1) + torch.finfo(gradient.dtype).tiny).sqrt()
        return self.weight * (norm - 1).square().mean()


class GP(OneCentred):
    r"""The critic has slope 1 between real and generated examples: the gradient penalty of WGAN-GP.

    .. math:: \lambda E[(\|\nabla D(\hat x)\| - 1)^2], \quad \hat x = \epsilon x + (1 - \epsilon) G(z),
        \quad \epsilon \sim U[0, 1]

    References:
        Improved Training of Wasserstein GANs (Gulrajani et al., 2017), equation 3, https://arxiv.org/abs/1704.00028
    """

    def points(self, round: Round) -> Tensor:
        """One on each line from a real to a generated example."""
        epsilon = round.uniform(*(1 for _ in range(round.axes)))
        return epsilon * round.real + (1 - epsilon) * round.fake


class DRAGAN(OneCentred):
    r"""The discriminator has slope 1 around the data: no sharp edges there, which samples could hide behind.

    .. math:: \lambda E[(\|\nabla D(x + \delta)\| - 1)^2], \quad \delta = \tfrac12 \alpha \sigma u,
        \quad \alpha \sim U[0, 1], \quad u \sim U[0, 1]^d

    with the standard deviation sigma of all numbers of the batch, as in the authors' code.

    References:
        On Convergence and Stability of GANs (Kodali et al., 2017), section 2.3, https://arxiv.org/abs/1705.07215
    """

    def points(self, round: Round) -> Tensor:
        """Near each real example."""
        x = round.real
        own = tuple(range(-1 - round.axes, 0))
        alpha = round.uniform(*(1 for _ in range(round.axes)))
        return x + alpha * x.std(own, keepdim=True) / 2 * round.uniform(*x.shape[x.dim() - round.axes :])
