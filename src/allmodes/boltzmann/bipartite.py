"""Two layers of binary units with connections between the layers alone: what Boltzmann machines are made of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from allmodes.errors import UserError
from allmodes.random import Rng

MOST_UNITS = 20
"""Units of the smaller layer up to which all its states are summed over."""
_FIRST = 10


@dataclass(frozen=True)
class Bipartite:
    r"""Probabilities of two layers of bits, of which each is independent given the other.

    .. math:: P(l, r) = \frac{1}{Z} \exp(l^T W r + a^T l + b^T r)

    Arguments:
        weights: W, [left, right].
        left: biases a, [left].
        right: biases b, [right].
    """

    weights: Tensor
    left: Tensor
    right: Tensor

    @property
    def flipped(self) -> Bipartite:
        """The same with the layers exchanged."""
        return Bipartite(self.weights.T, self.right, self.left)

    def double(self) -> Bipartite:
        """The same in double precision."""
        return Bipartite(self.weights.double(), self.left.double(), self.right.double())

    def rounded(self) -> Bipartite:
        """The same with weights in bfloat16, in which bits are exact, for fast products."""
        return Bipartite(self.weights.bfloat16(), self.left, self.right)

    def logits(self, left: Tensor) -> Tensor:
        """Of the right layer's bits given the left's, b + l W, [n, left] -> [n, right]."""
        if self.weights.dtype == self.right.dtype:
            return torch.addmm(self.right, left, self.weights)
        return left.to(self.weights.dtype) @ self.weights + self.right

    def log_mass(self, left: Tensor, logits: Tensor | None = None) -> Tensor:
        r"""Log-probability of a left layer up to log Z, minus its free energy, [n, left] -> [n].

        .. math:: -F(l) = a^T l + \sum_j \log(1 + e^{b_j + (l W)_j})

        Arguments:
            logits: of the right layer, where they are known already.
        """
        logits = self.logits(left) if logits is None else logits
        return left @ self.left + softplus(logits).sum(1)

    def sample_right(self, left: Tensor, rng: Rng) -> Tensor:
        """Bits of the right layer given the left's, [n, left] -> [n, right]."""
        return bits(self.logits(left), rng)

    def sample_left(self, right: Tensor, rng: Rng) -> Tensor:
        """Bits of the left layer given the right's, [n, right] -> [n, left]."""
        return bits(self.flipped.logits(right), rng)

    @property
    def enumerable(self) -> bool:
        """Whether `log_partition` can sum over all states of the smaller layer."""
        return min(self.weights.shape) <= MOST_UNITS

    def log_partition(self) -> Tensor:
        """Log Z, exactly, in double precision: a sum over all states of the smaller layer.

        Raises:
            UserError: where that layer has more than 20 units.
        """
        small = min(self.weights.shape)
        if small > MOST_UNITS:
            raise UserError(
                f"the exact partition function sums over 2^{small} states; at most 2^{MOST_UNITS} are possible, "
                f"so give one layer at most {MOST_UNITS} units, or take the estimate by annealed importance sampling"
            )
        machine = (self if self.weights.shape[0] == small else self.flipped).double()
        # The first units' share of the logits is computed once for all states of the others.
        first = min(small, _FIRST)
        some, rest = (_states(count, machine.weights) for count in (first, small - first))
        fixed = some @ machine.weights[:first] + machine.right
        sums = [
            torch.logsumexp(softplus(fixed + row @ machine.weights[first:]).sum(1) + some @ machine.left[:first], 0)
            + row @ machine.left[first:]
            for row in rest
        ]
        return torch.logsumexp(torch.stack(sums), 0)


def bits(logits: Tensor, rng: Rng) -> Tensor:
    """Independent bits, a one with probability sigmoid(logit), [n, k], in the logits' type."""
    return coins(logits.sigmoid(), rng)


def coins(chances: Tensor, rng: Rng) -> Tensor:
    """Independent bits, each a one with its own probability, [n, k], in the probabilities' type."""
    return rng.uniform(*chances.shape).lt_(chances).to(chances.dtype)


def bernoulli_logits(rates: Tensor) -> Tensor:
    """Logits of the rates, with rates kept a thousandth away from certainty."""
    return torch.logit(rates.clamp(1e-3, 1 - 1e-3))


def _states(units: int, like: Tensor) -> Tensor:
    """All states of some bits, [2^units, units]."""
    numbers = torch.arange(2**units, device=like.device)
    return (numbers[:, None] >> torch.arange(units, device=like.device) & 1).to(like)
