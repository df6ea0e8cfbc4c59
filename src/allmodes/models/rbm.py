"""Restricted Boltzmann machines: an energy of bits seen and hidden, trained by contrastive divergence."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from allmodes.boltzmann.annealing import CHAINS, TEMPERATURES, anneal, annealed, partition, reverse
from allmodes.boltzmann.bipartite import Bipartite, bernoulli_logits, coins
from allmodes.boltzmann.contrast import Contrast
from allmodes.data.transforms import Transform
from allmodes.errors import UserError
from allmodes.event import Batch, Condition, Event
from allmodes.models.base import GenerativeModel, Loss, Player, evaluating
from allmodes.random import Rng
from allmodes.score import Kind, Score

SLIDE = 0.01
LARGE = 2**23
"""Multiplications in a product from which on it gains by weights rounded to bfloat16."""


@dataclass(frozen=True)
class Bracket:
    """The mean log-probability of some examples, from both sides, nats.

    Arguments:
        low, low_error: by reverse annealing, and its standard error.
        high, high_error: by annealed importance sampling, and its standard error.
    """

    low: float
    low_error: float
    high: float
    high_error: float


class RBM(GenerativeModel):
    r"""Visible bits v and hidden bits h with an energy in which neither layer is connected to itself.

    .. math:: E(v, h) = -(v - \mu)^T W (h - \lambda) - b^T v - c^T h, \quad P(v, h) = e^{-E(v, h)} / Z

    The offsets mu and lambda change no distribution that the machine can have, but the gradient: it is the centred one,
    which does not depend on which value of a bit is called one. mu is the data's mean, lambda the running one of the
    hidden bits.

    The gradient of log P(v) is that of the free energy F(v) = -log sum_h exp(-E(v, h)) at the machine's own samples
    minus at the data. The loss is that difference, with samples from Gibbs chains: a scalar with (nearly) the right
    gradient, and no likelihood.

    Arguments:
        event: of bits.
        transform: to [n, visible] bits.
        hidden: how many.
        gibbs: sweeps of the chains at a move, the k of CD-k.
        chains: how many go on from move to move (persistent CD); 0 starts them at the data each time (CD).
        decay: of the weights; their squares, times half of it, are added to the loss.

    References:
        Training products of experts by minimizing contrastive divergence (Hinton, 2002)
        Training restricted Boltzmann machines using approximations to the likelihood gradient (Tieleman, 2008)
        How to center binary restricted Boltzmann machines (Melchior et al., 2013), https://arxiv.org/abs/1311.1354
    """

    visible_offset: Tensor
    hidden_running_mean: Tensor
    base: Tensor
    hidden_mean: Tensor
    chains: Tensor

    def __init__(
        self,
        event: Event,
        transform: Transform,
        hidden: int,
        *,
        gibbs: int = 1,
        chains: int = 0,
        decay: float = 0.0,
    ) -> None:
        super().__init__(event, transform)
        self.gibbs, self.decay = gibbs, decay
        self.weights = nn.Parameter(0.01 * torch.randn(event.size, hidden))
        self.visible = nn.Parameter(torch.zeros(event.size))
        self.hidden = nn.Parameter(torch.zeros(hidden))
        self.register_buffer("visible_offset", torch.full((event.size,), 0.5))
        self.register_buffer("hidden_running_mean", torch.full((hidden,), 0.5))
        self.register_buffer("hidden_mean", torch.full((hidden,), 0.5), persistent=False)
        self.register_buffer("base", torch.zeros(event.size))
        self.register_buffer("chains", torch.zeros(chains, hidden))

    @property
    def machine(self) -> Bipartite:
        """The same distribution without offsets: v to the left, h to the right."""
        return Bipartite(
            self.weights,
            torch.addmv(self.visible, self.weights, self.hidden_running_mean, alpha=-1),
            torch.addmv(self.hidden, self.weights.T, self.visible_offset, alpha=-1),
        )

    def fit(self, x: Tensor) -> None:
        """The offset of the visible bits, their bias and the base rates, from the data's mean."""
        super().fit(x)
        mean = self.transform(x).mean(0)
        self.visible_offset.copy_(mean)
        self.base.copy_(bernoulli_logits(mean))
        with torch.no_grad():
            self.visible.copy_(self.base)

    def loss(self, player: Player, batch: Batch, rng: Rng) -> Loss:
        """The mean free energy of the data minus that of the chains; the offsets add the same to both."""
        rng.require_one_process("a Boltzmann machine, with its chains,")
        data = self.transform(batch.x, rng)
        kind = data.device.type
        rounded = torch.is_autocast_enabled(kind) and len(data) * self.weights.numel() > LARGE
        with torch.autocast(kind, enabled=False):
            return Loss(self._contrast(data, rounded, rng))

    def _contrast(self, data: Tensor, rounded: bool, rng: Rng) -> Tensor:
        """The loss from bits, [n, visible].

        Arguments:
            rounded: whether products run with weights in bfloat16.
        """
        n, chains = data.shape[0], self.chains
        with torch.no_grad():
            machine = self.machine.rounded() if rounded else self.machine
            hidden = chains if chains.shape[0] else machine.sample_right(data, rng)
            for _ in range(self.gibbs - 1):
                hidden = machine.sample_right(machine.sample_left(hidden, rng), rng)
            # Data and dreams in one product.
            both = torch.cat([data, machine.sample_left(hidden, rng)]).to(machine.weights.dtype)
            logits = machine.logits(both)
            means = logits.sigmoid()
            if chains.shape[0]:
                chains.copy_(coins(means[n:], rng))
            torch.mean(means[:n], 0, out=self.hidden_mean)
            shares = means.new_full(means.shape[:1], 1 / n)
            shares[n:].fill_(-1 / hidden.shape[0])
        offsets = self.visible_offset, self.hidden_running_mean
        return Contrast.apply(self.weights, self.visible, self.hidden, both, logits, means, shares, offsets, self.decay)

    @torch.no_grad()
    def moved(self, player: Player) -> None:
        """Take the hidden bits' offset towards their mean, and the bias with it, so that the distribution stays."""
        step = SLIDE * (self.hidden_mean - self.hidden_running_mean)
        self.hidden_running_mean += step
        self.visible.addmv_(self.weights, step)

    @property
    def steady(self) -> bool:
        return True

    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        """The ends of Gibbs chains annealed from the base rates: near to the machine's distribution, not exactly it."""
        return annealed(self.machine, self.base, n, rng)

    def score(
        self, x: Tensor, condition: Condition | None = None, *, budget: int | None = None, rng: Rng | None = None
    ) -> Score:
        """Log-probability of each example, nats: exact where one layer has 20 units or fewer.

        Else log Z comes from annealed chains and on average too low: the score flatters, a bound from above on average.

        Arguments:
            x: examples in the user's units, [n, *shape].
            budget: annealed chains, each through 14,500 temperatures; 100 if left out.
            rng: where they draw from; seed 0 if left out.

        Raises:
            UserError: for values that are no bits, a condition, or a budget below 1.
        """
        self.event.require(x)
        self._asked(condition, len(x))
        with torch.no_grad():
            log_z = partition(self.machine, self.base, budget, rng)
        kind = Kind.EXACT if log_z.chains is None else Kind.UPPER
        return self._claimed(x, self._log_mass(x) - log_z.value, kind, log_z.standard_error, log_z.chains)

    def bracket(self, x: Tensor, *, chains: int = CHAINS, temperatures: int = TEMPERATURES, seed: int = 0) -> Bracket:
        """The mean log-probability of examples, by annealing from both sides.

        From below, chains start at as many of the examples, evenly spaced, and the free energies of all examples take
        the choice of those out of the result. See `allmodes.boltzmann.annealing.reverse` for what is bounded.

        Arguments:
            x: examples in the user's units, [n, *shape].
            chains: of either side, 2 or more.
            temperatures: that each passes through.
            seed: of the chains.

        Raises:
            UserError: for values that are no bits, fewer than 2 examples or chains, or no temperature.
        """
        self.event.require(x)
        if min(chains, len(x)) < 2:
            raise UserError(f"chains={chains} from {len(x)} examples: an error of their mean takes 2 of both")
        if temperatures < 1:
            raise UserError(f"temperatures={temperatures}: must be at least 1; {TEMPERATURES:,} are usual")
        masses = self._log_mass(x)
        rows = torch.linspace(0, len(x) - 1, min(chains, len(x))).long()
        with evaluating(self), torch.no_grad():
            machine, device = self.machine, self.base.device
            forward = anneal(machine, self.base, chains, Rng(seed, device), temperatures)
            starts = self.transform(x[rows].to(self.weights))
            backward = reverse(machine, self.base, starts, Rng(seed + 1, device), temperatures).cpu()
        above = masses[rows] - backward  # what each chain takes log Z to be
        return Bracket(
            low=float(masses.mean() - above.mean()),
            low_error=float(above.std()) / len(rows) ** 0.5,
            high=float(masses.mean()) - forward.value,
            high_error=forward.standard_error,
        )

    def _log_mass(self, x: Tensor) -> Tensor:
        """Of each example up to log Z, [n, *shape] -> [n], float64."""
        with evaluating(self), torch.no_grad():
            machine = self.machine
            parts = [machine.log_mass(self.transform(part.to(self.weights))).double().cpu() for part in x.split(1000)]
        return torch.cat(parts)
