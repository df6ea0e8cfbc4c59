"""Two samples of one number: the interval holds the true distance, false alarms keep their level."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from allmodes.audit.intervals import together
from allmodes.audit.one_dimension import compare, histogram


def test_the_distance_is_scipys_and_its_interval_holds_the_truth() -> None:
    rng = np.random.default_rng(0)
    truth = float(np.max(np.abs(stats.norm.cdf(grid := np.linspace(-6, 6, 10_001)) - stats.norm.cdf(grid, 0.5, 1))))
    held = 0
    for _ in range(40):
        real, fake = rng.standard_normal(300), 0.5 + rng.standard_normal(500)
        one = compare(real, fake, rng)
        assert one.distance == pytest.approx(stats.ks_2samp(real, fake)[0])
        held += one.low <= truth <= one.high
    assert held == 40, "the interval holds without assumptions and so is wide"


def test_false_alarms_keep_their_level_for_heavy_tails_and_ties() -> None:
    rng = np.random.default_rng(1)
    for draw in (lambda n: rng.standard_cauchy(n), lambda n: rng.poisson(2.0, n).astype(float)):
        p = [compare(draw(150), draw(400), rng).p_value for _ in range(300)]
        assert np.mean(np.array(p) <= 0.05) <= 0.08


def test_a_sample_that_is_one_constant_differs_and_equal_constants_do_not() -> None:
    rng = np.random.default_rng(2)
    assert compare(rng.standard_normal(200), np.zeros(200), rng).p_value < 1e-6
    one = compare(np.ones(200), np.ones(300), rng)
    assert (one.p_value, one.distance, one.floor) == (1, 0, 0)


def test_what_tells_the_difference_is_said_first() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal(2000), rng.standard_normal(3000)
    rare = [np.where(rng.random(n) < share, 1.0, 0.0) for n, share in ((2000, 0.1), (3000, 0.2))]
    cut = np.sort(y)[:-60]
    for sides, test, said in (
        ((x, 2 * y), "distance", "Kolmogorov-Smirnov distance 0.1"),
        ((x, y + 0.2), "shift", "mean 0.19"),
        (rare, "count", "0 in 79"),
        ((x, cut), "ends", "of the "),
    ):
        one = compare(*sides, rng)
        assert one.told_by == test
        assert one.said().startswith(said)


def test_a_histogram_counts_everything_and_its_ratio_is_that_of_the_shares() -> None:
    real, fake = np.array([0.1, 0.2, 1.1, 9.0]), np.array([0.1, 1.2, 1.3, 1.4, -8.0])
    made = histogram(real, fake, bins=3)
    assert (sum(made["real"]), sum(made["fake"])) == (4, 5)
    for r, f, ratio in zip(made["real"], made["fake"], made["ratio"], strict=True):
        assert ratio == (pytest.approx(f / 5 / (r / 4)) if r else None)


def test_whole_numbers_get_a_bin_each() -> None:
    made = histogram(np.array([0, 1, 1, 2.0]), np.array([1, 2, 2, 5.0]))
    assert made["edges"] == [-0.5, 0.5, 1.5, 2.5]
    assert made["real"] == [1, 2, 1]
    assert made["fake"] == [0, 1, 3]


@pytest.mark.parametrize("values", [[0.0, 200.0, 400.0], [1e9, 5e12]])
def test_whole_numbers_far_apart_share_bins_of_one_width(values: list[float]) -> None:
    made = histogram(np.repeat(values, 40), np.repeat(values, 10), bins=20)
    assert len(made["edges"]) == 21
    assert sorted(filter(None, made["real"])) == [40] * len(values)


@pytest.mark.filterwarnings("error")
def test_a_large_number_that_never_changes_has_a_histogram() -> None:
    still = np.full(100, 1.7e18)
    found = histogram(still, still)
    assert sum(found["real"]) == len(still)


def test_the_interval_of_the_farthest_of_many_shifts_holds_the_truth() -> None:
    held = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        looks = [compare(rng.normal(size=200), rng.normal(size=300), rng, together(20)) for _ in range(20)]
        farthest = max(looks, key=lambda one: abs(one.shift))
        held += farthest.shift_low <= 0 <= farthest.shift_high
    assert held >= 53
