from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from allmodes.audit.copies import QUESTION, copies
from allmodes.audit.exam import prepare
from allmodes.audit.finding import Verdict
from allmodes.audit.inputs import subject_of
from allmodes.audit.sets import Sets, equal
from allmodes.shares import percent

LEVEL = 0.01


def sets(train: np.ndarray, real: np.ndarray, fake: np.ndarray, trained: bool = True) -> Sets:
    train, real, fake = (x.astype(np.float32) for x in (train, real, fake))
    rows = 1000 + np.arange(len(train)), np.arange(len(real)), 7 * np.arange(len(fake))
    return Sets(train, real, fake, trained, *rows, equal=equal(fake, train))


def drawn(rng: np.random.Generator, n: int, d: int = 10) -> np.ndarray:
    """A mixture of three Gaussians."""
    return 3 * rng.integers(3, size=(n, 1)) + rng.standard_normal((n, d))


def planted(rng: np.random.Generator, share: float, d: int = 10, noise: float = 0.1) -> tuple[Sets, dict[int, int]]:
    """400 training, 300 held-out, 300 generated examples, and which generated one is whose near-copy, in file rows."""
    train, real, fake = drawn(rng, 400, d), drawn(rng, 300, d), drawn(rng, 300, d)
    origin = rng.choice(400, round(share * 300), replace=False)
    fake[: len(origin)] = train[origin] + noise * rng.standard_normal((len(origin), d))
    return sets(train, real, fake), {7 * j: 1000 + int(i) for j, i in enumerate(origin)}


def test_a_healthy_generator_is_accused_no_more_often_than_the_level_says() -> None:
    p = np.array([copies(planted(np.random.default_rng(s), 0)[0], LEVEL, s).p_value for s in range(100)], float)
    assert (p <= 0.05).sum() <= 10  # 5 expected, 11 and more in 1 % of all
    assert (p <= 0.5).mean() == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("d", [2, 10])
def test_near_copies_are_found_and_named_with_few_false_ones(d: int) -> None:
    false, named = [], 0
    for seed in range(15):
        given, origin = planted(np.random.default_rng(seed), 0.2, d, noise=0.1 if d > 2 else 0.002)
        found = copies(given, LEVEL, seed)
        assert found.verdict is Verdict.FOUND
        assert found.low is not None
        assert found.low <= 0.2
        named += len(found.pairs)
        false.append(np.mean([origin.get(pair.fake) != pair.train for pair in found.pairs] or [0.0]))
        assert all(pair.distance < pair.usual for pair in found.pairs)
    assert np.mean(false) <= 0.1
    assert named / 15 > 45  # of 60


def test_the_share_of_copies_lies_in_its_interval() -> None:
    covered = 0
    for seed in range(40):
        found = copies(planted(np.random.default_rng(seed), 0.15)[0], LEVEL, seed)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.15 <= found.high
    assert covered >= 35


def test_examples_to_the_last_bit_are_named() -> None:
    given, origin = planted(np.random.default_rng(0), 0.1, noise=0.0)
    found = copies(given, LEVEL, 0)
    assert found.verdict is Verdict.FOUND
    assert found.p_value is not None
    assert found.p_value < 1e-6
    assert {(pair.fake, pair.train) for pair in found.pairs if not pair.distance} == set(origin.items())
    assert "; 30 equal a training example to the last bit" in found.summary


def test_one_example_to_the_last_bit_is_said_and_proves_nothing() -> None:
    found = copies(planted(np.random.default_rng(0), 0.004, noise=0.0)[0], LEVEL, 0)
    assert found.verdict is Verdict.CANNOT_TELL
    assert "cannot be told: 1 equals a training example to the last bit; none equals a held-out one" in found.summary


def test_a_few_examples_that_are_copied_again_and_again_are_not_passed_over() -> None:
    """Which of five were training examples is chance, at this level; that nothing is copied cannot be said."""
    rng = np.random.default_rng(0)
    train, real, fake = (drawn(rng, n) for n in (400, 300, 600))
    fake[:100] = train[:5].repeat(20, 0)
    found = copies(sets(train, real, fake), 0.001, 0)
    assert found.verdict is Verdict.CANNOT_TELL
    assert "100 equal a training example to the last bit" in found.summary


def test_a_generator_that_prefers_what_is_frequent_copies_nothing() -> None:
    """Bits repeat themselves, and samples that are more typical than the data equal training examples more often."""
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        train, real, fake = (
            (rng.random((n, 16)) < rate).astype(np.float32) for n, rate in ((1000, 0.2), (500, 0.2), (1000, 0.1))
        )
        alarms += copies(sets(train, real, fake), LEVEL, seed).verdict is Verdict.FOUND
    assert alarms <= 5  # 2 expected, more in 1 % of all


def test_a_rare_example_that_repeats_itself_is_no_alarm() -> None:
    """An empty shower is in the training data and among many samples, and by chance not held out."""
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        train, real, fake = (drawn(rng, n, 20) for n in (2000, 200, 1500))
        for side in (train, real, fake):
            side[rng.random(len(side)) < 0.002] = 0
        alarms += copies(sets(train, real, fake), LEVEL, seed).verdict is Verdict.FOUND
    assert alarms <= 4  # 2 or fewer expected


def test_generated_examples_that_are_the_training_set() -> None:
    rng = np.random.default_rng(0)
    train = drawn(rng, 300)
    found = copies(sets(train, drawn(rng, 300), train), LEVEL, 0)
    assert found.verdict is Verdict.FOUND
    assert found.p_value is not None
    assert found.p_value < 1e-50
    assert found.estimate == 1


