from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from allmodes.audit import coverage as module
from allmodes.audit import tiles
from allmodes.audit.coverage import coverage, coverage_null, overlap
from allmodes.audit.finding import Verdict
from allmodes.audit.sets import Sets


def drawn(n: int, d: int, seed: int, scale: float = 1.0) -> np.ndarray:
    return (scale * np.random.default_rng(seed).standard_normal((n, d))).astype(np.float32)


def by_definition(real: np.ndarray, fake: np.ndarray, k: int) -> dict[str, float]:
    """The four figures from all distances in float64, as the papers write them."""
    real, fake = real.astype(np.float64), fake.astype(np.float64)
    radius_real, radius_fake = (np.sort(cdist(x, x), axis=1)[:, k] for x in (real, fake))
    between = cdist(real, fake)
    return {
        "precision": (between < radius_real[:, None]).any(0).mean(),
        "recall": (between < radius_fake[None]).any(1).mean(),
        "density": (between < radius_real[:, None]).sum(0).mean() / k,
        "coverage": (between.min(1) < radius_real).mean(),
    }


def sets(real: np.ndarray, fake: np.ndarray) -> Sets:
    rows = [np.arange(len(x)) for x in (real, real, fake)]
    return Sets(real, real, fake, False, *rows)


@pytest.mark.parametrize("d", [2, 20, 500])
@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_figures_are_those_of_the_papers(monkeypatch: pytest.MonkeyPatch, d: int, k: int, offset: float) -> None:
    monkeypatch.setattr(module, "TILE_BYTES", 50_000)
    monkeypatch.setattr(module, "ROWS", 30)
    monkeypatch.setattr(tiles, "SCRATCH", 1_000)
    real, fake = offset + drawn(300, d, 0), offset + drawn(200, d, 1, 0.9)
    found = {name: figure.value for name, figure in overlap(real, fake, k=k).figures().items()}
    assert found == pytest.approx(by_definition(real, fake, k), abs=1e-12)


def test_what_float32_cannot_decide_is_decided_exactly() -> None:
    """Balls whose rim passes through other examples, an outlier beside them: every decision is a close one."""
    grid = np.stack(np.meshgrid(np.arange(12), np.arange(12)), -1).reshape(-1, 2).astype(np.float32) / 1000
    real, fake = np.concatenate((grid, [[1e3, 0]])), np.concatenate((grid[:70], grid[70:] + 5e-7))
    found = {name: figure.value for name, figure in overlap(real, fake, k=4).figures().items()}
    assert found == pytest.approx(by_definition(real, fake, 4), abs=1e-12)


def test_null_trap_improved_precision_of_the_truth_against_itself_falls_with_the_dimension() -> None:
    found = [overlap(drawn(2000, d, 0), drawn(2000, d, 1), k=3).figures()["precision"].value for d in (2, 20, 64)]
    assert found == pytest.approx([0.97, 0.77, 0.63], abs=0.04)
    floors = [coverage(sets(drawn(2000, d, 0), drawn(2000, d, 1)), k=3)[0].floor for d in (2, 20, 64)]
    assert floors == pytest.approx(found, abs=0.06)  # and the floor says so


@pytest.mark.parametrize(("n", "m", "k"), [(200, 200, 5), (300, 100, 3)])
def test_null_of_coverage_is_its_mean_over_draws_of_one_distribution(n: int, m: int, k: int) -> None:
    values = [overlap(drawn(n, 3, 2 * s), drawn(m, 3, 2 * s + 1), k=k).figures()["coverage"].value for s in range(60)]
    error = np.std(values) / np.sqrt(60)
    assert abs(np.mean(values) - coverage_null(n, m, k)) < 3.5 * error


@pytest.mark.parametrize("name", ["precision", "recall", "density", "coverage"])
def test_standard_errors_are_the_spread_over_draws(name: str) -> None:
    figures = [overlap(drawn(300, 16, 2 * s), drawn(300, 16, 2 * s + 1, 1.2)).figures()[name] for s in range(40)]
    spread = np.std([figure.value for figure in figures], ddof=1)
    assert 0.6 < np.mean([figure.error for figure in figures]) / spread < 2


def test_a_healthy_generator_is_at_its_floor_and_a_shrunken_one_is_not() -> None:
    real = drawn(800, 10, 0)
    for finding in coverage(sets(real, drawn(1200, 10, 1))):
        assert finding.verdict is Verdict.NOT_FOUND
        assert finding.level == 0
        assert finding.p_value is None
        assert finding.floor is not None
    shrunken = {finding.name: finding for finding in coverage(sets(real, drawn(1200, 10, 1, 0.5)))}
    assert shrunken["recall"].verdict is shrunken["density"].verdict is Verdict.FOUND
    assert shrunken["density"].estimate is not None
    assert shrunken["density"].estimate > 1.5
    assert shrunken["density"].figures["null"] == 1


def test_collapse_to_one_example() -> None:
    real, fake = drawn(300, 5, 0), np.zeros((300, 5), np.float32)
    found = {name: figure.value for name, figure in overlap(real, fake).figures().items()}
    assert found == pytest.approx(by_definition(real, fake, 5))
    assert found["recall"] == 0


def test_too_few_examples_say_nothing() -> None:
    assert {f.verdict for f in coverage(sets(drawn(99, 2, 0), drawn(500, 2, 1)))} == {Verdict.CANNOT_TELL}


def test_a_perfect_generator_stands_beside_density_and_coverage() -> None:
    found = {one.name: one.figures.get("null") for one in coverage(sets(drawn(300, 3, 0), drawn(120, 3, 1)), k=3)}
    assert found == {"precision": None, "recall": None, "density": 1, "coverage": coverage_null(300, 120, 3)}
