"""Networks that read the condition off an example, and hold the generator to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import log_softmax

from allmodes.adversarial.penalties import Penalty
from allmodes.adversarial.round import Round
from allmodes.event import Condition

Vector = Callable[[Condition], Tensor]
"""A condition as one vector, [..., n, classes + values]: classes one-hot, values in units of their spread."""


def misread(read: Tensor, wanted: Tensor, classes: int) -> Tensor:
    r"""How badly a condition was read off examples, [...]: one number for each of stacked models.

    .. math:: -E[\log p_c] + E[\|v - \hat v\|^2]

    with the softmax p over the first outputs, the class c, and the values v.

    Arguments:
        read: [..., n, classes + values].
        wanted: the condition's vector, [..., n, classes + values].
        classes: how many; 0 where there are only values.
    """
    error = (read[..., classes:] - wanted[..., classes:]).square().sum(-1).mean(-1)
    if classes:
        error = error - (log_softmax(read[..., :classes], -1) * wanted[..., :classes]).sum(-1).mean(-1)
    return error


@dataclass(frozen=True)
class Auxiliary(Penalty):
    r"""The discriminator's further outputs name the condition, and both players want it named rightly.

    .. math:: L_C = E[\log P(C = c | x)] + E[\log P(C = c | G(z, c))],
        \quad \text{added with a minus to } L_D \text{ and, its second term, to } L_G

    For continuous values the squared error stands in place of the logarithm.

    Arguments:
        vector: the condition as one vector.
        classes: how many of its numbers are classes.
        weight: of the cost beside the objective; the paper's is 1.

    References:
        Conditional Image Synthesis with Auxiliary Classifier GANs (Odena et al., 2016), equations 2 and 3,
        https://arxiv.org/abs/1610.09585
    """

    vector: Vector
    classes: int
    weight: float = 1.0

    def discriminator(self, round: Round) -> Tensor:
        return self._cost(round, round.real) + self._cost(round, round.fake)

    def generator(self, round: Round) -> Tensor:
        return self._cost(round, round.fake)

    def _cost(self, round: Round, x: Tensor) -> Tensor:
        wanted = self.vector(round.condition)
        return self.weight * misread(round.judge.outputs(x)[..., 1:], wanted, self.classes).mean()


class Constrainer(nn.Module, Penalty):
    r"""A network that learns the condition from real examples alone and holds the generator to it.

    .. math:: L_{real} = E[\|c - A(x)\|^2], \quad L_{fake} = E[\|c - A(G(z, c))\|^2], \quad
        A \text{ minimizes } L_{real}, \quad G \text{ pays } \kappa |L_{real} - L_{fake}|

    Its samples are to be no worse at showing their condition than real examples, and no better: a label that real
    examples show only roughly must not become exact. For classes the cross-entropy stands in place of the square. Under
    torchrun each process takes the difference of its own share of a batch.

    Arguments:
        network: [..., n, *shape in the networks' units] -> [..., n, classes + values].
        vector: the condition as one vector.
        classes: how many of its numbers are classes.
        kappa: weight in the generator's loss.

    References:
        Generating and refining particle detector simulations using the Wasserstein distance in adversarial networks
        (Erdmann et al., 2018), https://arxiv.org/abs/1802.03325
        Precise simulation of electromagnetic calorimeter showers using a Wasserstein GAN (Erdmann et al., 2018),
        https://arxiv.org/abs/1807.01954
    """

    def __init__(self, network: nn.Module, vector: nn.Module, classes: int, kappa: float) -> None:
        super().__init__()
        self.network, self.vector, self.classes, self.kappa = network, vector, classes, kappa

    def loss(self, x: Tensor, condition: Condition) -> Tensor:
        """What the constrainer minimizes on real examples, a scalar."""
        return self._misread(x, condition).mean()

    def generator(self, round: Round) -> Tensor:
        real = self._misread(round.real, round.condition).detach()
        return self.kappa * (real - self._misread(round.generated, round.condition)).abs().mean()

    def _misread(self, x: Tensor, condition: Condition) -> Tensor:
        return misread(self.network(x), self.vector(condition), self.classes)
