"""Constraints: hard ones hold to 1e-6, soft ones cost what they say, mistakes are one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from allmodes.adversarial.constraints import Hard, Soft
from allmodes.adversarial.penalties import Every
from allmodes.adversarial.round import Round
from allmodes.errors import UserError
from allmodes.event import Condition, Event, Support
from allmodes.networks.stack import stack

RoundOf = Callable[..., Round]
SHOWERS = Event((3, 5), Support.NON_NEGATIVE, variables=("angle", "energy"))


def asked(n: int, low: float = 0.1, high: float = 1e4) -> Condition:
    energy = torch.logspace(torch.tensor(low).log10().item(), torch.tensor(high).log10().item(), n)
    return Condition(values=torch.stack([torch.zeros(n), energy], -1))


def showers(n: int) -> Tensor:
    return torch.randn(n, 3, 5, generator=torch.Generator().manual_seed(0)) ** 3


@pytest.mark.parametrize("low", [0.0, None])
def test_the_sum_is_what_was_asked_for_to_one_in_a_million(low: float | None) -> None:
    condition = asked(400)
    x = Hard(SHOWERS, low=low, total="energy")(showers(400), condition)
    assert x.dtype == torch.float32
    relative = x.double().sum((1, 2)) / condition.values[:, 1].double() - 1
    assert relative.abs().max() < 1e-6
    assert (x.min() >= 0) == (low == 0.0)


def test_a_factor_keeps_zeros_and_shares() -> None:
    x = Hard(SHOWERS, low=0.0, total="energy")(showers(50), asked(50))
    before = showers(50).clamp(min=0)
    assert ((x == 0) == (before == 0)).all()
    torch.testing.assert_close(x / x.sum((1, 2), keepdim=True), before / before.sum((1, 2), keepdim=True))


def test_a_sample_of_zeros_is_made_flat_and_a_dead_corner_stays_dead() -> None:
    train = torch.ones(10, 3, 5)
    train[:, 0, 0] = 0
    layer = Hard(SHOWERS, low=0.0, zeros=True, total="energy").fit(train)
    x = layer(-torch.ones(2, 3, 5), asked(2, 7.0, 28.0))
    assert x[:, 0, 0].tolist() == [0, 0]
    assert x[:, 1, 1].tolist() == pytest.approx([0.5, 2.0])
    assert not layer(showers(20), asked(20))[:, 0, 0].any()


def test_a_number_that_is_never_above_zero_is_not_dead() -> None:
    train = torch.tensor([[0.0, -3.0], [0.0, 0.0]])
    assert Hard(Event((2,)), zeros=True).fit(train)(-torch.ones(1, 2), Condition()).tolist() == [[0, -1]]


def test_a_hundredth_of_a_gradient_that_leads_back_comes_from_beyond_a_bound() -> None:
    """Else a generator that is black everywhere would stay so."""
    x = torch.tensor([[-2.0, 0.5, 3.0]], requires_grad=True)
    y = Hard(Event((3,)), low=0.0, high=1.0)(x, Condition())
    assert y.tolist() == [[0.0, 0.5, 1.0]]
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [pytest.approx([0.0, 1.0, 0.01])]


def test_bounds_hold_and_leave_what_is_inside() -> None:
    x, free = showers(100), Event((3, 5))
    bounded = Hard(free, low=-1.0, high=0.5)(x, Condition())
    assert bounded.min() == -1
    assert bounded.max() == 0.5
    inside = (x > -1) & (x < 0.5)
    assert bounded[inside].equal(x[inside])


def test_a_stack_obeys_like_its_members() -> None:
    layers = [Hard(SHOWERS, low=0.0, total="energy") for _ in range(2)]
    condition = asked(8)
    x = torch.stack([showers(8), 2 * showers(8)])
    together = stack(layers)(x, condition)
    each = torch.stack([layer(rows, condition) for layer, rows in zip(layers, x, strict=True)])
    assert together.equal(each)


def test_residuals_say_how_far_from_obeying_examples_are() -> None:
    layer = Hard(SHOWERS, low=0.0, zeros=True, total="energy").fit(torch.ones(4, 3, 5))
    x, condition = torch.ones(2, 3, 5), Condition(values=torch.tensor([[0.0, 15.0], [0.0, 10.0]]))
    x[1, 0, 0] = -0.5
    found = layer.residuals(x, condition)
    assert found["bounds"].tolist() == [0, 0.5]
    assert found["zeros"].tolist() == [0, 0]
    assert found["sum=energy"].tolist() == pytest.approx([0, 0.35])


@pytest.mark.parametrize(
    ("event", "settings", "said"),
    [
        (SHOWERS, {"total": "enrgy"}, "--set sum=enrgy: not a continuous condition of the data .angle, energy."),
        (Event((2,)), {"total": "energy"}, "--set sum=energy: not a continuous condition .*the data have none"),
        (SHOWERS, {"total": "energy", "low": 0.0, "high": 3.0}, "--set sum=energy: a sum can break bounds"),
        (SHOWERS, {"total": "energy", "low": -1.0}, "--set sum=energy: a sum can break bounds"),
        (SHOWERS, {"low": 2.0, "high": 1.0}, "--set bounds=2:1: nothing lies between"),
        (Event((2,), Support.LEVELS, 4), {"low": 0.0}, "hard constraints are for real numbers"),
    ],
)
def test_hard_constraints_that_cannot_be_are_one_line(event: Event, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        Hard(event, **settings)
    assert "\n" not in str(error.value)


def test_what_is_not_negative_sums_to_nothing_negative() -> None:
    with pytest.raises(UserError, match="energy=-3: numbers that are not negative cannot sum to that"):
        Hard(SHOWERS, low=0.0, total="energy")(showers(1), Condition(values=torch.tensor([[0.0, -3.0]])))


def balance(x: Tensor, condition: Condition) -> Tensor:
    return x[:, 0] - 2 * x[:, 1]


def test_a_soft_constraint_costs_the_distance_from_its_tolerance_in_the_networks_units(round_of: RoundOf) -> None:
    y = torch.tensor([[1.0, 0.5], [1.0, 0.0], [0.0, -0.04]], requires_grad=True)  # residuals 0, 1, 0.08; slope sqrt(5)
    round = round_of(lambda x: x, y, y, users=lambda y: y)
    cost = Soft("balance", balance, 0.1, (2,), weight=3.0).generator(round)
    assert cost.item() == pytest.approx(3 * 0.9 / 5**0.5 / 3)
    (gradient,) = torch.autograd.grad(cost, y)
    assert gradient[1].norm().item() == pytest.approx(3 / 3)  # lambda over n, whatever the unit
    assert not gradient[[0, 2]].any()
    other = Soft("balance", lambda x, c: 1000 * balance(x, c), 100.0, (2,), weight=3.0).generator(round)
    assert other.item() == pytest.approx(cost.item())


def test_a_residual_counts_on_either_side_of_zero(round_of: RoundOf) -> None:
    y = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    soft = Soft("balance", balance, 0.1, (2,), weight=1.0)
    assert soft.generator(round_of(lambda x: x, y, y, users=lambda y: y)).item() == pytest.approx(0.9 / 5**0.5)
    assert soft.residuals(y, Condition())["balance"].tolist() == [1, 1]
    assert Every(4, soft).residuals(y, Condition())["balance"].tolist() == [1, 1]


def test_a_constraint_without_a_gradient_is_one_line(round_of: RoundOf) -> None:
    y = torch.ones(3, 2, requires_grad=True)
    with pytest.raises(UserError, match="constraint numpy has no gradient; compute it from x with torch"):
        Soft("numpy", lambda x, c: x.detach()[:, 0], 0.1, (2,)).generator(round_of(lambda x: x, y, y))
    with pytest.raises(UserError, match="constraint numpy has no gradient"):  # as a training tries it, before its run
        Soft("numpy", lambda x: x.detach()[:, 0], 0.1, (2,)).residuals(y.detach(), Condition())


def test_a_soft_constraint_is_asked_in_the_users_units_with_the_condition(round_of: RoundOf) -> None:
    seen = []

    def residual(x: Tensor, condition: Condition) -> Tensor:
        seen.append((x, condition.values))
        return x[:, 0] - condition.values[:, 0]

    values = torch.tensor([[10.0], [20.0]])
    y = torch.tensor([[1.0], [2.0]])
    round = round_of(lambda x: x, y, y, users=lambda y: 10 * y, condition=Condition(values=values))
    assert Soft("r", residual, 0.1, (1,)).generator(round).item() == 0
    assert seen[0][0].tolist() == [[10.0], [20.0]]
    stacked = torch.stack([y, y])
    each = Condition(values=torch.stack([values, values]))
    Soft("r", residual, 0.1, (1,)).generator(
        round_of(lambda x: x, stacked, stacked, users=lambda y: 10 * y, condition=each)
    )
    assert seen[-1][0].shape == (4, 1)
    assert seen[-1][1].shape == (4, 1)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x, c: x.sum(), r"gives residuals of shape \[\] for 3 examples; let it give \[3\] or \[3, m\]"),
        (lambda x, c: x[:2, 0], r"gives residuals of shape \[2\] for 3 examples"),
        (lambda x, c: x[:, None], r"gives residuals of shape \[3, 1, 2\] for 3 examples"),
        (lambda x, c: 0.0, r"gives a float; let it give a tensor"),
        (
            lambda x, c: x[:, 7],
            r"constraint physics:f fails on x of shape \[3, 2\]: IndexError: index 7 is out",
        ),
    ],
)
def test_a_function_that_does_not_fit_is_one_line(function: Any, said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        Soft("physics:f", function, 0.1, (2,)).residual(torch.zeros(3, 2), Condition())
    assert "\n" not in str(error.value)


def test_what_is_always_zero_stays_so_where_a_sum_is_reached_by_a_shift() -> None:
    x = torch.randn(50, 5, generator=torch.Generator().manual_seed(0))
    train = x.clone()
    train[:, 2] = 0
    asked = Condition(values=torch.linspace(1, 9, 50)[:, None])
    y = Hard(Event((5,), variables=("e",)), zeros=True, total="e").fit(train)(x, asked)
    assert not y[:, 2].any()
    shift = (y - x)[:, [0, 1, 3, 4]]
    torch.testing.assert_close(shift, shift[:, :1].expand(-1, 4), rtol=0, atol=1e-5)
    assert asked.values is not None
    assert (y.double().sum(1) / asked.values[:, 0] - 1).abs().max() < 1e-6
