"""Exact tests of regions: against scipy, by enumeration, and by simulation under the null."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.stats import fisher_exact, hypergeom

from allmodes.audit.regions import Regions, grow
from allmodes.audit.scan import _log_p, few, holm, scan


def test_few_is_fishers_exact_test() -> None:
    for x, y, n, m in ((0, 5, 20, 30), (3, 9, 40, 25), (7, 7, 20, 20)):
        expected = fisher_exact([[x, n - x], [y, m - y]], alternative="less").pvalue
        assert np.isclose(few(np.array([x]), np.array([y]), n, m)[0], expected)


def test_the_table_of_logarithms_is_few() -> None:
    rng = np.random.default_rng(0)
    n, m = 30, 50
    whole = np.array([1, 5, 20, 60])
    counts = np.stack([rng.hypergeometric(t, n + m - t, n, 40) for t in whole], 1)
    expected = hypergeom.cdf(counts, n + m, whole, n)
    assert np.allclose(np.exp(_log_p(counts, whole, n, m)), expected)


def test_holm_by_hand() -> None:
    assert np.allclose(holm(np.array([0.001, 0.04, 0.02, 0.5])), [0.004, 0.08, 0.06, 0.5])
    assert holm(np.array([])).tolist() == []


def three_regions() -> Regions:
    inside = np.array([[1, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 0]], bool)
    return Regions(inside, np.array([0.5, 0.3, 0.2]), np.zeros((4, 1)), np.arange(4))


def test_the_permutation_p_value_is_that_of_all_permutations() -> None:
    regions = three_regions()
    where = np.array([0, 0, 0, 1, 1, 2, 2, 2, 3, 3])
    n = 4

    def statistic(chosen: tuple[int, ...]) -> float:
        one = regions.count(where[list(chosen)])
        p = few(one, regions.count(where) - one, n, len(where) - n)
        return float((np.log(p) - np.log(regions.weight)).min())

    everything = np.array([statistic(chosen) for chosen in combinations(range(10), n)])
    for seen in ((3, 4, 8, 9), (0, 5, 8, 9), (5, 6, 7, 8)):
        exact = (everything <= statistic(seen) + 1e-9).mean()
        rest = np.delete(where, seen)
        found = scan(regions, where[list(seen)], rest, np.random.default_rng(0), draws=20_000)
        assert abs(found.least - exact) < 0.01


def test_p_values_of_the_scan_are_uniform_or_larger_when_both_samples_are_alike(plane) -> None:
    p_values = []
    for seed in range(200):
        sets = plane(seed, sizes=(150, 120, 120))
        regions = grow(sets.train, seed)
        found = scan(regions, regions.locate(sets.fake), regions.locate(sets.real), np.random.default_rng(seed), 99)
        p_values.append(found.least)
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(p_values) <= level) < level + 3 * np.sqrt(level * (1 - level) / 200)
    assert np.mean(np.array(p_values) <= 0.5) > 0.3  # and not so conservative that nothing would be seen


def test_a_region_that_is_never_visited_is_further_out_than_permutations_can_say() -> None:
    regions = three_regions()
    found = scan(regions, np.repeat([0, 1, 3], 50), np.repeat([0, 1, 2, 3], 50), np.random.default_rng(0))
    assert found.p_value.argmin() == 1
    assert found.least < 1e-6
    assert np.isclose(found.least, few(np.array([0]), np.array([50]), 150, 200)[0] / 0.3)
