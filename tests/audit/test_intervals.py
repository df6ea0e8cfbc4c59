"""Intervals by enumeration of all outcomes, and the table of what can hide."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from allmodes.audit.intervals import could_hide, difference, share


@pytest.mark.parametrize("n", [1, 7, 40])
def test_the_interval_of_a_share_covers_it_whatever_it_is(n: int) -> None:
    bounds = np.array([share(count, n) for count in range(n + 1)])
    for p in np.linspace(0, 1, 101):
        covered = (bounds[:, 0] <= p) & (p <= bounds[:, 1])
        assert binom.pmf(np.arange(n + 1), n, p)[covered].sum() >= 0.95


def test_the_interval_of_a_difference_covers_it_over_all_outcomes() -> None:
    n, m = 60, 120
    first, second = (np.array([share(count, size) for count in range(size + 1)]) for size in (n, m))
    bounds = np.array([[difference(i, n, j, m) for j in range(m + 1)] for i in range(n + 1)])
    assert np.allclose(bounds[n, 0], (1 - np.hypot(1 - first[n, 0], second[0, 1]), 1))
    for p in (0.0, 0.01, 0.05, 0.2, 0.5, 0.9):
        for q in (0.0, 0.002, 0.01, 0.05, 0.2, 0.5):
            chance = np.outer(binom.pmf(np.arange(n + 1), n, p), binom.pmf(np.arange(m + 1), m, q))
            covered = (bounds[..., 0] <= p - q + 1e-12) & (p - q - 1e-12 <= bounds[..., 1])
            assert chance[covered].sum() >= 0.95, (p, q)


def test_the_table_of_what_can_hide() -> None:
    # Percent of the data, at a family-wise 5 % over 200 regions, for m = n, 2 n, 5 n and 10 n generated.
    table = {
        500: (3.30, 2.34, 1.59, 1.33),
        1000: (1.66, 1.17, 0.80, 0.67),
        2000: (0.83, 0.59, 0.40, 0.33),
        5000: (0.33, 0.24, 0.16, 0.13),
        10000: (0.17, 0.12, 0.08, 0.07),
    }
    for n, row in table.items():
        assert [round(100 * could_hide(n, times * n), 2) for times in (1, 2, 5, 10)] == list(row)


def test_what_can_hide_by_simulation() -> None:
    from scipy.stats import hypergeom

    n, m, level, looks = 400, 800, 0.05, 50
    smallest = could_hide(n, m, level, looks)
    x = np.random.default_rng(0).binomial(n, smallest, 4000)
    found = hypergeom.cdf(0, n + m, x, m) <= level / looks
    assert abs(found.mean() - 0.9) < 0.02
    assert could_hide(20, 20, 1e-9, 200) == 1.0
