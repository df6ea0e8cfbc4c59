from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.stats import wasserstein_distance

from allmodes.audit import distances as module
from allmodes.audit.distances import distances, frechet, kernel_distance, sliced_wasserstein
from allmodes.audit.finding import Verdict
from allmodes.audit.floors import Figure, informed
from allmodes.audit.moments import Moments, frechet_few, frechet_moments, merged
from allmodes.audit.sets import Sets


def drawn(n: int, d: int, seed: int, shift: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(99).standard_normal((d, d)) / math.sqrt(d) + np.eye(d)
    return (shift + (1 + shift) * rng.standard_normal((n, d)) @ mix).astype(np.float32)


def sets(real: np.ndarray, fake: np.ndarray) -> Sets:
    return Sets(real, real, fake, False, *[np.arange(len(x)) for x in (real, real, fake)])


def by_root(x: np.ndarray, y: np.ndarray) -> float:
    """The definition, with the root of a matrix that is not symmetric."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    a, b = np.cov(x.T), np.cov(y.T)
    root = np.trace(sqrtm(a @ b)).real
    return float(np.square(x.mean(0) - y.mean(0)).sum() + np.trace(a) + np.trace(b) - 2 * root)


def test_frechet_distance_is_its_definition() -> None:
    x, y = drawn(300, 12, 0), drawn(250, 12, 1, 0.2)
    assert frechet(x, y).value == pytest.approx(by_root(x, y), rel=1e-8)


@pytest.mark.parametrize(("n", "m"), [(30, 60), (60, 30), (30, 500)])
def test_fewer_examples_than_features_need_no_large_matrix_and_give_the_same(n: int, m: int) -> None:
    x, y = drawn(n, 40, 0), drawn(m, 40, 1, 0.2)
    assert frechet_few(x, y) == pytest.approx(frechet_moments(Moments.of(x), Moments.of(y))[0], rel=1e-6)


def test_frechet_distance_of_gaussians_that_are_known() -> None:
    a, b = np.diag([1.0, 4.0]), np.diag([9.0, 1.0])
    value, carry = frechet_moments(Moments(11, np.zeros(2), 10 * a), Moments(11, np.array([3.0, 4.0]), 10 * b))
    assert value == pytest.approx(25 + (1 - 3) ** 2 + (2 - 1) ** 2)
    np.testing.assert_allclose(carry @ a @ carry, b, atol=1e-12)


def test_shards_merge_to_the_whole() -> None:
    x = 1e4 + drawn(1000, 6, 0)
    whole = merged(Moments.of(part) for part in np.split(x, [1, 17, 600]))
    np.testing.assert_allclose(whole.covariance, np.cov(x.astype(np.float64).T), rtol=1e-9)
    np.testing.assert_allclose(whole.mean, x.mean(0, dtype=np.float64), rtol=1e-14)


def test_null_trap_the_frechet_distance_of_the_truth_is_not_0() -> None:
    d, n = 64, 1000
    rng = np.random.default_rng(0)
    value = frechet(rng.standard_normal((n, d)), rng.standard_normal((n, d))).value
    assert value == pytest.approx((d * d / 4 + d) * 2 / n, rel=0.1)


def by_pairs(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x.astype(np.float64), y.astype(np.float64)
    kxx, kyy, kxy = ((a @ b.T / x.shape[1] + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    n, m = len(x), len(y)
    return float(
        (kxx.sum() - np.trace(kxx)) / (n * (n - 1)) + (kyy.sum() - np.trace(kyy)) / (m * (m - 1)) - 2 * kxy.mean()
    )


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_kernel_distance_is_its_definition(monkeypatch: pytest.MonkeyPatch, offset: float) -> None:
    monkeypatch.setattr(module, "TILE_BYTES", 4000)
    x, y = offset + drawn(150, 10, 0), offset + drawn(130, 10, 1, 0.1)
    found = kernel_distance(x, y)
    assert found.value == pytest.approx(by_pairs(x, y), rel=1e-5, abs=0.001 * found.error)


def test_kernel_distance_has_no_bias() -> None:
    values = [kernel_distance(drawn(60, 5, 2 * s), drawn(80, 5, 2 * s + 1)).value for s in range(100)]
    assert abs(np.mean(values)) < 3.5 * np.std(values) / 10


def test_sliced_wasserstein_of_one_dimension_is_known() -> None:
    x, y = np.arange(10.0)[:, None], 3 + np.arange(10.0)[:, None]
    assert sliced_wasserstein(x, y).value == pytest.approx(3)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((70, 1)), 1 + rng.standard_normal((45, 1))
    repeated = np.sqrt(np.square(np.sort(np.repeat(x, 45)) - np.sort(np.repeat(y, 70))).mean())
    assert sliced_wasserstein(x, y).value == pytest.approx(repeated)
    assert sliced_wasserstein(x, y).value >= wasserstein_distance(x[:, 0], y[:, 0])


def test_sliced_wasserstein_of_a_shift_is_its_length_over_the_root_of_the_dimension() -> None:
    x = drawn(500, 50, 0)
    assert sliced_wasserstein(x, x + 2, slices=2000).value == pytest.approx(2, rel=0.05)


MEASURES = {"frechet": frechet, "kernel": kernel_distance, "sliced_wasserstein": sliced_wasserstein}


@pytest.mark.parametrize("shift", [0.0, 0.3])
@pytest.mark.parametrize("name", MEASURES)
def test_standard_errors_are_the_spread_over_draws(name: str, shift: float) -> None:
    figures = [MEASURES[name](drawn(200, 8, 2 * s), drawn(300, 8, 2 * s + 1, shift)) for s in range(50)]
    ratio = np.mean([figure.error for figure in figures]) / np.std([figure.value for figure in figures], ddof=1)
    assert 0.7 < ratio < (1.3 if shift else 2)  # cautious where nothing differs: influences vanish there


def test_error_trap_the_spread_of_subsets_is_no_standard_error_of_a_kernel_distance() -> None:
    """What tools print as the deviation of a kernel distance is that of its subsets, several times the true error."""
    x, y = drawn(1000, 8, 0), drawn(1000, 8, 1, 0.05)
    rng = np.random.default_rng(0)
    subsets = [kernel_distance(rng.choice(x, 100), rng.choice(y, 100)).value for _ in range(30)]
    true = np.std([kernel_distance(drawn(1000, 8, 2 * s), drawn(1000, 8, 2 * s + 1, 0.05)).value for s in range(20)])
    assert np.std(subsets) > 2 * true
    assert kernel_distance(x, y).error == pytest.approx(true, rel=0.6)


def test_a_healthy_generator_is_at_its_floor_and_another_is_not() -> None:
    real = drawn(600, 10, 0)
    for finding in distances(sets(real, drawn(900, 10, 1))):
        assert finding.verdict is Verdict.NOT_FOUND
        assert finding.level == 0
        assert finding.floor is not None
    for finding in distances(sets(real, drawn(900, 10, 1, 0.3))):
        assert finding.verdict is Verdict.FOUND
        assert finding.low is not None
        assert finding.estimate is not None
        assert finding.low < finding.estimate
        assert finding.figures["at_floor_size"] > finding.floor


def test_constant_columns_and_one_repeated_example_have_distances() -> None:
    real = drawn(200, 6, 0)
    real[:, 2] = 1
    for measure in MEASURES.values():
        figure = measure(real, np.repeat(real[:1], 150, axis=0))
        assert isinstance(figure, Figure)
        assert math.isfinite(figure.value)
        assert math.isfinite(figure.error)
    assert frechet(real, real).value == pytest.approx(0, abs=1e-9)
    assert sliced_wasserstein(real, real).value == 0


def test_nothing_draws_from_global_generators() -> None:
    state, legacy = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    distances(sets(drawn(200, 4, 0), drawn(200, 4, 1)))
    assert torch.equal(state, torch.get_rng_state())
    np.testing.assert_array_equal(legacy, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize(("n", "m"), [(30, 30), (20, 400), (400, 20)])
def test_standard_errors_of_fewer_examples_than_features_are_the_spread_over_draws(n: int, m: int) -> None:
    figures = [frechet(drawn(n, 40, 2 * s), drawn(m, 40, 2 * s + 1, 0.3)) for s in range(60)]
    ratio = np.mean([figure.error for figure in figures]) / np.std([figure.value for figure in figures], ddof=1)
    assert 0.7 < ratio < 1.6


def test_kernel_and_slices_are_named_with_their_numbers() -> None:
    found = {one.name: one.figures for one in distances(sets(drawn(200, 4, 0), drawn(200, 4, 1)))}
    assert found["kernel"]["kernel"] == "(x.y / 4 + 1)^3"
    assert found["sliced_wasserstein"]["slices"] == module.SLICES


@pytest.mark.parametrize(("m", "size"), [(200, 150), (120, 120)])
def test_a_figure_stands_beside_its_floor_and_itself_at_the_floors_size(m: int, size: int) -> None:
    """Real examples are 0 and generated ones 2, so that a figure tells what it was measured of."""

    def measure(real: np.ndarray, fake: np.ndarray) -> dict[str, Figure]:
        return {"far": Figure(100 * float(fake.mean()) + len(real), float(fake.mean()) + 1 / len(fake))}

    given = sets(np.zeros((300, 1)), np.full((m, 1), 2.0))
    (found,) = informed(given, 0, measure, {"far": "distance"}, {}, {"far": (499, math.inf)})
    assert (found.estimate, found.floor, found.low) == (500, size, 499)
    assert found.high == pytest.approx(500 + 1.96 * (2 + 1 / m), abs=0.01)
    assert found.figures == {
        "standard_error": 2 + 1 / m,
        "floor_error": 1 / size,
        "at_floor_size": 200 + size,
        "at_floor_size_error": 2 + 1 / size,
        "floor_size": size,
        "n_real": 300,
        "n_fake": m,
    }
    assert f"of 300 held-out and {m} generated examples is 500.0 [499.0, 503.9]" in found.summary
    assert f"with {size} a side it is {200 + size}, and {size} between two halves of the real data" in found.summary
