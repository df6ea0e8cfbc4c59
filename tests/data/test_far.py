"""Far values: codes and slips are found, and the tails of honest distributions are not taken for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from allmodes.data.far import Far, far_values

Draw = Callable[[np.random.Generator, int], np.ndarray]

HONEST: dict[str, Draw] = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "log-normal over decades": lambda rng, n: rng.lognormal(0, 2, n),
    "Student's t with 2 degrees of freedom": lambda rng, n: rng.standard_t(2, n),
    "exponential": lambda rng, n: rng.exponential(1, n),
    "rare counts": lambda rng, n: rng.poisson(0.1, n),
    "overdispersed counts": lambda rng, n: rng.negative_binomial(0.2, 0.02, n),
    "counts over decades": lambda rng, n: rng.poisson(rng.lognormal(0, 2, n)),
    "mostly zero": lambda rng, n: rng.exponential(1, n) * (rng.random(n) < 0.1),
    "zeros far from the rest": lambda rng, n: rng.normal(1000, 1, n) * (rng.random(n) < 0.95),
    "saturated": lambda rng, n: rng.lognormal(0, 2, n).clip(max=20),
    "a rare narrow mode": lambda rng, n: rng.normal(0, 0.01, n) + (rng.random(n) < 0.03),
}


@pytest.mark.parametrize("draw", HONEST.values(), ids=HONEST)
@pytest.mark.parametrize("n", [100, 1000])
def test_tails_are_not_far_values(draw: Draw, n: int) -> None:
    rng = np.random.default_rng(0)
    assert [far for _ in range(300) if (far := far_values(draw(rng, n)))] == []


@pytest.mark.parametrize("draw", HONEST.values(), ids=HONEST)
@pytest.mark.parametrize("share", [0.01, 0.04])
def test_a_code_is_found_in_any_of_them(draw: Draw, share: float) -> None:
    rng = np.random.default_rng(0)
    x, coded = draw(rng, 2000), rng.random(2000) < share
    size = np.abs(x).max()
    far = far_values(np.where(coded, -1000 * size, x))
    assert far
    assert (far.count, far.value, far.alike) == (coded.sum(), -1000 * size, True)


def test_a_slip_in_one_row_is_found() -> None:
    x = np.random.default_rng(0).lognormal(0, 2, 1000)
    x[7] = 1e30
    far = far_values(x)
    others = np.delete(x, 7)
    assert far == Far(1, 1e30, True, np.median(x), np.abs(others - np.median(x)).max())


def test_a_code_may_be_nearly_half_of_the_values() -> None:
    x = np.random.default_rng(0).standard_normal(1000)
    x[:480] = -9999
    assert (far := far_values(x))
    assert (far.count, far.alike) == (480, True)


def test_codes_that_differ_are_found_together() -> None:
    x = np.random.default_rng(0).standard_normal(1000)
    x[:4], x[4:7] = -999, 9999
    far = far_values(x)
    assert far
    assert (far.count, far.value, far.alike) == (7, 9999, False)


def test_numbers_that_are_not_finite_take_no_part() -> None:
    x = np.random.default_rng(0).standard_normal(1000)
    x[:9], x[9:20] = np.inf, np.nan
    assert far_values(x) is None
    assert far_values(np.full(1000, 7.0)) is None
    assert far_values(np.array([*range(50), 1e9])) is None
