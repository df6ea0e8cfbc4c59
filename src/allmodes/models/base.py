"""What every generative model is: players with losses, samples, and, where there is one, a density."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn

from allmodes.data.transforms import Transform
from allmodes.errors import UserError
from allmodes.event import Batch, Condition, Event
from allmodes.random import Rng
from allmodes.score import Kind, NoDensity, Score

NUMBERS_PER_CHUNK = 2**20


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

    def __init__(self, event: Event, transform: Transform) -> None:
        super().__init__()
        self.event = event
        self.transform = transform
        self.t = 0.0
        """The share of the training that is done; the trainer sets it, schedules read it."""
        self.copies = 1
        """How many independent models are stacked in this one (see `allmodes.networks.stack`)."""

    @property
    @abstractmethod
    def players(self) -> tuple[Player, ...]:
        """Who moves in a step, in turn."""

    @abstractmethod
    def loss(self, player: Player, batch: Batch, rng: Rng) -> Loss:
        """What the player minimizes on a batch."""

    @abstractmethod
    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        """N samples in the networks' units."""

    def fit(self, x: Tensor) -> None:
        """Fit what is not trained by gradients to training examples, [n, *shape]: here the transform."""
        self.transform.fit(x)

    def sample(self, n: int, condition: Condition | None = None, *, rng: Rng | None = None) -> Tensor:
        """Samples in the user's units, [n, *shape] in `event.dtype`; [S, n, *shape] of S stacked models.

        Arguments:
            condition: of each of the n samples; needed by a conditional model.
            rng: where the randomness comes from; the same one gives the same samples. Seed 0 if left out.

        Raises:
            UserError: for a condition that the model does not take, or one that is missing.
        """
        if self.conditional != (condition is not None):
            raise UserError(
                "this model needs a condition: give --condition name=value"
                if self.conditional
                else "this model takes no condition: leave it out"
            )
        condition = condition or Condition()
        rng = rng or Rng(0, next(self.parameters()).device)
        chunk = max(64, NUMBERS_PER_CHUNK // max(64, self.event.size))
        with evaluating(self), torch.no_grad():
            samples = [
                self.event.project(self.transform.inverse(self.draw(len(rows), condition[rows], rng)))
                for rows in torch.arange(n).split(chunk)
            ]
        return torch.cat(samples, dim=-1 - len(self.event.shape))

    def score(
        self, x: Tensor, condition: Condition | None = None, *, budget: int | None = None, rng: Rng | None = None
    ) -> Score:
        """Log-probability of each example, nats, with what it claims.

        Arguments:
            x: examples in the user's units, [n, *shape].
            budget: samples an example, for an estimator that uses them.

        Raises:
            NoDensity: if the model has none.
        """
        raise NoDensity(
            f"a {type(self).__name__} has no density, only samples: audit them instead of scoring data under it"
        )


class DensityModel(GenerativeModel):
    """A model with a log-density, or a bound on one, that training raises: one player, no surrogate.

    In the user's units the density is that of the networks' units times the transform's slope.
    """

    kind: ClassVar[Kind] = Kind.EXACT
    """What `log_density` is to the logarithm of the model's density."""

    @property
    def players(self) -> tuple[Player, ...]:
        return (Player("model", self, averaged=True),)

    @abstractmethod
    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        """Of each example in the networks' units, [..., n, *shape in the networks' units] -> nats [..., n].

        Arguments:
            budget: samples an example, for an estimator that uses them; None is its own choice.
            rng: for an estimator that draws.
        """

    def loss(self, player: Player, batch: Batch, rng: Rng) -> Loss:
        y = self.transform(batch.x, rng)
        inside = self.log_density(y, batch.condition, budget=None, rng=rng)
        return Loss(-(inside + self._log_slope(batch.x)).mean(), surrogate=False)

    def score(
        self, x: Tensor, condition: Condition | None = None, *, budget: int | None = None, rng: Rng | None = None
    ) -> Score:
        """Log-probability of each example in the user's units; without `rng` from seed 0."""
        rng = rng or Rng(0, next(self.parameters()).device)
        condition = condition or Condition()
        with evaluating(self), torch.no_grad():
            values = []
            for rows in torch.arange(len(x)).split(max(1, NUMBERS_PER_CHUNK // (self.event.size * (budget or 1)))):
                y = self.transform(x[rows], rng)
                inside = self.log_density(y, condition[rows], budget=budget, rng=rng)
                values.append((inside + self._log_slope(x[rows])).double())
        return Score(
            value=torch.cat(values),
            kind=self._claim(),
            standard_error=0.0,
            budget=budget,
            measure=self.event.measure,
            data=f"sha256:{hashlib.sha256(x.detach().cpu().contiguous().numpy().data).hexdigest()}",
        )

    def _claim(self) -> Kind:
        return self.kind

    def _log_slope(self, x: Tensor) -> Tensor:
        """Log-determinant of the transform at each example, [..., n, *shape] -> [..., n]; 0 for counting measure."""
        if self.event.discrete:
            return x.new_zeros((), dtype=torch.get_default_dtype())
        return self.transform.log_slope(x).flatten(-len(self.event.shape)).sum(-1)
