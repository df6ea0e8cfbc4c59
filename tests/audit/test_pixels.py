"""Each pixel by itself: exact, and what a dead one among hundreds shows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact

from allmodes.audit.exam import Exam, prepare
from allmodes.audit.finding import Verdict
from allmodes.audit.inputs import subject_of
from allmodes.audit.pixels import pixels
from allmodes.audit.questions import questions
from allmodes.audit.subject import Subject
from allmodes.shares import percent

LEVEL = 0.05


def spots(n: int, rng: np.random.Generator, shape: tuple[int, ...] = (9, 8)) -> np.ndarray:
    """Photons in a camera of which each pixel sees some in every third example, uint8."""
    rate = np.linspace(0.1, 0.7, int(np.prod(shape))).reshape(shape)
    return (rng.poisson(rate, (n, *shape)) * 40).clip(0, 255).astype(np.uint8)


def cameras(seed: int, shape: tuple[int, ...] = (9, 8)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    real, fake, train = (spots(n, rng, shape) for n in (300, 900, 300))
    return real, fake, train


def test_healthy_generators_raise_few_alarms() -> None:
    alarms = sum(pixels(subject_of(*cameras(seed)), LEVEL, seed).verdict is Verdict.FOUND for seed in range(40))
    assert alarms <= 5  # more happen in 1.4 %


def test_the_interval_of_the_clearest_of_many_pixels_holds_the_truth() -> None:
    held = 0
    for seed in range(40):
        found = pixels(subject_of(*cameras(seed)), LEVEL, seed)
        held += found.low <= 0 <= found.high  # type: ignore[operator]
    assert held >= 35


@pytest.mark.parametrize("shape", [(9, 8), (3, 9, 8), (9, 8, 3), (4, 3, 5)])
def test_a_dead_pixel_is_named_by_its_place_in_the_array(shape: tuple[int, ...]) -> None:
    real, fake, train = cameras(0, shape)
    place = tuple(size // 2 for size in shape)
    fake[(slice(None), *place)] = 0
    found = pixels(subject_of(real, fake, train), 0.003, 0)
    assert found.verdict is Verdict.FOUND
    assert found.figures["pixels"][0]["name"] == f"pixel [{', '.join(map(str, place))}]"
    assert np.array(found.figures["maps"]["fake"])[place] == 0
    assert found.low <= found.estimate <= found.high < 0  # type: ignore[operator]
    lit = subject_of(real, fake, train).real.x[(slice(None), *place)] > 0
    half = np.random.default_rng(0).permutation(len(lit))[: len(lit) // 2]
    assert found.floor == pytest.approx(abs(lit[half].mean() - np.delete(lit, half).mean()))


@pytest.mark.parametrize("paper", [False, True])
def test_a_hot_pixel_is_lit_in_all_samples(paper: bool) -> None:
    real, fake, train = (255 - x if paper else x for x in cameras(0))
    fake[:, 3, 4] = 255
    found = pixels(subject_of(real, fake, train), 0.003, 0)
    first = found.figures["pixels"][0]
    assert (first["name"], first["fake"]) == ("pixel [3, 4]", 1)
    assert first["real"] == pytest.approx((real[:, 3, 4] == 255).mean())


def test_p_values_are_fishers_over_the_pixels_that_change() -> None:
    real, fake, train = cameras(1)
    for x in (real, fake):
        x[:, :4] = 0  # 32 of 72 pixels
    found = pixels(subject_of(real, fake, train), LEVEL, 0)
    first = found.figures["pixels"][0]
    place = tuple(map(int, first["name"].strip("pixel []").split(", ")))
    a, b = ((x[(slice(None), *place)] > 0).sum() for x in (real, fake))
    one_sided = min(fisher_exact([[a, 300 - a], [b, 900 - b]], side).pvalue for side in ("less", "greater"))
    assert first["p_value"] == pytest.approx(min(1, 40 * 2 * one_sided))


def test_images_are_asked_for_pixels_and_tables_for_columns() -> None:
    def asked(subject: Subject) -> set[str]:
        return {*questions(Exam(*prepare(subject, "identity", 0, "cpu")))}

    rng = np.random.default_rng(0)
    assert {"pixels", "marginals"} & asked(subject_of(*cameras(0))) == {"pixels"}
    assert {"pixels", "marginals"} & asked(subject_of(*rng.standard_normal((3, 200, 4)))) == {"marginals"}


def test_shares_are_those_of_the_side_that_they_name_and_the_clearest_comes_first() -> None:
    real, fake, train = cameras(0)
    fake[:250, 3, 4] = 40
    found = pixels(subject_of(real, fake, train), LEVEL, 0)
    rows = found.figures["pixels"]
    shares = [float((x[:, 3, 4] > 0).mean()) for x in (real, fake)]
    assert (rows[0]["name"], rows[0]["real"], rows[0]["fake"]) == ("pixel [3, 4]", *shares)
    assert rows[0]["gap"] == found.estimate == pytest.approx(shares[1] - shares[0])
    assert [np.array(found.figures["maps"][side])[3, 4] for side in ("real", "fake")] == pytest.approx(shares, abs=1e-6)
    assert "1 of 72 pixels differ; clearest pixel [3, 4]" in found.summary
    assert f"lit in {percent(shares[0])} of the held-out and {percent(shares[1])} of the generated" in found.summary
    assert [(row["p_value"], -abs(row["gap"])) for row in rows] == sorted(
        (row["p_value"], -abs(row["gap"])) for row in rows
    )
    assert found.p_value is not None
    assert pixels(subject_of(real, fake, train), found.p_value / 2, 0).verdict is Verdict.NOT_FOUND


def test_the_floor_is_the_largest_difference_between_two_halves_of_the_held_out_examples() -> None:
    real, fake, train = cameras(0)
    order = np.random.default_rng(3).permutation(300)
    halves = [(real[rows] > 0).mean(0) for rows in np.split(order, 2)]
    assert pixels(subject_of(real, fake, train), LEVEL, 3).floor == pytest.approx(np.abs(halves[0] - halves[1]).max())
