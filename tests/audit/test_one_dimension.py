"""Two samples of one number: the interval holds the true distance, false alarms keep their level."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from allmodes.audit.intervals import together
from allmodes.audit.one_dimension import compare, histogram, usual_value
from allmodes.audit.tails import tails


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


def test_a_zero_below_nothing_is_nothing() -> None:
    zeros = np.where(np.arange(300) < 250, -0.0, 1.0)
    assert str(usual_value(zeros, zeros)) == "0.0"


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


@pytest.mark.filterwarnings("error")
def test_rare_ones_are_compared_without_a_warning() -> None:
    few, more = np.repeat([0.0, 1.0], [501, 499]), np.repeat([0.0, 1.0], [500, 500])
    assert compare(few, more, np.random.default_rng(0)).p_value > 0.5


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


def test_means_spreads_and_intervals_are_those_of_the_side_that_they_name() -> None:
    rng = np.random.default_rng(0)
    real, fake = rng.normal(1, 2, 300), rng.normal(2, 3, 500)
    one = compare(real, fake, rng, 0.9)
    assert (one.mean_real, one.mean_fake) == pytest.approx((real.mean(), fake.mean()))
    assert (one.spread_real, one.spread_fake) == pytest.approx((real.std(ddof=1), fake.std(ddof=1)))
    assert one.high - one.distance == pytest.approx(sum(np.sqrt(np.log(40) / (2 * n)) for n in (300, 500)))
    assert one.shift_high - one.shift == pytest.approx(1.645 * np.sqrt(real.var() / 300 + fake.var() / 500), rel=0.01)
    assert 0 < one.floor < one.distance / 2


def test_the_bulk_has_nine_tenths_of_the_level_for_two_tests_and_the_ends_have_the_rest() -> None:
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal((2, 400))
    long = np.r_[fake, 9 + np.arange(20.0)]
    bulk, ends = compare(real, fake + 0.3, rng), compare(real, long, rng)
    alone = stats.ks_2samp(real, fake + 0.3).pvalue, stats.mannwhitneyu(real, fake + 0.3, method="asymptotic").pvalue
    assert bulk.p_value == pytest.approx(2 / 0.9 * min(alone), abs=0)
    assert ends.p_value == pytest.approx(10 * tails(real, long).p_value, abs=0)


def test_the_value_of_half_of_both_samples_is_the_usual_one() -> None:
    assert usual_value(np.array([0.0, 0, 0, 1, 2]), np.array([0.0, 3, 0])) == 0
    assert usual_value(np.array([0.0, 1, 2]), np.array([0.0, 3])) is None


def test_the_error_of_a_ratio_is_that_of_its_two_counts() -> None:
    made = histogram(np.repeat([0.0, 1, 2], [4, 9, 1]), np.repeat([0.0, 1], [16, 4]))
    assert (made["n"], made["m"]) == (14, 20)
    ratios = [16 / 20 / (4 / 14), 4 / 20 / (9 / 14)]
    assert made["ratio"] == pytest.approx([*ratios, 0])
    assert made["error"][:2] == pytest.approx([ratios[0] * (1 / 4 + 1 / 16) ** 0.5, ratios[1] * (1 / 9 + 1 / 4) ** 0.5])
    assert made["error"][2] == pytest.approx(1 / 20 / (1 / 14) * 2**0.5), "of one event where there is none"


def test_bins_span_all_but_the_outermost_thousandth_of_the_real_sample() -> None:
    edges = histogram(np.linspace(0, 1, 10_001), np.array([-5.0, 5.0]))["edges"]
    assert (edges[0], edges[-1]) == pytest.approx((0.001, 0.999), abs=1e-3)
