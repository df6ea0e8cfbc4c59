"""What the checks look at: a model, a copy of it in double precision, and examples."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from allmodes.event import Batch, Condition, Support
from allmodes.models.base import GenerativeModel
from allmodes.random import Rng
from allmodes.score import Kind, NoDensity, Score
from allmodes.testing.quadrature import Integral, integrate
from allmodes.testing.report import NotApplicable

STATES = 2**12
"""Discrete events with no more states are enumerated."""
SAMPLES = 4000
MUCH = 100
"""The budget that makes a bound tight."""
DRAWS = 4
"""Independent scores of an estimator, which show how far it scatters."""


@contextmanager
def doubles() -> Iterator[None]:
    """Networks, draws and constants inside the block are in double precision by default."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@dataclass(frozen=True, eq=False)
class Masses:
    """Of each state of a small discrete event.

    Arguments:
        value: probabilities, or bounds of them from below, [states].
        kind: which of the two.
        error: of their sum, from an estimator's randomness.
    """

    value: Tensor
    kind: Kind
    error: float


@dataclass(frozen=True, eq=False)
class Subject:
    """A model and what it is checked with.

    Arguments:
        model: as it was given.
        x: examples in the user's units, [n, *shape].
        condition: of each; empty for a model that takes none.
        seed: of all that is drawn.
        rebuild: makes the model anew, untrained.
        steps: of learning a few examples by heart.
        budget: of every score; None is the model's own.
    """

    model: GenerativeModel
    x: Tensor
    condition: Condition
    seed: int
    rebuild: Callable[[], GenerativeModel] | None
    steps: int
    budget: int | None

    @cached_property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @cached_property
    def precise(self) -> GenerativeModel:
        """A copy in double precision, in evaluation mode; use it inside `doubles`."""
        return copy.deepcopy(self.model).double().eval()

    def rng(self, offset: int = 0) -> Rng:
        """Random numbers, the same each time."""
        return Rng(self.seed + offset, self.device)

    def asked(self, n: int) -> Condition | None:
        """The conditions of the first examples in turn, for a conditional model."""
        return self.condition[torch.arange(n) % len(self.x)].to(self.device) if self.model.conditional else None

    def same(self, n: int) -> Condition | None:
        """The first example's condition n times, for a conditional model."""
        return self.condition[torch.zeros(n, dtype=torch.int64)].to(self.device) if self.model.conditional else None

    def batch(self, model: GenerativeModel) -> Batch:
        """All examples, in the model's precision where they are real numbers."""
        x = self.x.to(next(model.parameters()).dtype) if self.x.is_floating_point() else self.x
        return Batch(x, self.condition).to(self.device)

    def score(
        self,
        model: GenerativeModel,
        x: Tensor,
        condition: Condition | None,
        *,
        budget: int | None = None,
        offset: int = 0,
    ) -> Score:
        """The model's score, from random numbers moved by an offset.

        Raises:
            NotApplicable: where it has none.
        """
        try:
            return model.score(x, condition, budget=budget or self.budget, rng=self.rng(offset))
        except NoDensity as reason:
            raise NotApplicable(str(reason)) from None

    def scored(self) -> Score:
        """The score of the examples."""
        return self.score(self.model, self.x, self.asked(len(self.x)))

    @cached_property
    def states(self) -> Tensor:
        """All values of a small discrete event, [states, *shape].

        Raises:
            NotApplicable: for an event that is not discrete, or too large.
        """
        event = self.model.event
        if not event.discrete:
            raise NotApplicable("the event is continuous")
        levels = 2 if event.support is Support.BINARY else event.levels
        if levels**event.size > STATES:
            raise NotApplicable(f"{levels}^{event.size} states are too many to enumerate")
        axis = torch.arange(levels)
        grid = torch.cartesian_prod(*[axis] * event.size).reshape(-1, *event.shape)
        return grid.to(event.dtype)

    @cached_property
    def masses(self) -> Masses:
        """The probability of each state in double precision.

        Raises:
            NotApplicable: where the model gives none, or the states cannot be enumerated.
        """
        states, kind = self.states, Kind.EXACT
        drawn: list[Tensor] = []
        with doubles():
            budget = self.budget or MUCH if getattr(self.model, "own_budget", None) else None
            for offset in range(DRAWS):
                score = self.score(self.precise, states, self.same(len(states)), budget=budget, offset=offset)
                kind = score.kind
                if kind not in (Kind.EXACT, Kind.LOWER):
                    raise NotApplicable(f"the score is no probability and no bound from below: {kind}")
                drawn.append(score.value.exp())
                if kind is Kind.EXACT:
                    return Masses(drawn[0], kind, 0.0)
        together = torch.stack(drawn)
        return Masses(together.mean(0), kind, float((together.var(0).sum() / DRAWS).sqrt()))

    @cached_property
    def integral(self) -> Integral:
        """The density on a line or in a plane, integrated over cells, in double precision.

        Raises:
            NotApplicable: for another event, or a score that is no density.
        """
        event = self.model.event
        if event.discrete or event.size > 2:
            raise NotApplicable("the event is not a real number or a pair of them")
        kind = self.scored().kind
        if kind is not Kind.EXACT and event.support is not Support.NON_NEGATIVE:
            raise NotApplicable(f"the score is no density: {kind}")
        drawn = self.model.sample(SAMPLES, self.same(SAMPLES), rng=self.rng(7)).cpu()
        points = torch.cat([drawn, self.x.to(drawn)]).reshape(-1, event.size)

        def density(points: Tensor) -> Tensor:
            x = points.reshape(-1, *event.shape)
            return self.score(self.precise, x, self.same(len(x))).value.exp()

        with doubles():
            return integrate(density, points, 0.0 if event.support is Support.NON_NEGATIVE else -math.inf)
