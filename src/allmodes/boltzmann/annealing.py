"""Partition functions of Boltzmann machines by annealed importance sampling, forward and reverse."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import softplus

from allmodes.boltzmann.bipartite import Bipartite, bits
from allmodes.random import Rng
from allmodes.score import require_budget

TEMPERATURES = 14_500
"""Inverse temperatures between the base rates and the machine, as in Salakhutdinov and Murray (2008)."""


def schedule(count: int) -> list[float]:
    """Inverse temperatures from 0 to 1, `count` steps, denser towards 1.

    In the shares of Salakhutdinov and Murray (2008), section 4: of 14,500 steps 500 up to 0.5, 4,000 up to 0.9 and
    10,000 up to 1. Fewer than 15 are evenly spaced.
    """
    first, second = round(count * 500 / 14_500), round(count * 4_000 / 14_500)
    pieces = [(0.0, 0.5, first), (0.5, 0.9, second), (0.9, 1.0, count - first - second)]
    if not first:
        pieces = [(0.0, 1.0, count)]
    return [low + (high - low) * i / steps for low, high, steps in pieces for i in range(steps)] + [1.0]


@dataclass(frozen=True)
class Estimate:
    """What weighted chains say of log Z.

    Arguments:
        value: log Z, nats.
        standard_error: of the value, to first order.
        log_weights: of the chains, [chains], float64; each one's exponential has the mean Z.
    """

    value: float
    standard_error: float
    log_weights: Tensor


@torch.no_grad()
def anneal(machine: Bipartite, base: Tensor, chains: int, rng: Rng, temperatures: int = TEMPERATURES) -> Estimate:
    r"""Chains from the base-rate model to the machine, each weighted so that the weights' mean is Z.

    .. math:: f_k(l) = e^{(1 - \beta_k) a_0^T l + \beta_k a^T l} \prod_j (1 + e^{\beta_k (b + l W)_j}), \quad
        w = Z_0 \prod_{k=1}^{K} \frac{f_k(l_{k-1})}{f_{k-1}(l_{k-1})}

    with l_0 from the base-rate model and l_k from l_{k-1} by a sweep of Gibbs sampling that leaves f_k as it is. The
    mean of w is Z, so by Jensen's inequality the mean of the estimate of log Z is below log Z, and log-probabilities
    that it normalizes come out too high.

    Arguments:
        base: logits of the base-rate model's left layer, [left].
        chains: how many.

    References:
        On the quantitative analysis of deep belief networks (Salakhutdinov and Murray, 2008), section 4
        Annealed importance sampling (Neal, 1998), https://arxiv.org/abs/physics/9803008
    """
    left = bits(base.expand(chains, -1), rng)
    total = torch.zeros(chains, dtype=torch.float64, device=base.device)
    for cooler, warmer in pairwise(schedule(temperatures)):
        logits = machine.logits(left)
        total += _gain(machine, base, left, logits, cooler, warmer)
        left = _sweep(machine, base, logits, warmer, rng)
    weights = total + _log_partition_of_base(machine, base)
    top = torch.logsumexp(weights, 0)
    ratios = (weights - top).exp() * chains  # with mean 1
    error = float(ratios.std()) / math.sqrt(chains) if chains > 1 else math.inf
    return Estimate(float(top) - math.log(chains), error, weights)


SWEEPS = 200
"""Temperatures on the way of a sample from the base rates to the machine."""


@torch.no_grad()
def annealed(machine: Bipartite, base: Tensor, n: int, rng: Rng, temperatures: int = SWEEPS) -> Tensor:
    """Left layers near to the machine's distribution: the ends of annealed chains, without their weights, [n, left]."""
    left = bits(base.expand(n, -1), rng)
    for beta in schedule(temperatures)[1:]:
        left = _sweep(machine, base, machine.logits(left), beta, rng)
    return left


CHAINS = 100
"""Annealed chains where no number is asked for."""


@dataclass(frozen=True)
class Partition:
    """Log Z of a machine, nats.

    Arguments:
        value: exact, or on average too low.
        standard_error: 0 where it is exact.
        chains: how many the estimate took; None where it is exact.
    """

    value: float
    standard_error: float
    chains: int | None


@torch.no_grad()
def partition(machine: Bipartite, base: Tensor, budget: int | None, rng: Rng | None) -> Partition:
    """Log Z exactly where one layer has 20 units or fewer, else by annealing.

    Arguments:
        base: see `anneal`.
        budget: chains; 100 if left out.
        rng: seed 0 if left out.

    Raises:
        UserError: for a budget below 1.
    """
    require_budget(budget, 1, "chain")
    if machine.enumerable:
        return Partition(float(machine.log_partition()), 0.0, None)
    found = anneal(machine, base, budget or CHAINS, rng or Rng(0, base.device), TEMPERATURES)
    return Partition(found.value, found.standard_error, budget or CHAINS)


@torch.no_grad()
def reverse(machine: Bipartite, base: Tensor, left: Tensor, rng: Rng, temperatures: int = TEMPERATURES) -> Tensor:
    r"""Log-probabilities of left layers under annealing itself, bounded from below by a chain from each of them.

    Annealing that starts from the base rates and makes one sweep at each temperature is a model of its own, near to the
    machine. A chain l_K = l, l_{k-1} from l_k by the same sweeps in reverse order, gives

    .. math:: \log w = \log \frac{f_0(l_0)}{Z_0} + \sum_{k=1}^{K} \log \frac{f_k(l_k)}{f_k(l_{k-1})}

    whose exponential has that model's probability of l as its mean: by Jensen's inequality the mean of log w is below
    its logarithm. The machine's own value is not bounded but approached, from below in practice.

    Arguments:
        base: logits of the base-rate model's left layer, [left].
        left: [n, left].

    Returns:
        log w, [n], float64.

    References:
        Accurate and conservative estimates of MRF log-likelihood using reverse annealing (Burda, Grosse and
        Salakhutdinov, 2015), https://arxiv.org/abs/1412.8566
    """
    logits = machine.logits(left)
    total = machine.log_mass(left, logits).double() - _log_partition_of_base(machine, base)
    for warmer, cooler in pairwise(reversed(schedule(temperatures))):
        left = _sweep(machine, base, logits, warmer, rng)
        logits = machine.logits(left)
        total -= _gain(machine, base, left, logits, cooler, warmer)
    return total


def _log_partition_of_base(machine: Bipartite, base: Tensor) -> Tensor:
    """Log Z at inverse temperature 0, where the right layer is fair coins."""
    return softplus(base.double()).sum() + len(machine.right) * math.log(2)


def _gain(machine: Bipartite, base: Tensor, left: Tensor, logits: Tensor, before: float, after: float) -> Tensor:
    """The logarithm of f at one inverse temperature over f at another, [n], float64."""
    right = softplus(logits * after).sub_(softplus(logits * before)).sum(1)
    return (after - before) * (left @ (machine.left - base)).double() + right.double()


def _sweep(machine: Bipartite, base: Tensor, logits: Tensor, beta: float, rng: Rng) -> Tensor:
    """Right given left, then left given right, at an inverse temperature."""
    right = bits(logits * beta, rng)
    fields = torch.addmm(machine.left, right, machine.weights.T)
    return bits(torch.lerp(base, fields, beta), rng)
