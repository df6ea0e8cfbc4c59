"""Collapse inside modes: exact labels, no false alarms, power."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.stats import mannwhitneyu

from allmodes.audit.finding import Verdict
from allmodes.audit.intervals import difference
from allmodes.audit.spacing import _equal, _spacings, spacing

LEVEL = 0.05


def collapsed(plane, seed: int, group: int = 4):
    sets = plane(seed)
    fake = sets.fake.copy()
    at = np.flatnonzero(plane.group(fake) == group)
    fake[at] = fake[np.random.default_rng(seed).choice(at[:3], len(at))]
    return plane.sets(sets.train, sets.real, fake)


def test_a_healthy_generator_is_not_called_collapsed_in_95_percent(plane) -> None:
    trials = 60
    found = [spacing(plane(seed, sizes=(200, 150, 200)), LEVEL, seed).verdict for seed in range(trials)]
    assert found.count(Verdict.FOUND) <= LEVEL * trials + 2 * np.sqrt(LEVEL * trials)


def test_a_rank_test_inside_the_cell_cries_wolf() -> None:
    # The trap: nearest-neighbour distances share points, and are no independent sample.
    alarms = 0
    for seed in range(200):
        real, fake = np.random.default_rng(seed).standard_normal((2, 30, 30))
        near = [np.sort(np.linalg.norm(x[:, None] - x, axis=2) + 1e9 * np.eye(30), 1)[:, 0] for x in (real, fake)]
        alarms += mannwhitneyu(near[1], near[0], alternative="less").pvalue < LEVEL
    assert alarms > 0.08 * 200


def test_one_mode_as_three_points_is_found_in_its_cell(plane) -> None:
    sets = collapsed(plane, 0)
    found = spacing(sets, LEVEL, 0)
    assert found.verdict is Verdict.FOUND
    assert len(found.regions) == 1
    examples = np.array(found.regions[0].examples) - 2000
    assert set(np.flatnonzero(plane.group(sets.real) == 4)) <= set(examples)
    assert found.figures["ratio"] < 0.1
    assert np.isclose(found.estimate, len(examples) / 300)
    assert sum(spacing(collapsed(plane, seed), LEVEL, seed).verdict is Verdict.FOUND for seed in range(1, 11)) == 10


def test_a_mode_that_is_missing_is_no_collapse_inside_one(plane) -> None:
    sizes = (600, 500, 1000)
    found = [spacing(plane(seed, sizes, keep={1: 0.0, 2: 0.2}), LEVEL, seed).verdict for seed in range(20)]
    assert found.count(Verdict.FOUND) <= 4


def test_the_statistic_by_hand_and_over_all_labels() -> None:
    x = np.array([[0.0], [1.0], [3.0], [10.0], [10.5], [14.0]])
    n = len(x)

    def statistic(fake: tuple[int, ...]) -> float:
        total = 0.0
        for i in range(n):
            own = [j for j in range(n) if j != i and (j in fake) == (i in fake)]
            total += (1 if i in fake else -1) * np.log(min(abs(x[i, 0] - x[j, 0]) for j in own))
        return 2 / n * total

    drawn = _spacings(x, np.zeros(3, int), 999, np.random.default_rng(0))
    assert np.isclose(drawn[0], statistic((3, 4, 5)))
    every = np.sort([statistic(fake) for fake in combinations(range(n), 3)])
    assert np.isclose(drawn[:, None], every).any(1).all()
    counts = np.isclose(np.unique(every.round(9))[:, None], drawn).sum(1)
    chance = np.isclose(np.unique(every.round(9))[:, None], every).mean(1)
    assert np.abs(counts / 1000 - chance).max() < 0.05


def test_labels_are_permuted_inside_the_parts_alone() -> None:
    x = np.array([[0.0], [1.0], [100.0], [0.5], [3.0], [104.0]])

    def statistic(fake: set[int]) -> float:
        total = 0.0
        for i in range(6):
            near = min(abs(x[i, 0] - x[j, 0]) for j in range(6) if j != i and (j in fake) == (i in fake))
            total += (1 if i in fake else -1) * np.log(near)
        return total / 3

    drawn = _spacings(x, np.array([0, 0, 1]), 999, np.random.default_rng(0))
    allowed = [statistic({*two, one}) for two in combinations((0, 1, 3, 4), 2) for one in (2, 5)]
    assert np.isclose(drawn[:, None], allowed).any(1).all()
    assert len(np.unique(drawn.round(9))) == len(np.unique(np.round(allowed, 9)))


def test_parts_are_matched_and_what_one_sample_lacks_is_left_out() -> None:
    rows, rng = (np.arange(10), 100 + np.arange(20)), np.random.default_rng(0)
    parts = np.array([0] * 6 + [1] * 4), np.array([0] * 5 + [2] * 15)
    some = _equal(rows, parts, rng)
    assert some.part.tolist() == [0] * 5
    assert set(some.real) <= set(range(6))
    assert sorted(some.fake) == [100, 101, 102, 103, 104]


def test_a_cell_that_lacks_one_of_its_modes_is_no_collapse(plane) -> None:
    # With 300 held-out examples a cell holds more than one mode.
    found = [spacing(plane(seed, sizes=(1000, 250, 1000), keep={1: 0.0, 2: 0.0}), LEVEL, seed) for seed in range(20)]
    assert sum(f.verdict is Verdict.FOUND for f in found) <= 4


def test_duplicates_in_the_data_itself_are_no_collapse(plane) -> None:
    bits = [np.random.default_rng(seed).integers(0, 2, (400, 6)).astype(np.float32) for seed in range(3)]
    assert spacing(plane.sets(*bits), LEVEL, 0).verdict is Verdict.NOT_FOUND


def test_cells_that_get_no_samples_cannot_be_told(plane) -> None:
    sets = plane(0, sizes=(400, 1500, 1500))
    left, right = sets.real[sets.real[:, 0] < -1], sets.fake[sets.fake[:, 0] > 1]
    found = spacing(plane.sets(sets.train, left, right), LEVEL, 0)
    assert found.verdict is Verdict.CANNOT_TELL


def test_cells_that_collapse_are_shown_with_their_own_samples_and_intervals_that_hold_together(plane) -> None:
    sets = collapsed(plane, 0)
    at = np.flatnonzero(plane.group(sets.fake) == 0)
    sets.fake[at] = 0.7 * sets.fake[at].mean(0) + 0.3 * sets.fake[at]
    found = spacing(sets, LEVEL, 0)
    assert len(found.regions) == found.figures["cells_found"] == 2
    assert found.figures["ratio"] < 0.1, "the smallest, not that of the mode that is only shrunken"
    assert f"2 of {found.figures['cells']} cells, with {100 * found.estimate:.1f} % of the data" in found.summary
    for region in found.regions:
        groups = plane.group(sets.real[np.array(region.examples) - 2000])
        assert np.isin(plane.group(sets.fake[np.array(region.fake_examples) - 3000]), groups).all()
        counts = round(300 * region.real_mass), 300, round(600 * region.fake_mass), 600
        assert (region.low, region.high) == difference(*counts, 0.975)
