from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from allmodes.audit import two_sample as module
from allmodes.audit.finding import Verdict
from allmodes.audit.sets import Sets
from allmodes.audit.two_sample import area_under_curve, two_sample


def drawn(rng: np.random.Generator, n: int, d: int = 3, shift: float = 0.0) -> np.ndarray:
    return (rng.standard_normal((n, d)) * [1 + shift, *[1.0] * (d - 1)]).astype(np.float32)


def sets(rng: np.random.Generator, n: int, m: int, d: int = 3, shift: float = 0.0) -> Sets:
    return Sets(
        drawn(rng, n, d), drawn(rng, n, d), drawn(rng, m, d, shift), False, *(10 * np.arange(k) for k in (n, n, m))
    )


@pytest.mark.parametrize("decimals", [0, 8])
def test_area_is_that_of_mann_and_whitney_with_its_p_value(decimals: int) -> None:
    rng = np.random.default_rng(0)
    real, other = rng.standard_normal(80).round(decimals), (0.3 + rng.standard_normal(60)).round(decimals)
    area, _, normal = area_under_curve(real, other)
    expected = mannwhitneyu(other, real, alternative="greater", use_continuity=False, method="asymptotic")
    assert area == pytest.approx(expected.statistic / (80 * 60))
    assert 0.5 * math.erfc(normal / 2**0.5) == pytest.approx(expected.pvalue)


def test_variance_of_the_area_is_its_spread_over_draws() -> None:
    rng = np.random.default_rng(0)
    found = [area_under_curve(rng.standard_normal(60), 1 + rng.standard_normal(90))[:2] for _ in range(400)]
    areas, variances = np.array(found).T
    assert np.mean(variances) == pytest.approx(np.var(areas), rel=0.2)


def test_a_healthy_generator_is_accused_no_more_often_than_the_level_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a linear classifier, whose parts agree by chance the most."""

    class Linear:
        def __init__(self, real: np.ndarray, other: np.ndarray) -> None:
            self.direction = other.mean(0) - real.mean(0)

        def decision_function(self, x: np.ndarray) -> np.ndarray:
            return x @ self.direction

    monkeypatch.setattr(module, "_learn", lambda real, other, seed: Linear(real, other))
    p = np.array([two_sample(sets(np.random.default_rng(s), 100, 150), 0.05, s).p_value for s in range(400)], float)
    assert 0.02 < (p <= 0.05).mean() < 0.09
    assert p.mean() == pytest.approx(0.5, abs=0.05)


def test_error_trap_ordinary_cross_fitting_overstates_what_it_sees() -> None:
    """The same linear classifier, two parts that score each other: the sum of scores has twice the variance."""
    sums = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        real, other = ([drawn(rng, 60), drawn(rng, 60)] for _ in range(2))
        normals = []
        for part in (0, 1):
            direction = other[1 - part].mean(0) - real[1 - part].mean(0)
            normals.append(area_under_curve(real[part] @ direction, other[part] @ direction)[2])
        sums.append(sum(normals) / 2**0.5)
    assert np.var(sums) > 1.5


def test_a_difference_is_found_and_its_area_is_right() -> None:
    rng = np.random.default_rng(0)
    found = two_sample(sets(rng, 600, 1500, shift=1.0), 0.01, 0)
    assert found.verdict is Verdict.FOUND
    assert found.p_value is not None
    assert found.p_value < 1e-6
    assert found.low is not None
    assert found.floor is not None
    assert found.low > 0.55
    assert abs(found.floor - 0.5) < 0.06
    unlike = found.figures["most_unlike_generated"]
    assert len(unlike) == 12
    assert all(row % 10 == 0 for row in unlike)


def test_many_features_are_mixed_and_a_difference_in_all_is_found() -> None:
    rng = np.random.default_rng(0)
    train, real, fake = (rng.standard_normal((200, 200)).astype(np.float32) for _ in range(3))
    given = Sets(train, real, fake + np.float32(0.5), False, *(np.arange(200) for _ in range(3)))
    assert two_sample(given, 0.01, 0).verdict is Verdict.FOUND


def test_too_few_examples_cannot_tell_and_equal_ones_are_not_told() -> None:
    rng = np.random.default_rng(0)
    assert two_sample(sets(rng, 99, 500), 0.01, 0).verdict is Verdict.CANNOT_TELL
    one = np.ones((200, 3), np.float32)
    found = two_sample(Sets(one, one, one, False, *(np.arange(200) for _ in range(3))), 0.01, 0)
    assert (found.verdict, found.estimate) == (Verdict.NOT_FOUND, 0.5)


def test_the_floor_says_that_training_and_held_out_examples_differ_where_they_do() -> None:
    rng = np.random.default_rng(0)
    train, real, fake = drawn(rng, 600, shift=1.5), drawn(rng, 600), drawn(rng, 600)
    rows = [np.arange(600)] * 3
    assert (two_sample(Sets(train, real, fake, True, *rows), 0.01, 0).floor or 0) > 0.57
    assert (two_sample(Sets(train, real, fake, False, *rows), 0.01, 0).floor or 1) < 0.57


def test_what_is_told_most_surely_is_named_by_its_row_in_its_own_file() -> None:
    rng = np.random.default_rng(0)
    train, real, fake = (rng.standard_normal((400, 2)).astype(np.float32) for _ in range(3))
    given = Sets(
        train, real, fake + np.float32([2, 0]), True, np.arange(400), 1000 + np.arange(400), 5000 + np.arange(400)
    )
    found = two_sample(given, 0.01, 0)
    generated, held_out = (np.array(found.figures[f"most_unlike_{kind}"]) for kind in ("generated", "held_out"))
    assert given.fake[generated - 5000, 0].min() > 2
    assert given.real[held_out - 1000, 0].max() < 0
    assert f"real examples are told from real ones with {found.floor:.3f}" in found.summary
    assert found.figures["floor_p_value"] > 0.01 > found.p_value  # type: ignore[operator]


def test_what_informs_does_so_at_one_percent(monkeypatch: pytest.MonkeyPatch) -> None:
    told = module._Told(0.53, 0.015, 0.03, np.arange(1), np.arange(1))
    monkeypatch.setattr(module, "_tell", lambda *given: told)
    given = sets(np.random.default_rng(0), 200, 200)
    assert [two_sample(given, level, 0).verdict for level in (0, 0.05)] == [Verdict.NOT_FOUND, Verdict.FOUND]


def test_the_error_of_the_mean_area_is_its_spread_over_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROUNDS", 10)
    found = []
    for seed in range(25):
        given = sets(np.random.default_rng(seed), 200, 300, shift=1.0)
        found.append(module._tell(given.real, given.fake, seed))
    spread = np.std([told.auc for told in found], ddof=1)
    assert np.mean([told.error for told in found]) == pytest.approx(spread, rel=0.4)
