"""Schedules: where they begin, where they end, and that they go there directly."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from allmodes.schedule import Constant, Cosine, Geometric, Linear, Schedule

positive = st.floats(1e-6, 1e3)
TIMES = [i / 50 for i in range(51)]


@given(start=positive, end=positive)
def test_schedules_begin_at_start_end_at_end_and_never_turn_round(start: float, end: float) -> None:
    schedules: list[Schedule] = [Cosine(start, end), Geometric(start, end)]
    for schedule in schedules:
        assert schedule(0.0) == pytest.approx(start, rel=1e-9)
        assert schedule(1.0) == pytest.approx(end, rel=1e-9)
        sign = math.copysign(1, end - start)
        slack = 1e-9 * max(start, end)
        assert all(sign * (b - a) >= -slack for a, b in pairwise(map(schedule, TIMES)))


@given(start=positive, end=positive, t=st.floats(0, 1))
def test_geometric_goes_by_equal_factors(start: float, end: float, t: float) -> None:
    assert math.log(Geometric(start, end)(t)) == pytest.approx((1 - t) * math.log(start) + t * math.log(end), abs=1e-9)


def test_a_warm_up_rises_linearly_from_zero_then_changes_nothing() -> None:
    plain, warm = Cosine(1.0, 0.0), Cosine(1.0, 0.0, warmup=0.1)
    assert warm(0.0) == 0
    assert all(warm(t) == pytest.approx(plain(t) * t / 0.1) for t in (0.01, 0.05, 0.09))
    assert all(warm(t) == plain(t) for t in (0.1, 0.3, 1.0))


@pytest.mark.parametrize(
    "schedule", [Constant(0.3), Cosine(1.0, 0.1, warmup=0.1), Geometric(1.0, 0.1), Linear(1.0, 0.0)]
)
def test_a_tensor_of_the_time_gives_what_the_number_gives(schedule: Schedule) -> None:
    for t in (0.0, 0.05, 0.1, 0.7, 1.0):
        assert float(schedule(torch.tensor(t))) == pytest.approx(schedule(t), abs=1e-6)


@given(t=st.floats(0, 1))
def test_a_constant_is_constant(t: float) -> None:
    assert Constant(0.3)(t) == 0.3


def test_a_straight_line_goes_from_its_first_value_to_its_last() -> None:
    assert [Linear(0.1, 0.0)(t) for t in (0.0, 0.5, 1.0)] == pytest.approx([0.1, 0.05, 0.0])
