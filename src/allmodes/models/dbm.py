"""Deep Boltzmann machines: two hidden layers, mean field for the data, persistent chains for the machine."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from allmodes.boltzmann.annealing import annealed, partition
from allmodes.boltzmann.bipartite import Bipartite, bernoulli_logits, bits
from allmodes.data.transforms import Transform
from allmodes.event import Batch, Condition, Event
from allmodes.models.base import GenerativeModel, Loss, Player, evaluating
from allmodes.random import Rng
from allmodes.score import Kind, Score

ROUNDS = 10
"""Of mean field while training."""
ROUNDS_OF_SCORE = 50


class DBM(GenerativeModel):
    r"""Visible bits v and two layers of hidden bits, each connected to the next.

    .. math:: E(v, h_1, h_2) = -(v - \mu)^T W_1 (h_1 - \lambda_1) - (h_1 - \lambda_1)^T W_2 (h_2 - \lambda_2)
        - b^T v - c_1^T h_1 - c_2^T h_2

    The first hidden layer is independent given the two others, and they given it: the machine is one of two layers, h_1
    and (v, h_2) together. Its chains, its sum over all states and its annealing are those of a restricted machine.

    With a distribution q = prod mu_1 prod mu_2 of the hidden bits, found by mean field, log P(v) is bounded from below:

    .. math:: \log P(v) \geq E_q[-E(v, h_1, h_2)] + H(q) - \log Z

    Training climbs this bound. The gradient of log Z comes from persistent chains, so the loss is a scalar with
    (nearly) the right gradient and no likelihood. The offsets stay where they are made (Montavon and Müller): without
    them two layers do not learn together, and need to be trained one after the other first.

    Arguments:
        event: of bits.
        transform: to [n, visible] bits.
        hidden: bits of the first and of the second hidden layer.
        gibbs: sweeps of the chains at a move.
        chains: how many go on from move to move.

    References:
        Deep Boltzmann machines (Salakhutdinov and Hinton, 2009), equations 4 to 8
        Learning feature hierarchies with centered deep Boltzmann machines (Montavon and Müller, 2012),
        https://arxiv.org/abs/1203.3783
    """

    visible_offset: Tensor
    base: Tensor
    chains: Tensor

    def __init__(
        self, event: Event, transform: Transform, hidden: tuple[int, int], *, gibbs: int = 5, chains: int = 100
    ) -> None:
        super().__init__(event, transform)
        self.gibbs = gibbs
        first, second = hidden
        self.weights1 = nn.Parameter(0.01 * torch.randn(event.size, first))
        self.weights2 = nn.Parameter(0.01 * torch.randn(first, second))
        self.visible = nn.Parameter(torch.zeros(event.size))
        self.hidden1 = nn.Parameter(torch.zeros(first))
        self.hidden2 = nn.Parameter(torch.zeros(second))
        self.register_buffer("visible_offset", torch.full((event.size,), 0.5))
        self.register_buffer("base", torch.zeros(first))
        self.register_buffer("chains", torch.zeros(chains, first))

    @property
    def steady(self) -> bool:
        return True

    @property
    def machine(self) -> Bipartite:
        """The same distribution without offsets: h_1 to the left; v and h_2, one behind the other, to the right."""
        half1, half2 = (torch.full_like(bias, 0.5) for bias in (self.hidden1, self.hidden2))
        return Bipartite(
            torch.cat([self.weights1.T, self.weights2], 1),
            self.hidden1 - self.visible_offset @ self.weights1 - self.weights2 @ half2,
            torch.cat([self.visible - self.weights1 @ half1, self.hidden2 - half1 @ self.weights2]),
        )

    def fit(self, x: Tensor) -> None:
        """The offset of the visible bits and their bias, from the data's mean."""
        super().fit(x)
        mean = self.transform(x).mean(0)
        self.visible_offset.copy_(mean)
        with torch.no_grad():
            self.visible.copy_(bernoulli_logits(mean))

    def loss(self, player: Player, batch: Batch, rng: Rng) -> Loss:
        """The mean energy of the data, under q, minus that of the chains, under their second half given the first."""
        rng.require_one_process("a Boltzmann machine, with its chains,")
        v, machine = self.transform(batch.x, rng), self.machine
        with torch.no_grad():
            mean1, mean2 = self.mean_field(machine, v, ROUNDS)
            right = bits(machine.logits(self.chains), rng)
            for _ in range(self.gibbs - 1):
                right = machine.sample_right(machine.sample_left(right, rng), rng)
            self.chains.copy_(machine.sample_left(right, rng))
            dreamt = machine.logits(self.chains).sigmoid()
        data = _minus_energy(machine, mean1, torch.cat([v, mean2], 1)).mean()
        return Loss(_minus_energy(machine, self.chains, dreamt).mean() - data)

    def mean_field(self, machine: Bipartite, v: Tensor, rounds: int) -> tuple[Tensor, Tensor]:
        """Means of both hidden layers given the visible one, [n, visible] -> [n, first], [n, second].

        Each round sets either layer to what is best for the bound given the other, so the bound never falls.
        """
        visible, first = len(self.visible), machine.weights
        bottom = torch.addmm(machine.left, v, first[:, :visible].T)
        up, bias2 = first[:, visible:], machine.right[visible:]
        mean1 = (bottom + up @ bias2.sigmoid()).sigmoid()
        mean2 = torch.addmm(bias2, mean1, up).sigmoid()
        for _ in range(rounds):
            mean1 = torch.addmm(bottom, mean2, up.T).sigmoid()
            mean2 = torch.addmm(bias2, mean1, up).sigmoid()
        return mean1, mean2

    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        """Bits above the ends of Gibbs chains annealed from fair coins: near to the machine's distribution."""
        machine = self.machine
        left = annealed(machine, self.base, n, rng)
        return machine.sample_right(left, rng)[:, : len(self.visible)]

    def score(
        self, x: Tensor, condition: Condition | None = None, *, budget: int | None = None, rng: Rng | None = None
    ) -> Score:
        """The mean-field bound on each example's log-probability, nats.

        A bound from below where log Z is exact: where the first hidden layer, or all other bits together, are 20 or
        fewer. Else log Z is estimated by annealing, on average too low, and the two errors are of either sign: an
        estimate, which ranks nothing.

        Arguments:
            x: examples in the user's units, [n, *shape].
            budget: annealed chains; 100 if left out.
            rng: where they draw from; seed 0 if left out.

        Raises:
            UserError: for values that are no bits, a condition, or a budget below 1.
        """
        self.event.require(x)
        self._asked(condition, len(x))
        with evaluating(self), torch.no_grad():
            machine = self.machine
            log_z = partition(machine, self.base, budget, rng)
            values = []
            for part in x.split(1000):
                v = self.transform(part.to(self.weights1))
                means = self.mean_field(machine, v, ROUNDS_OF_SCORE)
                entropy = sum(torch.special.entr(m).sum(1) + torch.special.entr(1 - m).sum(1) for m in means)
                values.append((_minus_energy(machine, means[0], torch.cat([v, means[1]], 1)) + entropy).double().cpu())
        kind = Kind.LOWER if log_z.chains is None else Kind.ESTIMATE
        return self._claimed(x, torch.cat(values) - log_z.value, kind, log_z.standard_error, log_z.chains)


def _minus_energy(machine: Bipartite, left: Tensor, right: Tensor) -> Tensor:
    """The mean of -E over independent bits with these means, [n, left] and [n, right] -> [n]."""
    return left @ machine.left + (machine.logits(left) * right).sum(1)
