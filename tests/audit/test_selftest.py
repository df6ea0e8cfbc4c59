"""The self-test says what would be seen: in features that tell groups apart, and in features that do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from allmodes.audit.api import audit
from allmodes.audit.planting import noisy
from allmodes.audit.selftest import LEFT_OUT, Planted, SelfTest
from allmodes.event import Event, Support


def grouped(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Ten classes that stand apart in the first column; the second is noise: [n, 2] and labels [n]."""
    label = rng.integers(0, 10, n)
    return np.stack([5 * label + rng.standard_normal(n), rng.standard_normal(n)], 1).astype(np.float32), label


@pytest.mark.parametrize(
    ("column", "said"), [(0, "10 % was seen in 4 of 4 trials"), (1, "10 % was seen in 0 of 4 trials")]
)
def test_a_missing_class_is_seen_where_features_tell_it_apart_and_not_where_they_do_not(column: int, said: str) -> None:
    rng = np.random.default_rng(0)
    (real, r), (train, t), (fake, _) = (grouped(n, rng) for n in (400, 1200, 800))
    found = audit(
        real=real, fake=fake, train=train, labels={"real": r, "train": t}, features=lambda x: x[:, column : column + 1]
    )
    assert said in found.sentence
    assert found.self_test is not None
    assert "classes" in found.self_test.groups
    assert found.self_test.n_real == 400
    missing = next(finding for finding in found.findings if finding.name == "missing")
    assert found.undecided == (column == 1), "features that show no missing class pass nothing"
    assert missing.verdict == ("cannot_tell" if column == 1 else "not_found")
    assert found.sentence.startswith("Cannot tell: no fault was found" if column == 1 else "No fault was found")


def test_samples_that_are_the_training_examples_are_copies_with_certainty() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((1000, 12)).astype(np.float32)
    found = audit(real=x[:400], fake=x[400:], train=x[400:], self_test="none", features="standardized")
    copies = next(finding for finding in found.findings if finding.name == "copies")
    assert copies.verdict == "found"
    assert copies.p_value < 1e-50
    assert all(pair.distance == 0 and pair.fake == pair.train for pair in copies.pairs)
    for pair in copies.pairs:
        assert np.array_equal(found.fake_examples([pair.fake]), found.train_examples([pair.train]))


def test_the_sentence_follows_the_trials() -> None:
    for whole in (20, 4, 10):
        planted = (Planted("nothing", 0.0, {}, 0, 20), Planted(LEFT_OUT, 0.1, {"missing": whole}, whole, 20))
        test = SelfTest(planted, 100, 100, "classes", full=True)
        assert test.sentence == f"in these features a missing group of 10 % was seen in {whole} of 20 trials"
        assert test.rows()[1][2:4] == (f"missing {whole}", f"{5 * whole}.0 %" if whole < 20 else "100 %")


def test_noise_keeps_the_kind_of_the_data() -> None:
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 17, (50, 8, 8))
    made = noisy(levels, Event((8, 8), Support.LEVELS, levels=17), 0.3, rng)
    assert (made.dtype, made.min() >= 0, made.max() <= 16) == (np.uint8, True, True)
    assert 0 < (made != levels).mean() < 1


def test_what_was_planted_in_several_sizes_is_told_by_its_largest() -> None:
    left = [Planted(LEFT_OUT, mass, {"missing": whole}, whole, 20) for mass, whole in ((0.02, 1), (0.1, 16), (0.05, 4))]
    test = SelfTest((Planted("nothing", 0.0, {}, 0, 20), *left), 300, 1200, "classes", full=True)
    assert "missing group of 10 % was seen in 16 of 20 trials" in test.sentence
    assert test.series() == {LEFT_OUT: ([0.02, 0.05, 0.1], [0.05, 0.2, 0.8])}
    assert "300 real examples stood for the held-out ones and 1,200 others" in test.how
    assert "all questions that decide answered" in test.how
    assert "the question what is missing answered" in replace(test, full=False).how


def test_features_are_blind_that_hardly_show_a_group_for_which_examples_are_enough() -> None:
    for whole, enough, blind in ((3, 0.05, True), (5, 0.05, False), (3, 0.2, False)):
        planted = (Planted(LEFT_OUT, 0.1, {}, whole, 20),)
        assert SelfTest(planted, 100, 100, "classes", full=True, enough=enough).blind == blind


def test_faults_are_planted_in_the_share_of_the_data_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allmodes.audit.selftest.FULL_TRIALS", 1)
    monkeypatch.setattr("allmodes.audit.selftest.COPIED", 0.5)
    rng = np.random.default_rng(0)
    (real, r), (train, t), (fake, _) = (grouped(n, rng) for n in (200, 900, 400))
    found = audit(real=real, fake=fake, train=train, labels={"real": r, "train": t}, self_test="full")
    test = found.self_test
    assert test is not None
    assert (test.full, test.n_real, test.n_fake) == (True, 200, 300)
    left = max(one.mass for one in test.planted if one.fault == LEFT_OUT)
    assert left == pytest.approx(0.1, abs=0.03)
    others = [one.mass for one in test.planted if one.fault != LEFT_OUT]
    assert others == pytest.approx([0, 0.9 * left, 1, 0.5]), "nothing, a tenth of its rate, blur, copies"
    assert next(one.seen["copies"] for one in test.planted if "copies" in one.fault) == 1
