"""The self-test says what would be seen: in features that tell groups apart, and in features that do not."""

from __future__ import annotations

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
    for whole in (20, 2, 10):
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
