"""Scores: their units, and what may be claimed from two of them."""

from __future__ import annotations

import math

import pytest
import torch

from allmodes.errors import UserError
from allmodes.score import Kind, Score, digest, rank, refuses

LEVELS = torch.linspace(-1, 1, 101, dtype=torch.float64)


def score(nats: float, kind: Kind = Kind.EXACT, *, measure: str = "counting", data: str = "sha256:a") -> Score:
    return Score(nats + LEVELS, kind, 0.0, None, measure, data, 64)


def test_means_and_bits() -> None:
    made = score(-64 * math.log(2))
    assert made.mean == pytest.approx(-64 * math.log(2))
    assert made.bits_per_dim == pytest.approx(1.0)
    assert made.mean_standard_error == pytest.approx(float(LEVELS.std()) / math.sqrt(101))
    noisy = Score(made.value, Kind.LOWER, 3.0, 5, "counting", "sha256:a", 64)
    assert noisy.mean_standard_error == pytest.approx(math.hypot(3.0, made.mean_standard_error))


def test_no_bits_for_a_density_of_continuous_values() -> None:
    with pytest.raises(UserError, match="give nats"):
        _ = score(1.0, measure="lebesgue").bits_per_dim


WINS = [
    (Kind.EXACT, Kind.EXACT, 0),
    (Kind.LOWER, Kind.EXACT, 0),
    (Kind.EXACT, Kind.UPPER, 0),
    (Kind.LOWER, Kind.UPPER, 0),
    (Kind.EXACT, Kind.LOWER, None),  # the lower bound would lose
    (Kind.UPPER, Kind.EXACT, None),  # the upper bound would win
    (Kind.UPPER, Kind.LOWER, None),
    (Kind.LOWER, Kind.LOWER, None),
    (Kind.UPPER, Kind.UPPER, None),
    *((kind, other, None) for kind in (Kind.ESTIMATE, Kind.ENERGY) for other in Kind),
]


@pytest.mark.parametrize(("high", "low", "winner"), WINS)
def test_what_each_kind_may_claim(high: Kind, low: Kind, winner: int | None) -> None:
    """The first score is higher; the winner must be the same model whichever way round they are given."""
    first, second = score(-80.0, high), score(-90.0, low)
    assert rank(first, second).winner == winner
    assert rank(second, first).winner == (None if winner is None else 1 - winner)
    assert rank(first, second).why


def test_a_licensed_claim_is_true_of_every_pair_of_true_values() -> None:
    """By enumeration: whatever the true values that the kinds allow, a declared winner's is the higher."""
    allowed = {
        Kind.EXACT: lambda value: [value],
        Kind.LOWER: lambda value: [value, value + 3, value + 30],
        Kind.UPPER: lambda value: [value, value - 3, value - 30],
    }
    claims = 0
    for kind in allowed:
        for other in allowed:
            for gap in (-10.0, 10.0):
                winner = rank(score(-80 + gap, kind), score(-80, other)).winner
                if winner is not None:
                    claims += 1
                    for a in allowed[kind](-80 + gap):
                        for b in allowed[other](-80):
                            assert (a > b) == (winner == 0)
    assert claims == 2 + 2 + 2 + 2  # exact pairs; each bound against exact, one way, in both orders; both bounds


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"measure": "lebesgue"}, "no common unit"), ({"data": "sha256:b"}, "different data")],
)
def test_numbers_that_are_of_different_things_are_refused(changes: dict[str, str], why: str) -> None:
    ranking = rank(score(-80.0), score(-90.0, **changes))  # type: ignore[arg-type]
    assert ranking.winner is None
    assert ranking.difference is None
    assert why in ranking.why
    assert why in str(refuses(score(-80.0), score(-90.0, **changes)))  # type: ignore[arg-type]


def test_an_estimators_own_error_counts_whichever_of_the_two_has_it() -> None:
    exact = score(-80.0)
    bound = Score(exact.value + 1, Kind.LOWER, 3.0, 5, "counting", "sha256:a", 64)
    assert rank(bound, exact).standard_error == rank(exact, bound).standard_error == 3
    assert rank(bound, exact).within_chance
    assert rank(exact, bound).within_chance


def test_examples_are_compared_in_pairs_and_chance_ranks_nothing() -> None:
    """Examples differ by 2 nats and the models by 0.01: in pairs that is certain, apart it would be noise."""
    first, second = score(-80.0), score(-80.01)
    assert rank(first, second).winner == 0
    generator = torch.Generator().manual_seed(0)
    shaken = Score(
        first.value + torch.randn(101, generator=generator), Kind.EXACT, 0.0, None, "counting", "sha256:a", 64
    )
    assert "within chance" in rank(first, shaken).why
    unsure = Score(second.value, Kind.LOWER, 0.1, 1, "counting", "sha256:a", 64)
    assert rank(unsure, first).winner is None  # the estimator's own error covers the difference
    unsure = Score(first.value, Kind.UPPER, 0.1, 1, "counting", "sha256:a", 64)
    assert rank(second, unsure).winner is None


def test_equal_models_are_ranked_as_often_as_the_confidence_says() -> None:
    generator = torch.Generator().manual_seed(0)

    def ranked(confidence: float, n: int) -> bool:
        scores = [
            Score(torch.randn(n, generator=generator), Kind.EXACT, 0.0, None, "counting", "sha256:a", 64)
            for _ in range(2)
        ]
        return rank(*scores, confidence=confidence).winner is not None

    for n in (5, 300):
        assert sum(ranked(0.8, n) for _ in range(200)) == pytest.approx(40, abs=17)  # 3 standard deviations
    assert sum(ranked(0.999, 300) for _ in range(200)) <= 3


def test_a_model_that_calls_an_example_impossible_loses() -> None:
    never = score(-80.0)
    never.value[3] = -math.inf
    assert rank(score(-90.0), never).winner == 0
    assert rank(never, score(-90.0)).winner == 1
    assert rank(never, never).winner is None


def test_a_digest_tells_values_types_shapes_and_absence_apart() -> None:
    x = torch.arange(6, dtype=torch.uint8)
    made = [digest(x), digest(x.view(2, 3)), digest(x.int()), digest(x, None), digest(x + 1), digest(x, x)]
    assert len(set(made)) == len(made)
    assert digest(x) == digest(x.clone())
