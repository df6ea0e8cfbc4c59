"""What every generative model is: players with losses, samples, and, where there is one, a density."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from allmodes.data.transforms import Dequantize, Transform
from allmodes.errors import UserError
from allmodes.event import Batch, Condition, Event, Support
from allmodes.random import Rng
from allmodes.schedule import Number
from allmodes.score import Kind, NoDensity, Score, digest, require_budget

NUMBERS_PER_CHUNK = 2**20
FEWEST_NUMBERS = 64
"""That an example is taken to have: networks hold more than small ones."""
DRAWS = 2
"""How often an estimator of a score is drawn: two draws show how far it scatters."""


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode inside the block, and the mode that was there before after it."""
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)


@dataclass(frozen=True)
class Player:
    """One who moves in the game.

    Arguments:
        name: as in the paper.
        module: holds the parameters that the player moves.
        turns: moves in a step.
        averaged: whether samples come from the average of its weights, in recipes that average.
    """

    name: str
    module: nn.Module
    turns: int = 1
    averaged: bool = False


@dataclass(frozen=True)
class Loss:
    """What a player minimizes.

    Arguments:
        value: a scalar with the right gradient.
        parts: named numbers to log, detached scalars.
        surrogate: whether the value is only that; False where it is a negative log-likelihood, or a bound on it, nats.
    """

    value: Tensor
    parts: Mapping[str, Tensor] = field(default_factory=dict)
    surrogate: bool = True


