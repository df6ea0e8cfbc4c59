"""The light audit: cheap looks that do not add up to false alarms."""

from __future__ import annotations

import numpy as np
import pytest

from allmodes.audit.light import GONE, LightAudit
from allmodes.errors import UserError


def light(plane, seed: int, **given) -> LightAudit:
    sets = plane(seed, sizes=(400, 300, 100))
    return LightAudit(sets.train, sets.real, **given)


def test_many_looks_at_a_healthy_generator_raise_at_most_the_level(plane) -> None:
    level, trainings, looks = 0.2, 50, 10
    alarms = 0
    for seed in range(trainings):
        watched = light(plane, seed, level=level, looks=looks)
        rng = np.random.default_rng(seed)
        alarms += any(watched.look(plane.draw(150, rng)).collapsed for _ in range(looks))
    assert alarms <= level * trainings


def test_a_region_that_is_not_generated_is_missed_with_its_numbers(plane) -> None:
    watched = light(plane, 0, looks=5)
    look = watched.look(plane.draw(1000, np.random.default_rng(0), {3: 0.0}))
    held_out = (plane.group(plane(0, sizes=(400, 300, 100)).real) == 3).mean()
    assert look.collapsed
    assert look.missed == 1
    assert np.isclose(look.held_out, held_out)
    assert look.generated == 0
    assert f"{100 * held_out:.1f} % of the held-out data is not generated: 1 region that holds" in look.reason


def test_what_is_generated_at_half_its_rate_is_no_collapse(plane) -> None:
    watched = light(plane, 1)
    look = watched.look(plane.draw(20_000, np.random.default_rng(0), {3: 2 * GONE}))
    assert not look.collapsed
    assert look.missing_mass == 0


def test_looks_leave_no_trace(plane) -> None:
    watched = light(plane, 2, looks=3)
    samples = plane.draw(500, np.random.default_rng(0), {1: 0.0, 5: 0.01})
    assert watched.look(samples) == watched.look(samples)
    assert watched.look(samples).missed == 2


def test_no_held_out_example_is_no_alarm_and_other_features_are_refused(plane) -> None:
    sets = plane(0)
    assert not LightAudit(sets.train, sets.real[:0]).look(sets.fake[:1].repeat(500, 0)).collapsed
    with pytest.raises(UserError, match="equal features"):
        LightAudit(sets.train, sets.real[:, :1])
    with pytest.raises(UserError, match="at least one"):
        LightAudit(sets.train[:0], sets.real)


def test_many_looks_share_the_level(plane) -> None:
    samples = plane.draw(150, np.random.default_rng(0), {3: 0.0})
    assert [light(plane, 0, looks=looks).look(samples).collapsed for looks in (1, 10**6)] == [True, False]
