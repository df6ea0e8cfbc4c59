"""A second map through the compared examples: blind to which are generated, and what it alone sees."""

from __future__ import annotations

import numpy as np
import pytest

from allmodes.audit.finding import Verdict
from allmodes.audit.intervals import difference
from allmodes.audit.joint import MOST_COMPARED, join, map_count, through
from allmodes.audit.missing import missing
from allmodes.audit.regions import chart
from allmodes.audit.scan import scan
from allmodes.audit.sets import Sets

LEVEL = 0.05
FAR = np.array([6.0, 6.0])


def with_a_small_group(plane, seed: int, share: float, sizes: tuple[int, int, int] = (120, 500, 500)) -> Sets:
    """A share of the real examples lies where no generated one is; too few of the training ones to make a region."""
    sets = plane(seed, sizes)
    rng = np.random.default_rng([seed, 1])
    for x, n in ((sets.train, sizes[0]), (sets.real, sizes[1])):
        some = np.flatnonzero(rng.random(n) < share)
        x[some] = FAR + 0.1 * rng.standard_normal((len(some), 2))
    return sets


def far(x: np.ndarray) -> np.ndarray:
    return np.square(x - FAR).sum(1) < 4


def groups(sets: Sets, on: object) -> set[frozenset[tuple[float, float]]]:
    """Each region of the joint map as the compared examples in it."""
    joint = join(sets, on, np.random.default_rng(0))  # type: ignore[arg-type]
    x = np.concatenate((sets.real, sets.fake))
    inside = joint.cover.inside[np.concatenate((joint.real, joint.fake))]
    return {frozenset(map(tuple, x[column].tolist())) for column in inside.T}


def test_the_map_does_not_know_which_examples_are_generated(plane) -> None:
    sets = plane(0, (200, 150, 250), keep={3: 0.2})
    x = np.random.default_rng(1).permutation(np.concatenate((sets.real, sets.fake)))
    mixed = plane.sets(sets.train, x[:150], x[150:])
    assert groups(sets, chart(sets, 0)) == groups(mixed, chart(mixed, 0))


def test_both_maps_are_in_it_with_half_of_the_attention_each(plane) -> None:
    sets = plane(0, (200, 150, 250))
    on = chart(sets, 0)
    joint = join(sets, on, np.random.default_rng(0))
    first = len(on.regions)
    assert len(joint.cover) > first
    assert np.isclose(joint.cover.weight[:first].sum(), 0.5)
    assert np.isclose(joint.cover.weight.sum(), 1)
    assert (joint.cover.inside[joint.real, :first] == on.regions.inside[on.real]).all()
    assert (joint.cover.inside[joint.fake, :first] == on.regions.inside[on.fake]).all()


def test_large_sets_have_the_chart_alone(plane) -> None:
    assert [map_count(300, m) for m in (MOST_COMPARED - 300, MOST_COMPARED - 299)] == [2, 1]
    sets = plane(0, (200, 400, 700))
    on = chart(sets, 0)
    joint = join(sets, on, np.random.default_rng(0))
    assert joint.cover is on.regions
    assert joint.real is on.real


def test_p_values_of_both_maps_are_uniform_or_larger_when_both_samples_are_alike(plane) -> None:
    p_values = []
    for seed in range(200):
        sets = plane(seed, (100, 120, 120))
        joint = join(sets, chart(sets, seed), np.random.default_rng(seed))
        p_values.append(scan(joint.cover, joint.fake, joint.real, np.random.default_rng(seed), draws=199).least)
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(p_values) <= level) <= level + 2.5 * np.sqrt(level * (1 - level) / 200)


def test_a_group_that_is_too_small_for_the_chart_is_found_shown_and_measured(plane) -> None:
    for seed in range(10):
        sets = with_a_small_group(plane, seed, 0.04)
        found = missing(sets, LEVEL, seed)
        assert found.verdict is Verdict.FOUND
        region = found.regions[0]
        assert not region.certified
        assert sorted(region.examples) == (2000 + np.flatnonzero(far(sets.real))).tolist()
        assert region.fake_mass == 0
        assert region.low <= 0.04 <= region.high
        assert found.low <= found.estimate <= found.high


def test_intervals_of_a_map_through_the_examples_cover_though_it_bends_to_them(plane) -> None:
    missed = 0
    for seed in range(60):
        sets = plane(seed, (100, 150, 150), keep={4: 0.0})
        second, atoms = through(np.concatenate((sets.real, sets.fake)), sets.train, np.random.default_rng(seed))
        p, q = (
            second.count(second.locate(plane.draw(4000, np.random.default_rng([seed, 2]), keep))) / 4000
            for keep in (None, {4: 0.0})
        )
        counts = second.count(atoms[:150]), second.count(atoms[150:])
        for j in range(len(second)):
            low, high = difference(counts[0][j], 150, counts[1][j], 150, 1 - 0.05 * second.weight[j] / 2)
            missed += not low <= p[j] - q[j] <= high
    assert missed == 0


@pytest.mark.parametrize("seed", range(3))
def test_without_the_second_map_it_could_not_be_seen(seed: int, plane) -> None:
    sets = with_a_small_group(plane, seed, 0.04)
    on = chart(sets, seed)
    assert scan(on.regions, on.fake, on.real, np.random.default_rng(0)).least > LEVEL


def test_the_seed_repeats_what_the_second_map_alone_sees(plane) -> None:
    sets = with_a_small_group(plane, 0, 0.04)
    assert missing(sets, LEVEL, 7) == missing(sets, LEVEL, 7)
