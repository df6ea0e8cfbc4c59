"""Scores in the user's units: against densities and masses that are known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from allmodes.data.transforms import Chain, Dequantize, Flatten, Log1p, Logit, Standardize, Transform
from allmodes.errors import UserError
from allmodes.event import Batch, Condition, Event, Support
from allmodes.models.base import DensityModel
from allmodes.random import Rng
from allmodes.score import Kind


class Logistic(DensityModel):
    """Independent standard logistic numbers in the networks' units, shifted by a parameter that begins at 0."""

    def __init__(self, event: Event, transform: Transform) -> None:
        super().__init__(event, transform)
        self.shift = nn.Parameter(torch.zeros(event.size))

    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        y = y - self.shift
        return (logsigmoid(y) + logsigmoid(-y)).sum(-1)

    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        return torch.logit(rng.uniform(n, self.event.size)) + self.shift


class Coins(Logistic):
    """Independent bits, probability sigmoid(shift) of a one: masses."""

    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        return (y * logsigmoid(self.shift) + (1 - y) * logsigmoid(-self.shift)).sum(-1)


POINTS = Event((2,), Support.NON_NEGATIVE)


def test_the_density_of_a_continuous_event_integrates_to_one_in_the_users_units() -> None:
    transform = Chain(Log1p(), Standardize((2,)))
    x = torch.rand(500, 2, generator=torch.Generator().manual_seed(0)) * 1000
    model = Logistic(POINTS, transform)
    model.fit(x)
    # On a grid that is fine near zero: u^4, with its slope.
    u = torch.linspace(0, 1, 1201, dtype=torch.float64)[:-1] + 1 / 2400
    edge, slope = 1e6 * u**4, 4e6 * u**3 / 1200
    score = model.double().score(torch.cartesian_prod(edge, edge))
    mass = (score.value.exp() * torch.cartesian_prod(slope, slope).prod(1)).sum()
    below_zero = torch.sigmoid(transform(torch.zeros(1, 2, dtype=torch.float64))[0])
    assert float(mass) == pytest.approx(float((1 - below_zero).prod()), abs=2e-3)
    assert score.kind is Kind.ESTIMATE  # which ranks nothing: samples have exact zeros, and a density none
    assert score.measure == "lebesgue"
    assert score.standard_error == 0


def test_masses_are_not_changed_by_the_slope_of_the_transform() -> None:
    bits = torch.cartesian_prod(*[torch.tensor([0, 1], dtype=torch.uint8)] * 3)
    event = Event((3,), Support.BINARY)
    for transform in (Flatten((3,)), Standardize((3,))):
        score = Coins(event, transform).score(bits)
        assert torch.allclose(score.value, torch.full((8,), -3 * math.log(2), dtype=torch.float64))
        assert (score.kind, score.measure, score.budget) == (Kind.EXACT, "counting", None)
        assert Coins(event, transform).score(bits, budget=7).budget is None
        assert score.bits_per_dim == pytest.approx(1)


LEVELS = Event((1,), Support.LEVELS, 4)


def mass(x: Tensor) -> Tensor:
    """What `Logistic` after `Logit` gives to bin x of 4, alpha = 0.05: the change of the distribution function."""
    low, high = 0.05 + 0.9 * x / 4, 0.05 + 0.9 * (x + 1) / 4
    return (high - low).sum(-1)


def test_a_density_bounds_the_masses_of_levels_from_below_and_many_draws_close_the_gap() -> None:
    """The slope is that at the very point that the noise chose: the logistic density is then constant on each bin."""
    model = Logistic(LEVELS, Chain(Dequantize((1,), 4), Logit(0.05)))
    x = torch.arange(4, dtype=torch.uint8)[:, None]
    score = model.double().score(x, rng=Rng(3))
    # d sigmoid(logit(p)) = dp: in this one case the integrand is constant, so that every draw is exact.
    torch.testing.assert_close(score.value, mass(x.double()).log(), rtol=0, atol=1e-12)
    assert (score.kind, score.measure, score.budget) == (Kind.LOWER, "counting", 1)
    with torch.no_grad():
        model.shift.add_(3.0)
    inside = torch.linspace(0, 1, 200_001, dtype=torch.float64)[:-1] + 0.5 / 200_000
    p = 0.05 + 0.9 * (x.double() + inside) / 4
    point, log_slope = torch.logit(p) - 3, math.log(0.9 / 4) - (p * (1 - p)).log()
    exact = (logsigmoid(point) + logsigmoid(-point) + log_slope).exp().mean(1).log()
    many = x.repeat_interleave(1000, 0)
    gaps = []
    for budget in (1, 10, 100):
        score = model.score(many, budget=budget, rng=Rng(1))
        gap = exact.repeat_interleave(1000) - score.value
        assert float(gap.mean()) > -4 * score.standard_error
        gaps.append(float(gap.mean()))
        assert score.budget == budget
    assert gaps[0] > 3 * gaps[1] > 9 * gaps[2] > 0


