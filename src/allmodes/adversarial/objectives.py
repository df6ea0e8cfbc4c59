"""What the discriminator and the generator minimize.

`real` and `fake` are the discriminator's logits, [..., n]: log D / (1 - D) in the words of the first paper, and free
numbers in the games of `distances`. Every loss is a mean over examples, so that it serves a stack of models as it
serves one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from torch import Tensor
from torch.nn.functional import softplus


class Objective(Protocol):
    """The two losses of a game."""

    paired: ClassVar[bool]
    """Whether the generator's loss depends on the logits of real examples."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the discriminator minimizes, a scalar."""
        ...

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the generator minimizes, a scalar; `real` is ignored unless the objective is `paired`."""
        ...

    def numbers(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """What the discriminator's move logs besides its loss, scalars by name."""
        return {"real": real.mean(), "fake": fake.mean()}


@dataclass(frozen=True)
class Minimax(Objective):
    r"""The zero-sum game: the generator minimizes what the discriminator maximizes.

    .. math:: L_D = -E[\log D(x)] - E[\log(1 - D(G(z)))], \quad L_G = E[\log(1 - D(G(z)))]

    Where the discriminator wins, D(G(z)) near 0, the generator's gradient vanishes.

    Arguments:
        smoothing: share by which the discriminator's target for real examples is below 1 (see `smoothed`).

    References:
        Generative Adversarial Nets (Goodfellow et al., 2014), equation 1, https://arxiv.org/abs/1406.2661
    """

    smoothing: float = 0.0
    paired: ClassVar[bool] = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return smoothed(real, self.smoothing) + softplus(fake).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -softplus(fake).mean()


@dataclass(frozen=True)
class ZeroSum(Minimax):
    r"""The zero-sum game with its whole value in the generator's loss, for a generator that looks ahead.

    .. math:: L_G = E[\log D(x)] + E[\log(1 - D(G(z)))] = -L_D

    The first term pulls at the generator where it changes the discriminator, as in `Unrolling`: a discriminator that
    answers a generator with few modes is surer of real examples, and the generator pays for that.

    References:
        Unrolled Generative Adversarial Networks (Metz et al., 2016), equation 7, https://arxiv.org/abs/1611.02163
    """

    paired: ClassVar[bool] = True

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -self.discriminator(real, fake)


@dataclass(frozen=True)
class NonSaturating(Objective):
    r"""The generator maximizes the chance that the discriminator is wrong.

    .. math:: L_D = -E[\log D(x)] - E[\log(1 - D(G(z)))], \quad L_G = -E[\log D(G(z))]

    Same fixed point as `Minimax`, but its gradient is largest where the sample is bad.

    Arguments:
        smoothing: share by which the discriminator's target for real examples is below 1 (see `smoothed`).

    References:
        Generative Adversarial Nets (Goodfellow et al., 2014), section 3, https://arxiv.org/abs/1406.2661
    """

    smoothing: float = 0.0
    paired: ClassVar[bool] = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return smoothed(real, self.smoothing) + softplus(fake).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-fake).mean()


def smoothed(real: Tensor, smoothing: float) -> Tensor:
    r"""Cross-entropy of real examples whose target is not 1 but 1 - s: one-sided label smoothing.

    .. math:: -E[(1 - s) \log D(x) + s \log(1 - D(x))] = E[softplus(-l(x)) + s \, l(x)]

    with the logit l. The generated examples' target stays 0: smoothing it would reward what is bad already.

    References:
        Improved Techniques for Training GANs (Salimans et al., 2016), section 3.4, https://arxiv.org/abs/1606.03498
    """
    return (softplus(-real) + smoothing * real).mean() if smoothing else softplus(-real).mean()


@dataclass(frozen=True)
class RelativisticPairing(Objective):
    r"""Each generated example is judged against one real example.

    .. math:: L_D = E[f(D(x) - D(G(z)))], \quad L_G = E[f(D(G(z)) - D(x))], \quad f(t) = \log(1 + e^{-t})

    A generator that leaves out a mode is still compared with it, which removes the local minima of mode dropping.

    References:
        The relativistic discriminator (Jolicoeur-Martineau, 2018), https://arxiv.org/abs/1807.00734
        The GAN is dead; long live the GAN! (Huang et al., 2024), equation 2, https://arxiv.org/abs/2501.05441
    """

    paired: ClassVar[bool] = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(fake - real).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(real - fake).mean()


@dataclass(frozen=True)
class RelativisticAverage(Objective):
    r"""Each example is judged against the average example of the other kind.

    .. math:: L_D = E[f(D(x) - E_z D(G(z)))] + E[f(E_x D(x) - D(G(z)))],
        \quad L_G \text{ with the two exchanged}, \quad f(t) = \log(1 + e^{-t})

    References:
        The relativistic discriminator (Jolicoeur-Martineau, 2018), section 4.2, https://arxiv.org/abs/1807.00734
    """

    paired: ClassVar[bool] = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        below, above = real - fake.mean(-1, keepdim=True), real.mean(-1, keepdim=True) - fake
        return softplus(-below).mean() + softplus(-above).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.discriminator(fake, real)
