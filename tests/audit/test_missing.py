"""What is missing: no false alarms, power, the right examples, intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest

from allmodes.audit.finding import Verdict
from allmodes.audit.intervals import could_hide, difference
from allmodes.audit.missing import missing, smallest_mode
from allmodes.audit.regions import chart, grow
from allmodes.audit.verdict import claim
from allmodes.shares import percent

LEVEL = 0.05


def test_a_healthy_generator_is_called_missing_something_in_at_most_five_percent(plane) -> None:
    trials = 200
    findings = [missing(plane(seed, sizes=(250, 200, 200)), LEVEL, seed) for seed in range(trials)]
    alarms = sum(found.verdict is Verdict.FOUND for found in findings)
    assert alarms <= LEVEL * trials + 2 * np.sqrt(LEVEL * trials)
    assert all(found.regions == () for found in findings if found.verdict is Verdict.NOT_FOUND)


def test_the_published_bin_test_cries_wolf_where_this_does_not(plane) -> None:
    # Bins and reference shares from the same sample, a z-test a bin, no control for many bins (NDB, 1805.12462).
    from sklearn.cluster import KMeans

    alarms = 0
    for seed in range(40):
        sets = plane(seed, sizes=(400, 300, 300))
        bins = KMeans(25, n_init=1, random_state=seed).fit(sets.train)
        p, q = (np.bincount(bins.predict(x), minlength=25) / len(x) for x in (sets.train, sets.fake))
        pooled = (len(sets.train) * p + len(sets.fake) * q) / (len(sets.train) + len(sets.fake))
        error = np.sqrt(pooled * (1 - pooled) * (1 / len(sets.train) + 1 / len(sets.fake)))
        alarms += bool((np.abs(p - q) > 1.96 * error).any())
    assert alarms > 20


def test_a_mode_that_is_never_generated_is_found_certified_and_shown(plane) -> None:
    sets = plane(0, keep={4: 0.0})
    found = missing(sets, LEVEL, 0)
    assert found.verdict is Verdict.FOUND
    region = found.regions[0]
    assert region.certified
    members = np.flatnonzero(plane.group(sets.real) == 4)
    assert sorted(region.examples) == (2000 + members).tolist()
    assert region.fake_mass == 0
    assert np.isclose(region.real_mass, len(members) / 300)
    assert region.low <= 1 / 9 <= region.high
    assert found.low <= found.estimate <= found.high
    assert np.isclose(found.estimate, len(members) / 300)
    assert found.p_value < 1e-3
    assert "certified region " in found.summary


def test_the_nearest_generated_examples_are_named(plane) -> None:
    sets = plane(1, keep={0: 0.0})
    region = missing(sets, LEVEL, 0).regions[0]
    first = sets.real[region.examples[0] - 2000]
    assert np.square(sets.fake - first).sum(1).argmin() == region.fake_examples[0] - 3000
    centre = sets.real[np.array(region.examples) - 2000].mean(0)
    assert np.linalg.norm(first - centre) < 0.1  # a typical one comes first


@pytest.mark.parametrize("kept", [0.1, 0.5])
def test_a_mode_that_is_generated_too_rarely_is_found(kept: float, plane) -> None:
    sizes = (600, 600, 3000)
    found = [missing(plane(seed, sizes, keep={7: kept}), LEVEL, seed) for seed in range(10)]
    assert sum(f.verdict is Verdict.FOUND for f in found) >= 9
    truth = 1 / 9 - kept / (8 + kept)
    assert sum(f.low <= truth <= f.high for f in found if f.regions) >= 8


def test_the_interval_of_the_missing_mass_covers_it(plane) -> None:
    covered = []
    for seed in range(60):
        found = missing(plane(seed, (300, 400, 1600), keep={2: 0.3, 5: 0.0}), LEVEL, seed)
        assert found.verdict is Verdict.FOUND
        truth = 2 / 9 - 0.3 / 7.3
        covered.append(found.low <= truth <= found.high)
    assert np.mean(covered) > 0.85  # 95 % less three standard errors


def test_a_real_example_is_never_in_two_regions(plane) -> None:
    found = missing(plane(2, keep={0: 0.0, 1: 0.0, 8: 0.2}), LEVEL, 0)
    every = [i for region in found.regions for i in region.examples]
    assert len(found.regions) >= 2
    assert len(every) == len(set(every))


def test_what_is_not_certified_is_suspected_and_lies_elsewhere(plane) -> None:
    # Half of so few samples cannot certify a mode at a third of its rate; all of them can suspect it.
    both = 0
    for seed in range(10):
        found = missing(plane(seed, sizes=(600, 400, 400), keep={0: 0.0, 4: 0.3}), LEVEL, seed)
        certified, suspected = ([r for r in found.regions if r.certified is stood] for stood in (True, False))
        assert [*certified, *suspected] == list(found.regions)
        both += bool(certified and suspected)
        assert [found.figures[kind] for kind in ("certified", "suspected")] == [len(certified), len(suspected)]
    assert both >= 1


def test_the_seed_repeats_the_finding_and_a_chart_changes_nothing(plane) -> None:
    sets = plane(3, keep={3: 0.0})
    first = missing(sets, LEVEL, 5)
    assert first == missing(sets, LEVEL, 5)
    assert first == missing(sets, LEVEL, 5, on=chart(sets, 5))


def test_too_few_examples_are_an_answer(plane) -> None:
    found = missing(plane(0, sizes=(400, 99, 300)), LEVEL, 0)
    assert found.verdict is Verdict.CANNOT_TELL
    assert "99 held-out examples are too few" in found.summary


def test_one_sample_over_and_over_misses_almost_all(plane) -> None:
    sets = plane(0)
    found = missing(plane.sets(sets.train, sets.real, np.repeat(sets.fake[:1], 500, 0)), LEVEL, 0)
    assert found.verdict is Verdict.FOUND
    assert found.estimate > 0.8


def test_what_could_hide_is_told_and_is_no_less_than_a_region_can_be(plane) -> None:
    sets = plane(0)
    regions = grow(sets.train, 0)
    hidden = smallest_mode(300, 600, LEVEL, regions)
    assert missing(sets, LEVEL, 0).figures["could_hide"] == hidden
    assert hidden >= could_hide(300, 600, LEVEL, len(regions))
    few_points = grow(sets.train, 0, most=100)
    in_tree = np.random.default_rng(0).binomial(100, smallest_mode(10**5, 10**5, LEVEL, few_points), 5000)
    assert abs((in_tree >= 12).mean() - 0.9) < 0.02


def test_the_summary_has_the_shares_of_what_is_named(plane) -> None:
    sets = plane(0, (600, 600, 3000), keep={4: 0.1, 0: 0.0})
    found = missing(sets, LEVEL, 0)
    held, made = (
        sum(getattr(region, side) for region in found.regions if region.certified)
        for side in ("real_mass", "fake_mass")
    )
    assert found.estimate == pytest.approx(held - made)
    assert f"{percent(made)} of the samples and {percent(held)} of the held-out data" in found.summary
    assert f": {percent(held - made)} of the data is missing there" in found.summary
    assert found.summary.startswith(f"{found.figures['certified']} certified regions hold")
    assert claim(found).startswith(f"misses at least {percent(found.low)} of the data ({percent(found.estimate)} ")
    alone = difference(round(600 * held), 600, round(1500 * made), 1500)
    assert found.low < alone[0] < alone[1] < found.high, "it holds for all candidates at once"
    for region in found.regions[: found.figures["certified"]]:
        assert region.low < difference(round(600 * region.real_mass), 600, round(1500 * region.fake_mass), 1500)[0]
    assert found.figures["suspected"] == sum(not region.certified for region in found.regions)


def test_regions_of_both_maps_are_counted_where_the_sets_are_small(plane) -> None:
    sets = plane(0, (300, 200, 300))
    assert missing(sets, LEVEL, 0).figures["regions_tested"] > len(chart(sets, 0).regions)