def test_the_standard_error_is_that_of_repeated_scores() -> None:
    model = Logistic(LEVELS, Chain(Dequantize((1,), 4), Logit(0.05)))
    with torch.no_grad():
        model.shift.add_(3.0)
    x = torch.arange(4, dtype=torch.uint8)[:, None].repeat(25, 1)
    scores = [model.score(x, rng=Rng(seed)) for seed in range(200)]
    measured = torch.tensor([score.mean for score in scores]).std()
    claimed = torch.tensor([score.standard_error for score in scores]).square().mean().sqrt()
    assert float(claimed / measured) == pytest.approx(1, abs=0.15)


def test_the_loss_is_minus_the_mean_score_and_its_gradient_flows() -> None:
    model = Logistic(Event((2,)), Standardize((2,)))
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0)) * 9
    model.fit(x)
    (player,) = model.players
    loss = model.loss(player, Batch(x), Rng(0))
    assert not loss.surrogate
    assert loss.value.item() == pytest.approx(-model.score(x).mean, rel=1e-5)
    loss.value.backward()
    assert model.shift.grad is not None
    assert model.shift.grad.abs().min() > 0


def test_scores_of_a_seed_are_the_same_and_of_another_not() -> None:
    model = Logistic(LEVELS, Chain(Dequantize((1,), 4), Logit(0.05)))
    with torch.no_grad():
        model.shift.add_(1.0)
    x = torch.arange(4, dtype=torch.uint8)[:, None]
    assert model.score(x).value.equal(model.score(x, rng=Rng(0)).value)
    assert not model.score(x).value.equal(model.score(x, rng=Rng(1)).value)
    assert model.score(x).data == model.score(x, rng=Rng(1)).data != model.score(x.flip(0)).data


@pytest.mark.parametrize(
    ("event", "x", "why"),
    [
        (Event((1,), Support.BINARY), torch.tensor([[0.37]]), "value 0.37; this model takes values 0 or 1"),
        (LEVELS, torch.tensor([[4]]), "value 4; this model takes values whole numbers from 0 to 3"),
        (LEVELS, torch.tensor([[-1]]), "value -1"),
        (LEVELS, torch.tensor([[1.5]]), "value 1.5"),
        (Event((1,), Support.NON_NEGATIVE), torch.tensor([[-0.5]]), "at least 0"),
        (Event((1,)), torch.tensor([[math.nan]]), "finite"),
        (LEVELS, torch.tensor([[1, 2]]), "shape"),
    ],
)
def test_values_that_the_event_cannot_take_are_refused_in_one_line(event: Event, x: Tensor, why: str) -> None:
    with pytest.raises(UserError, match=why) as error:
        Logistic(event, Flatten((1,))).score(x)
    assert "\n" not in str(error.value)


def test_a_budget_below_one_and_a_condition_too_many_are_refused() -> None:
    model = Logistic(LEVELS, Flatten((1,)))
    x = torch.arange(4)[:, None]
    for budget in (0, -3, 1.5, 2.0, float("nan")):
        with pytest.raises(UserError, match=f"budget {budget}: must be at least 1"):
            model.score(x, budget=budget)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="n=-1: the number of samples"):
        model.sample(-1)
    with pytest.raises(UserError, match="takes no condition"):
        model.score(x, Condition(labels=torch.zeros(4, dtype=torch.int64)))


class Echo(DensityModel):
    """Samples are their conditions, and so are log-probabilities."""

    conditional = True

    def __init__(self) -> None:
        super().__init__(Event((1,), variables=("v",)), Flatten((1,)))
        self.shift = nn.Parameter(torch.zeros(()))

    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        assert condition.values is not None
        return condition.values + self.shift

    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        assert condition.values is not None
        return condition.values[..., 0] + self.shift


class Three(Echo):
    """A stack of three models."""

    conditional = False

    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        return torch.zeros(3, n, 1) + self.shift


def test_what_is_sampled_and_scored_in_pieces_keeps_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allmodes.models.base.NUMBERS_PER_CHUNK", 1)
    asked = Condition(values=torch.arange(200.0)[:, None])
    assert Echo().sample(200, asked).equal(asked.values)
    assert Echo().score(torch.zeros(200, 1), asked).value.float().equal(torch.arange(200.0))
    assert Three().sample(200).shape == (3, 200, 1)
