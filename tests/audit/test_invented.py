"""What is invented: no false alarms, power, the right examples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from allmodes.audit.evidence import Part
from allmodes.audit.finding import Verdict
from allmodes.audit.invented import Flagged, _in_balls, invented, scan_balls
from allmodes.audit.sets import Sets
from allmodes.audit.verdict import claim
from allmodes.shares import percent

LEVEL = 0.05


def with_a_tenth_mode(plane, seed: int, share: float = 0.06):
    sets = plane(seed)
    rng = np.random.default_rng(seed)
    fake = sets.fake.copy()
    made = rng.choice(len(fake), round(share * len(fake)), replace=False)
    fake[made] = (np.array([1.0, 0.0]) + 0.1 * rng.standard_normal((len(made), 2))).astype(np.float32)
    return plane.sets(sets.train, sets.real, fake), made


def test_a_healthy_generator_invents_nothing_in_95_percent(plane) -> None:
    trials = 100
    found = [invented(plane(seed, sizes=(120, 150, 200)), LEVEL, seed).verdict for seed in range(trials)]
    assert found.count(Verdict.FOUND) <= LEVEL * trials + 2 * np.sqrt(LEVEL * trials)


def test_a_mode_that_does_not_exist_is_found_and_its_examples_named(plane) -> None:
    sets, made = with_a_tenth_mode(plane, 0)
    found = invented(sets, LEVEL, 0)
    assert found.verdict is Verdict.FOUND
    assert found.p_value < 1e-3
    assert abs(found.estimate - 0.06) < 0.03
    assert found.low <= 0.06 <= found.high
    shown = np.array(found.regions[0].fake_examples) - 3000
    assert np.isin(shown, made).mean() > 0.9
    first = sets.fake[shown[0]]
    assert found.regions[0].examples[0] - 2000 == np.square(sets.real - first).sum(1).argmin()
    assert found.regions[0].high < 0.02  # less of the data than of the samples


def test_a_mode_that_is_missing_is_not_called_invented(plane) -> None:
    verdicts = [invented(plane(seed, keep={0: 0.0}), LEVEL, seed).verdict for seed in range(30)]
    assert verdicts.count(Verdict.FOUND) <= 5


def test_dust_around_the_modes_is_seen_by_neighbours(plane) -> None:
    sets = plane(1, sizes=(300, 400, 400))
    rng = np.random.default_rng(1)
    fake = sets.fake.copy()
    fake[:100] = rng.uniform(-8, 8, (100, 2))
    found = invented(plane.sets(sets.train, sets.real, fake), LEVEL, 0)
    assert found.verdict is Verdict.FOUND
    assert found.figures["p_value_neighbours"] <= LEVEL / 2


def test_balls_p_values_are_uniform_or_larger_when_both_samples_are_alike() -> None:
    p_values = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        real, fake = rng.standard_normal((2, 80, 3)).astype(np.float32)
        p_values.append(scan_balls(real, fake, rng, draws=99).p_value)
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(p_values) <= level) < level + 3 * np.sqrt(level * (1 - level) / 150)


def test_balls_by_hand() -> None:
    # Twenty-five generated points far away: no held-out one is among the 20 nearest of any of them.
    real = np.arange(50, dtype=np.float32)[:, None]
    fake = np.concatenate((np.arange(25) + 0.5, 1000 + np.arange(25))).astype(np.float32)[:, None]
    found = scan_balls(real, fake, np.random.default_rng(0), draws=199)
    assert found.p_value < 0.05
    assert np.flatnonzero(found.hold(fake)).tolist() == list(range(25, 50))
    assert not found.hold(real).any()


def test_identical_samples_and_identical_points_are_no_invention(plane) -> None:
    sets = plane(2)
    same = invented(plane.sets(sets.train, sets.real, sets.real.copy()), LEVEL, 0)
    assert same.verdict is Verdict.NOT_FOUND
    point = np.zeros((150, 2), np.float32)
    assert invented(plane.sets(point, point, point), LEVEL, 0).verdict is Verdict.NOT_FOUND


def test_one_sample_over_and_over_is_an_invention(plane) -> None:
    sets = plane(3)
    found = invented(plane.sets(sets.train, sets.real, np.repeat(sets.fake[:1], 500, 0)), LEVEL, 0)
    assert found.verdict is Verdict.FOUND


def test_what_lies_between_the_data_is_measured_with_an_interval_that_holds() -> None:
    """Blur is seen by the balls alone; a fresh sample says how much more of it than of the data is in their reach."""
    held, trials = 0, 12
    for seed in range(trials):
        rng = np.random.default_rng(seed)
        real = rng.standard_normal((600, 12)).astype(np.float32)
        fake = (1.15 * rng.standard_normal((1200, 12))).astype(np.float32)
        order, again = rng.permutation(len(fake)), np.random.default_rng([seed, 1])
        sets = Sets(real, real, fake, False, *(np.arange(len(x)) for x in (real, real, fake)))
        group = _in_balls(sets, order, np.random.default_rng([seed, 2]), "cpu")
        half, made = np.random.default_rng([seed, 2]), len(real) // 2
        chosen = half.permutation(len(real))[:made]
        balls = scan_balls(real[chosen], fake[order[:made]], half)
        fresh = again.standard_normal((20_000, 12)).astype(np.float32)
        truth = balls.hold(fresh).mean() - balls.hold((1.15 * fresh).astype(np.float32)).mean()
        low, high = group.interval()
        held += low <= truth <= high
    assert held >= 10, "of 12 at 95 %, fewer than 10 happen in 2 %"


def test_what_the_other_half_does_not_confirm_is_no_negative_share(plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scan of all examples may reject where in balls that one half chooses the other half has more of the data."""
    sets = plane(0)
    seen = Flagged(1e-4, sets.real[:1], np.array([0.5]))
    monkeypatch.setattr("allmodes.audit.invented.scan_balls", lambda *given, **more: seen)
    monkeypatch.setattr(
        "allmodes.audit.invented._in_balls", lambda *given: Part(np.arange(9), np.arange(3), (100, 100), 0.95)
    )
    found = invented(sets, LEVEL, 0)
    assert (found.verdict, found.estimate, found.low, found.regions) == (Verdict.FOUND, 0, 0, ())
    assert "cannot be said" in found.summary
    assert claim(found) == "makes samples where the data have fewer"


