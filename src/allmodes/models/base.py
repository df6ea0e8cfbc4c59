"""What every generative model is: players with losses, samples, and, where there is one, a density."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from allmodes.data.transforms import Transform
from allmodes.errors import UserError
from allmodes.event import Batch, Condition, Event
from allmodes.random import Rng
from allmodes.score import NoDensity, Score

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
