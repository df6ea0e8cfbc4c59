"""The deep Boltzmann machine against the sums over all its states."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor

from allmodes.boltzmann.bipartite import Bipartite
from allmodes.data.dataset import Dataset
from allmodes.data.transforms import Flatten
from allmodes.errors import UserError
from allmodes.event import Batch, Event, Support
from allmodes.models.dbm import DBM
from allmodes.random import Rng, seeded
from allmodes.recipes import build
from allmodes.score import Kind


def dbm(visible: int, hidden: tuple[int, int], *, scale: float = 0.8, **settings: Any) -> DBM:
    with seeded(0):
        model = DBM(Event((visible,), Support.BINARY), Flatten((visible,)), hidden, **settings).double()
        for p in model.parameters():
            torch.nn.init.normal_(p, 0.0, scale)
        model.visible_offset.uniform_()
    return model


def states(units: int) -> Tensor:
    return torch.tensor(list(itertools.product((0, 1), repeat=units)), dtype=torch.uint8)


def log_probabilities(model: DBM) -> Tensor:
    """Of all visible states, from the energy with its offsets, term by term."""
    v, h1, h2 = (states(len(b)).double() for b in (model.visible, model.hidden1, model.hidden2))
    low = (v - model.visible_offset) @ model.weights1 @ (h1 - 0.5).T + (v @ model.visible)[:, None] + h1 @ model.hidden1
    high = (h1 - 0.5) @ model.weights2 @ (h2 - 0.5).T + h2 @ model.hidden2
    joint = low[:, :, None] + high[None]
    return joint.flatten().log_softmax(0).reshape(len(v), -1).logsumexp(1).detach()


def test_the_mean_field_bound_is_below_the_exact_log_probability_and_near_it() -> None:
    model = dbm(5, (3, 4))
    score = model.score(states(5))
    assert score.kind is Kind.LOWER
    gap = log_probabilities(model) - score.value
    assert (gap > 0).all()
    assert gap.max() < 0.5
    assert float(score.value.exp().sum()) < 1


def test_without_the_second_layer_mean_field_is_exact() -> None:
    model = dbm(5, (3, 4))
    torch.nn.init.zeros_(model.weights2)
    torch.testing.assert_close(model.score(states(5)).value, log_probabilities(model))


def test_mean_field_only_raises_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    model, means = dbm(5, (3, 4), scale=1.5), []
    for rounds in (0, 1, 2, 5, 50):
        monkeypatch.setattr("allmodes.models.dbm.ROUNDS_OF_SCORE", rounds)
        means.append(model.score(states(5)).value)
    for before, after in itertools.pairwise(means):
        assert (after >= before - 1e-12).all()


def test_the_loss_of_long_chains_has_the_bounds_gradient(float64: None) -> None:
    """Against finite differences of the exact bound, which mean field's own fixed point does not move."""
    model = dbm(4, (3, 2), scale=0.5, gibbs=30, chains=20_000)
    data = states(4)[[3, 5, 5, 14]]
    loss = model.loss(model.players[0], Batch(data), Rng(0))
    assert loss.surrogate
    found = torch.autograd.grad(loss.value, list(model.parameters()))
    for p, gradient in zip(model.parameters(), found, strict=True):
        flat = p.data.view(-1)
        for i in range(len(flat)):
            ends = []
            for step in (1e-4, -1e-4):
                flat[i] += step
                ends.append(-model.score(data).mean)
                flat[i] -= step
            assert abs(float(gradient.view(-1)[i]) - (ends[0] - ends[1]) / 2e-4) < 0.02


def test_samples_follow_the_exact_distribution(float64: None, follow: Callable[..., None]) -> None:
    model = dbm(4, (3, 2))
    follow(model, log_probabilities(model).exp())


def test_with_an_annealed_partition_function_it_is_an_estimate(monkeypatch: pytest.MonkeyPatch, float64: None) -> None:
    model = dbm(5, (3, 4))
    exact = model.score(states(5))
    monkeypatch.setattr(Bipartite, "enumerable", False)
    monkeypatch.setattr("allmodes.boltzmann.annealing.TEMPERATURES", 300)
    score = model.score(states(5), budget=100)
    assert score.kind is Kind.ESTIMATE
    assert score.budget == 100
    assert abs(score.mean - exact.mean) < 0.1


def test_evaluation_leaves_weights_and_chains(equal: Callable[..., bool]) -> None:
    model = dbm(5, (3, 4)).float()
    before = deepcopy(model.state_dict())
    model.sample(10)
    model.score(states(5))
    assert equal(model.state_dict(), before)


def test_what_is_no_machine_of_bits_is_one_line(events: dict[str, Dataset]) -> None:
    with pytest.raises(UserError, match="dbm models bits, and the values here are real; make bits"):
        build("dbm", events["points"].event)
    with pytest.raises(UserError, match="budget 0: must be at least 1 chain"):
        dbm(5, (3, 4)).score(states(5), budget=0)