@pytest.mark.parametrize(
    "drawn",
    [
        lambda rng, n: rng.integers(0, 10, (n, 1)),
        lambda rng, n: np.where(rng.random((n, 2)) < 0.7, 0, rng.exponential(size=(n, 2))),
        lambda rng, n: rng.random((n, 10)) < 0.5,
    ],
    ids=["whole numbers", "zeros", "bits"],
)
def test_examples_that_are_equally_near_raise_no_alarm(drawn: Callable[[np.random.Generator, int], np.ndarray]) -> None:
    p_values = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        p_values.append(scan_balls(*(drawn(rng, 400).astype(np.float32) for _ in range(2)), rng, draws=199).p_value)
    assert np.mean(np.array(p_values) <= 0.05) <= 0.12  # 0.05 expected, more in 1 % of all
    assert 0.3 < np.mean(p_values) < 0.7


def test_the_summary_has_the_shares_of_what_is_named(plane) -> None:
    sets, made = with_a_tenth_mode(plane, 0, share=0.1)
    sets.real[:3] = sets.fake[made[:3]] + np.float32(0.01)
    found = invented(sets, LEVEL, 0)
    mass, data = (sum(getattr(region, side) for region in found.regions) for side in ("fake_mass", "real_mass"))
    assert data > 0
    assert found.estimate == pytest.approx(mass - data)
    assert f"{percent(mass)} of the generated examples hold" in found.summary
    assert f"{percent(data)} of the data: {percent(mass - data)} is invented" in found.summary
    assert claim(found).startswith(f"invents {percent(found.estimate)} [")
    assert claim(found).endswith("of its samples")
    assert found.figures["p_value_tree"] < found.figures["p_value_neighbours"]
    assert found.figures["regions_tested"] < len(sets.fake) / 2