class GenerativeModel(nn.Module, ABC):
    """A model of an event, trained as a game.

    Arguments:
        event: what one example is, in the user's units.
        transform: from the user's units to those of the networks and back; fitted by `fit`, stored with the weights.
    """

    conditional: bool = False
    """Whether the model takes a condition."""
    stackable: ClassVar[bool] = True
    """Whether it works with a leading axis of models, where its networks do."""

    def __init__(self, event: Event, transform: Transform) -> None:
        super().__init__()
        self.event = event
        self.transform = transform
        self.t: Number = 0.0
        """The share of the training that is done; the trainer sets it, schedules read it. A scalar tensor where a GPU
        replays a recorded step."""
        self.step = 0
        """Steps done; the trainer sets it, penalties that are due every k-th step read it."""
        self.copies = 1
        """How many independent models are stacked in this one (see `allmodes.networks.stack`)."""

    @property
    def players(self) -> tuple[Player, ...]:
        """Who moves in a step, in turn: one player with all parameters, unless a model is a game of several."""
        return (Player("model", self, averaged=True),)

    @abstractmethod
    def loss(self, player: Player, batch: Batch, rng: Rng) -> Loss:
        """What the player minimizes on a batch."""

    @abstractmethod
    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        """N samples in the networks' units."""

    @property
    def steady(self) -> bool:
        """Whether every step runs the same operations, so that a GPU may record one and replay it."""
        return False

    def moved(self, player: Player) -> None:
        """What follows each move of a player, such as the clipping of its weights; nothing here."""

    def fit(self, x: Tensor) -> None:
        """Fit what is not trained by gradients to training examples, [n, *shape]: here the transform."""
        self.transform.fit(x)

    def to_user(self, y: Tensor, condition: Condition) -> Tensor:
        """What was drawn in the networks' units, [..., n, *shape in them], in the user's units, [..., n, *shape]."""
        return self.transform.inverse(y)

    def residuals(self, x: Tensor, condition: Condition) -> dict[str, Tensor]:
        """By constraint, how far examples [n, *shape] in the user's units are from obeying it, [n]; without any, {}."""
        return {}

    def sample(self, n: int, condition: Condition | None = None, *, rng: Rng | None = None) -> Tensor:
        """Samples in the user's units, [n, *shape] in `event.dtype`; [S, n, *shape] of S stacked models.

        Arguments:
            condition: of each of the n samples; needed by a conditional model.
            rng: where the randomness comes from; the same one gives the same samples. Seed 0 if left out.

        Raises:
            UserError: for a negative n, a condition that the model does not take, or one that is missing.
        """
        if n < 0:
            raise UserError(f"n={n}: the number of samples must be at least 0")
        condition = self._asked(condition, n)
        rng = rng or Rng(0, next(self.parameters()).device)
        chunk = max(64, NUMBERS_PER_CHUNK // max(FEWEST_NUMBERS, self.event.size))
        with evaluating(self), torch.no_grad():
            samples = [
                self.event.project(self.to_user(self.draw(len(rows), condition[rows], rng), condition[rows]))
                for rows in torch.arange(n).split(chunk)
            ]
        return torch.cat(samples, dim=-1 - len(self.event.shape))

    def _asked(self, condition: Condition | None, n: int) -> Condition:
        """The condition of n examples, refused where there is one too many or too few, or it is none of the event's."""
        if self.conditional != (condition is not None):
            raise UserError(
                "this model needs a condition: give --condition name=value"
                if self.conditional
                else "this model takes no condition: leave it out"
            )
        if condition is None:
            return Condition()
        self.event.require_condition(condition, n)
        return condition

    def truncated(self, threshold: float) -> Self:
        """The same model, with the same weights, made to start from latents without what is beyond the threshold.

        Raises:
            UserError: if that is not known of it.
        """
        raise UserError(
            f"--truncation {threshold}: only GANs take it, and this is a {type(self).__name__}; leave it out"
        )

    def score(
        self, x: Tensor, condition: Condition | None = None, *, budget: int | None = None, rng: Rng | None = None
    ) -> Score:
        """Log-probability of each example, nats, with what it claims.

        Arguments:
            x: examples in the user's units, [n, *shape].
            budget: samples an example, for an estimator that uses them.
            rng: where an estimator draws from; seed 0 if left out.

        Raises:
            NoDensity: if the model has none.
        """
        raise NoDensity(
            f"a {type(self).__name__} has no density, only samples: audit them instead of scoring data under it"
        )

    def _claimed(
        self,
        x: Tensor,
        value: Tensor,
        kind: Kind,
        standard_error: float,
        budget: int | None,
        condition: Condition | None = None,
    ) -> Score:
        """The score of examples under this model's event: what it was found to be, and what of."""
        given = condition or Condition()
        return Score(
            value=value,
            kind=kind,
            standard_error=standard_error,
            budget=budget,
            measure=self.event.measure,
            data=digest(x, given.labels, given.values),
            size=self.event.size,
        )


def draw_mixed(parts: int, noise: Tensor, rng: Rng, draw: Callable[[int, Tensor], Tensor]) -> Tensor:
    """Examples of a mixture of equal parts, [n, D], from uniform noise, [n, D, U].

    Arguments:
        draw: gives those of one part, of a number and the noise of some rows.
    """
    part = (rng.uniform(len(noise)) * parts).long()
    y = noise.new_empty(noise.shape[:2])
    for k in part.unique().tolist():
        rows = part == k
        drawn = draw(k, noise[rows])
        y = y.to(drawn)
        y[rows] = drawn
    return y


class DensityModel(GenerativeModel):
    r"""A model with a log-density, or a bound on one, that training raises: one player, no surrogate.

    Its numbers are in the user's units. Of a continuous event the density is that of the networks' units times the
    slope of the transform. Of a discrete event that the model gives masses to, it is the mass. Of a discrete event
    that the model gives a density to, through `Dequantize`, it is a bound from below, by Jensen's inequality

    .. math:: \log P(x) = \log E_u[p(x + u)] \geq E\left[\log \frac{1}{K} \sum_{k=1}^{K} p(x + u_k)\right]

    with u uniform on [0, 1) and a budget of K draws. Of a non-negative event it is an estimate, which ranks nothing: in
    the data and in samples zero has a mass, which a density does not see.

    References:
        A note on the evaluation of generative models (Theis et al., 2015), section 3.1,
        https://arxiv.org/abs/1511.01844
    """

    kind: ClassVar[Kind] = Kind.EXACT
    """What `log_density` is to the logarithm of the model's density, in the networks' units."""

    @abstractmethod
    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        """Of each example in the networks' units, [..., n, *shape in the networks' units] -> nats [..., n].

        Arguments:
            budget: samples an example, for an estimator that uses them; None is its choice in training.
            rng: for an estimator that draws.
        """

    @property
    def dequantized(self) -> bool:
        """Whether a density stands for the masses of a discrete event."""
        return any(isinstance(part, Dequantize) for part in self.transform.modules())

    @property
    def claim(self) -> Kind:
        """What a score is to the log-probability in the user's units."""
        if self.event.support is Support.NON_NEGATIVE:
            return Kind.ESTIMATE
        if not self.dequantized:
            return self.kind
        return Kind.LOWER if self.kind in (Kind.EXACT, Kind.LOWER) else Kind.ESTIMATE

    @property
    def own_budget(self) -> int | None:
        """Samples an example that a score takes where none are asked for; None for a model that uses none."""
        return 1 if self.dequantized else None

    def loss(self, player: Player, batch: Batch, rng: Rng) -> Loss:
        """The mean negative log-density, or its bound, nats an example in the user's units."""
        return Loss(-self._log_density(batch.x, batch.condition, None, rng).mean(), surrogate=False)

    def score(
        self, x: Tensor, condition: Condition | None = None, *, budget: int | None = None, rng: Rng | None = None
    ) -> Score:
        """Log-probability of each example, nats, with what it claims.

        An estimator draws twice, independently: the value is the mean of both, and they give the standard error.

        Arguments:
            x: examples in the user's units, [n, *shape].
            budget: samples an example and draw, of noise or by importance; `own_budget` if left out. A model that uses
                none does without.
            rng: where an estimator draws from; seed 0 if left out.

        Raises:
            UserError: for values that an example cannot take, a condition too many or missing, or a budget below 1.
        """
        self.event.require(x)
        require_budget(budget, 1, "sample an example")
        budget = None if self.own_budget is None else budget or self.own_budget
        condition, device = self._asked(condition, len(x)), next(self.parameters()).device
        rng = rng or Rng(0, device)
        rows_at_once = max(1, NUMBERS_PER_CHUNK // (max(FEWEST_NUMBERS, self.event.size) * (budget or 1)))
        with evaluating(self), torch.no_grad():
            draws = torch.stack(
                [
                    torch.cat(
                        [
                            self._log_density(x[rows], condition[rows].to(device), budget, rng).double().cpu()
                            for rows in torch.arange(len(x)).split(rows_at_once)
                        ]
                    )
                    for _ in range(1 if self.own_budget is None else DRAWS)
                ]
            )
        spread = draws.var(0) / DRAWS if len(draws) > 1 else torch.zeros(())
        error = float(spread.sum().sqrt()) / len(x)
        return self._claimed(x, draws.mean(0), self.claim, error, budget, condition)

    def _log_density(self, x: Tensor, condition: Condition, budget: int | None, rng: Rng) -> Tensor:
        """Of each example in the user's units, [..., n, *shape] -> [..., n]."""
        x = x.to(next(self.parameters()))
        if self.event.discrete and not self.dequantized:
            return self.log_density(self.transform(x, rng), condition, budget=budget, rng=rng)
        if not self.dequantized:
            return self._changed_variables(x, condition, budget, rng)
        if not budget or budget == 1:
            return self._changed_variables(x, condition, None, rng)
        again = torch.arange(len(x), device=x.device).repeat(budget)
        draws = self._changed_variables(x[again], condition[again], None, rng).view(budget, len(x))
        return draws.logsumexp(0) - math.log(budget)

    def _changed_variables(self, x: Tensor, condition: Condition, budget: int | None, rng: Rng) -> Tensor:
        y, log_slope = self.transform.with_log_slope(x, rng)
        inside = self.log_density(y, condition, budget=budget, rng=rng)
        return inside + log_slope.flatten(-len(self.event.shape)).sum(-1)
