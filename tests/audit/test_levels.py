"""The level of an audit: spent once, and only on what decides."""

from __future__ import annotations

import math

import pytest

from allmodes.audit.levels import LEAST, SHARES, levels
from allmodes.audit.scan import draws_for
from allmodes.errors import UserError


@pytest.mark.parametrize("asked", [["missing"], ["missing", "copies"], list(SHARES), [*SHARES, "distances"]])
def test_what_decides_spends_alpha_and_no_more(asked: list[str]) -> None:
    shared = levels(0.05, asked)
    assert list(shared) == asked
    assert math.isclose(sum(shared.values()), 0.05)
    assert all(shared[name] > 0 for name in asked if name in SHARES)


def test_distances_never_decide() -> None:
    assert levels(0.05, ["distances", "missing"])["distances"] == 0
    assert levels(0.05, ["distances"]) == {"distances": 0}


def test_a_finding_asked_twice_is_paid_once() -> None:
    assert levels(0.05, ["missing", "missing"]) == {"missing": 0.05}


@pytest.mark.parametrize("alpha", [0, 1, -0.1, float("nan")])
def test_an_alpha_that_is_no_probability_is_refused(alpha: float) -> None:
    with pytest.raises(UserError, match="alpha"):
        levels(alpha, ["missing"])


def test_every_permutation_test_can_reject_at_the_smallest_share_of_the_smallest_alpha() -> None:
    with pytest.raises(UserError, match="cannot go below"):
        levels(LEAST / 2, SHARES)
    for level in levels(LEAST, SHARES).values():
        assert 1 / (draws_for(level / 2) + 1) <= level / 2
