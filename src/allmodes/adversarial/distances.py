"""Games whose discriminator gives a free number instead of a probability: least squares, hinge, Wasserstein."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import relu

from allmodes.adversarial.objectives import Objective


@dataclass(frozen=True)
class LeastSquares(Objective):
    r"""Numbers are drawn to targets by their squared distance, which also pulls samples that pass for real.

    .. math:: L_D = \tfrac12 E[(D(x) - b)^2] + \tfrac12 E[(D(G(z)) - a)^2], \quad L_G = \tfrac12 E[(D(G(z)) - c)^2]

    Arguments:
        a, b, c: targets of generated examples, of real ones, and what the generator wants for its own. A b below 1 is
            one-sided label smoothing.

    References:
        Least Squares GANs (Mao et al., 2017), equations 2 and 9, https://arxiv.org/abs/1611.04076
    """

    a: float = 0.0
    b: float = 1.0
    c: float = 1.0
    paired: ClassVar[bool] = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (real - self.b).square().mean() / 2 + (fake - self.a).square().mean() / 2

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (fake - self.c).square().mean() / 2


@dataclass(frozen=True)
class Hinge(Objective):
    r"""The discriminator stops where an example is on its right side by a margin of 1.

    .. math:: L_D = E[\max(0, 1 - D(x))] + E[\max(0, 1 + D(G(z)))], \quad L_G = -E[D(G(z))]

    References:
        Geometric GAN (Lim and Ye, 2017), equations 27 and 28, https://arxiv.org/abs/1705.02894
    """

    paired: ClassVar[bool] = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return relu(1 - real).mean() + relu(1 + fake).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -fake.mean()


@dataclass(frozen=True)
class Wasserstein(Objective):
    r"""A critic that is held to slopes of at most K measures how far mass has to be moved.

    .. math:: L_D = E[D(G(z))] - E[D(x)], \quad L_G = -E[D(G(z))]

    It logs `wasserstein_estimate`, E[D(x)] - E[D(G(z))], the critic's loss without penalties and with its sign turned:
    positive, and smaller for better samples. For the best critic of slope 1 it is the Wasserstein-1 distance in the
    networks' units. It is an estimate: too small for a critic that is not the best one, and K times too large for one
    held to slope K, as by weight clipping, whose K nobody knows. A penalty lambda (K - 1)^2 holds the best critic to
    K = 1 + W / (2 lambda) where the distance is a shift by W. It compares steps of one run, not runs.

    References:
        Wasserstein GAN (Arjovsky et al., 2017), equation 2 and algorithm 1, https://arxiv.org/abs/1701.07875
    """

    paired: ClassVar[bool] = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake.mean() - real.mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -fake.mean()

    def numbers(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        return {"real": real.mean(), "fake": fake.mean(), "wasserstein_estimate": real.mean() - fake.mean()}
