"""Generative stochastic networks: a Markov chain whose every step is learned as the undoing of noise."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from allmodes.boltzmann.bipartite import bernoulli_logits, bits
from allmodes.data.transforms import Transform
from allmodes.event import Batch, Condition, Event
from allmodes.models.base import GenerativeModel, Loss, Player, evaluating
from allmodes.networks.noisy import NoisyMLP
from allmodes.random import Rng
from allmodes.score import Kind, Score, require_budget

STEPS = 100
"""Of the chain from the base rates to a sample."""
SAMPLES = 10_000
"""Chains that a score takes where no budget is given."""
AT_ONCE = 1000


class GSN(GenerativeModel):
    r"""A chain of bits, x_{t+1} ~ P(x | h_{t+1}) with h_{t+1} = f(x_t, noise), which has the data's distribution.

    Noise is salt and pepper on the bits, and Gaussian inside the network f; P(x | h) are independent bits. If P(x | h)
    is the probability of the clean x behind a noisy h, the chain's stationary distribution is the data's (theorem 1).

    Training walks back: the chain starts at an example and makes a few steps of its own, and at each the network learns
    to find the example again, so that what the chain strays into leads home.

    .. math:: L = -\frac{1}{k} \sum_{t=1}^{k} \log P(x_0 | h_t)

    This is a cost of reconstruction, no likelihood.

    Arguments:
        event: of bits.
        transform: to [n, size] bits.
        network: from bits [n, size], with noise of its own, to the logits of bits [n, size].
        corruption: the share of bits that salt and pepper replaces by fair coins.
        walkback: steps of the chain from each example, k.

    References:
        Deep Generative Stochastic Networks Trainable by Backprop (Bengio et al., 2013), https://arxiv.org/abs/1306.1091
        Generalized Denoising Auto-Encoders as Generative Models (Bengio et al., 2013), the walkback of its section 3,
        https://arxiv.org/abs/1305.6663
    """

    stackable = False

    base: Tensor

    def __init__(
        self, event: Event, transform: Transform, network: NoisyMLP, *, corruption: float, walkback: int
    ) -> None:
        super().__init__(event, transform)
        self.network = network
        self.corruption, self.walkback = corruption, walkback
        self.register_buffer("base", torch.zeros(event.size))

    @property
    def players(self) -> tuple[Player, ...]:
        return (Player("model", self.network, averaged=True),)

    @property
    def steady(self) -> bool:
        return True

    def fit(self, x: Tensor) -> None:
        """The base rates, where chains start."""
        super().fit(x)
        self.base.copy_(bernoulli_logits(self.transform(x).mean(0)))

    def loss(self, player: Player, batch: Batch, rng: Rng) -> Loss:
        """The mean cost of finding the examples again along the chain, nats."""
        clean = self.transform(batch.x, rng)
        x, costs = clean, []
        for _ in range(self.walkback):
            logits = self.advance(x, rng)
            costs.append(binary_cross_entropy_with_logits(logits, clean, reduction="sum") / len(clean))
            x = bits(logits.detach(), rng)
        return Loss(torch.stack(costs).mean())

    def advance(self, x: Tensor, rng: Rng) -> Tensor:
        """Logits of the next bits, given h, a draw from what follows the present ones; [n, size] -> [n, size]."""
        coins = rng.uniform(*x.shape)
        salt, pepper = coins < self.corruption / 2, coins > 1 - self.corruption / 2
        return self.network(x.masked_fill(salt, 1.0).masked_fill(pepper, 0.0), rng)

    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        """Where independent chains from the base rates are after 100 steps."""
        return bits(self._last(n, rng), rng)

    def _last(self, n: int, rng: Rng) -> Tensor:
        """Logits of the last step of n chains, [n, size]."""
        logits = self.base.expand(n, -1)
        for _ in range(STEPS):
            logits = self.advance(bits(logits, rng), rng)
        return logits

    def score(
        self, x: Tensor, condition: Condition | None = None, *, budget: int | None = None, rng: Rng | None = None
    ) -> Score:
        r"""The conservative estimate of each example's log-probability, nats.

        .. math:: \log \hat P(x) = \log \frac{1}{S} \sum_{s=1}^{S} P(x | h_s)

        with h_s from the last steps of independent chains, as samples are. The mean over h of P(x | h) is the
        probability of x, so by Jensen's inequality the mean of the estimate is below its logarithm: a bound from below
        on the log-probability under the distribution that `sample` draws from. It rises to it as S grows, slowly: for
        large examples no h may be near x at all. Two halves of the chains make an estimate each; the value is their
        mean, and they give the standard error.

        Arguments:
            x: examples in the user's units, [n, *shape].
            budget: chains, S; 10,000 if left out.
            rng: where they draw from; seed 0 if left out.

        Raises:
            UserError: for values that are no bits, a condition, or a budget below 2.

        References:
            Bounding the Test Log-Likelihood of Generative Models (Bengio, Yao and Cho, 2013),
            https://arxiv.org/abs/1311.6184
        """
        self.event.require(x)
        self._asked(condition, len(x))
        require_budget(budget, 2, "chains")
        count, rng = budget or SAMPLES, rng or Rng(0, self.base.device)
        with evaluating(self), torch.no_grad():
            logits = torch.cat([self._last(len(rows), rng) for rows in torch.arange(count).split(AT_ONCE)])
            halves = [self._mean_log(x, half) for half in logits.chunk(2)]
        error = abs(float((halves[0] - halves[1]).mean())) / 2
        return self._claimed(x, (halves[0] + halves[1]) / 2, Kind.LOWER, error, count)

    def _mean_log(self, x: Tensor, logits: Tensor) -> Tensor:
        """The logarithm of the mean of P(x | h), [n, *shape] and logits [S, size] -> [n], float64."""
        nothing = softplus(logits).sum(1)  # minus log P(0 | h)
        parts = [self.transform(part.to(logits)) @ logits.T - nothing for part in x.split(AT_ONCE)]
        return torch.cat([part.double().logsumexp(1).cpu() for part in parts]) - math.log(len(logits))