def test_duplicates_between_training_and_held_out_examples_are_no_alarm() -> None:
    """Binary examples of 12 numbers repeat themselves: equality proves nothing."""
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        given = sets(*((rng.random((n, 12)) < 0.3) for n in (400, 300, 300)))
        found = copies(given, LEVEL, seed)
        assert found.figures["equal_to_training"] > 0
        alarms += found.p_value is not None and found.p_value <= 0.05
    assert alarms <= 7  # 3 expected, 8 and more in 1 % of all


def test_twins_in_the_data_are_no_alarm() -> None:
    """A tenth of the held-out examples stand in the training file too, and the generator makes one of them."""
    rng = np.random.default_rng(0)
    train, real, fake = drawn(rng, 400), drawn(rng, 300), drawn(rng, 300)
    real[:30] = train[:30]
    fake[:3] = train[:3]
    assert copies(sets(train, real, fake), LEVEL, 0).verdict is Verdict.NOT_FOUND


def test_one_repeated_example_near_a_training_example_is_collapse_and_no_proof_of_copying() -> None:
    rng = np.random.default_rng(0)
    train, real = drawn(rng, 400), drawn(rng, 300)
    fake = train[:1] + 0.3 + np.zeros((300, 10))
    found = copies(sets(train, real, fake), LEVEL, 0)
    assert found.verdict is Verdict.NOT_FOUND
    assert found.p_value is not None
    assert found.p_value > 0.2


def test_shrunken_modes_are_no_copies() -> None:
    rng = np.random.default_rng(1)
    centres = 3 * rng.integers(3, size=(300, 1))
    fake = centres + 0.3 * rng.standard_normal((300, 10))
    assert copies(sets(drawn(rng, 400), drawn(rng, 300), fake), LEVEL, 0).verdict is Verdict.NOT_FOUND


def test_without_the_training_examples_it_cannot_tell() -> None:
    rng = np.random.default_rng(0)
    found = copies(sets(drawn(rng, 50), drawn(rng, 50), drawn(rng, 50), trained=False), LEVEL, 0)
    assert found.verdict is Verdict.CANNOT_TELL
    assert found.p_value is None
    few = copies(sets(drawn(rng, 50), drawn(rng, 10), drawn(rng, 50)), LEVEL, 0)
    assert few.verdict is Verdict.CANNOT_TELL


def test_the_share_is_that_of_all_training_examples_where_features_were_fitted_to_some_of_them() -> None:
    """And equal ones are counted among all, those that made the features too."""
    held = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        train, real, fake = (drawn(rng, n).astype(np.float32) for n in (3000, 1500, 4000))
        fake[:200] = train[rng.choice(3000, 200, replace=False)]
        _, given, _ = prepare(subject_of(real, fake, train), "standardized", seed, "cpu")
        assert given.searched == pytest.approx(2 / 3, abs=0.01)
        found = copies(given, LEVEL, seed)
        assert found.verdict is Verdict.FOUND
        assert found.figures["equal_to_training"] == 200
        assert found.low is not None
        assert found.high is not None
        assert found.low >= 0.05, "so many are equal for certain"
        held += found.low <= 0.05 <= found.high
    assert held >= 11


def test_a_share_that_may_be_nothing_is_told_by_what_it_is_at_most() -> None:
    rng = np.random.default_rng(4)
    train, real = drawn(rng, 400), drawn(rng, 300)
    one = copies(sets(train, real, np.tile(train[:1] + 0.5, (300, 1))), LEVEL, 0)
    assert (one.verdict, one.low, one.high) == (Verdict.NOT_FOUND, 0, 1)
    assert QUESTION.figure(one) == "nothing can be said"
    assert "how many are copies cannot be said" in one.summary
    many = copies(sets(train, real, drawn(rng, 300)), LEVEL, 0)
    assert (many.verdict, many.low) == (Verdict.NOT_FOUND, 0)
    assert many.high is not None
    assert QUESTION.figure(many) == f"at most {percent(many.high)} of the samples"
    assert f"; at most {percent(many.high)} are copies" in many.summary


def test_numbers_are_those_of_the_nearest_real_examples() -> None:
    given, _ = planted(np.random.default_rng(0), 0.4)
    found = copies(replace(given, searched=0.75), LEVEL, 0)
    near = cdist(given.fake, np.concatenate((given.train, given.real))).argmin(1) < 400
    assert (found.figures["nearest_is_training"], found.figures["expected"]) == (near.mean(), 400 / 700)
    assert (
        f"{percent(near.mean())} of the generated examples lie nearest to a training example of 400, 75.0 % of all"
        in found.summary
    )
    assert f"by chance 57.1 %; about {percent(found.estimate)} (at least {percent(found.low)})" in found.summary
    assert found.p_value == pytest.approx(1 / 2000 / 0.9), "nine tenths of the level are this test's"


def test_the_closest_copies_come_first_and_held_out_examples_that_are_equalled_are_counted() -> None:
    given, _ = planted(np.random.default_rng(0), 0.2)
    given.fake[250:290], given.fake[295] = given.train[:40], given.real[0]
    found = copies(given, LEVEL, 0)
    assert [pair.distance == 0 for pair in found.pairs] == [True] * 40 + [False] * (len(found.pairs) - 40)
    assert len(found.pairs) > 60
    assert (found.figures["held_out_equalled"], found.figures["listed"]) == (1, len(found.pairs))
