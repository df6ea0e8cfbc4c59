"""What the discriminator and the generator minimize.

`real` and `fake` are the discriminator's logits, [..., n]: log D / (1 - D) in the words of the first paper. Every loss
is a mean over examples, so that it serves a stack of models as it serves one.
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


@dataclass(frozen=True)
class Minimax:
    r"""The zero-sum game: the generator minimizes what the discriminator maximizes.

    .. math:: L_D = -E[\log D(x)] - E[\log(1 - D(G(z)))], \quad L_G = E[\log(1 - D(G(z)))]

    Where the discriminator wins, D(G(z)) near 0, the generator's gradient vanishes.

    References:
        Generative Adversarial Nets (Goodfellow et al., 2014), equation 1, https://arxiv.org/abs/1406.2661
    """

    paired: ClassVar[bool] = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-real).mean() + softplus(fake).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -softplus(fake).mean()


@dataclass(frozen=True)
class NonSaturating:
    r"""The generator maximizes the chance that the discriminator is wrong.

    .. math:: L_D = -E[\log D(x)] - E[\log(1 - D(G(z)))], \quad L_G = -E[\log D(G(z))]

    Same fixed point as `Minimax`, but its gradient is largest where the sample is bad.

    References:
        Generative Adversarial Nets (Goodfellow et al., 2014), section 3, https://arxiv.org/abs/1406.2661
    """

    paired: ClassVar[bool] = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-real).mean() + softplus(fake).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-fake).mean()


@dataclass(frozen=True)
class RelativisticPairing:
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
