"""Whose the most extreme values are: exact under ties, and what tests of the bulk do not see."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import hypergeom

from allmodes.audit.finding import Verdict
from allmodes.audit.inputs import subject_of
from allmodes.audit.marginals import marginals
from allmodes.audit.one_dimension import compare
from allmodes.audit.tails import Ends, tails

Draw = Callable[[np.random.Generator, int], np.ndarray]


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: rng.standard_cauchy(n),
        lambda rng, n: rng.poisson(3.0, n).astype(float),
        lambda rng, n: rng.standard_exponential(n).round(1),
    ],
)
def test_false_alarms_keep_their_level(draw: Draw) -> None:
    rng = np.random.default_rng(0)
    p = [tails(draw(rng, 150), draw(rng, 400)).p_value for _ in range(300)]
    assert np.mean(np.array(p) <= 0.05) <= 0.08


def test_the_p_value_is_hypergeometric_over_all_looks() -> None:
    real, fake = np.arange(100.0), np.arange(90.0) - 0.5
    p = hypergeom.sf(10 - 1, 190, 100, 10)  # the ten largest are real; at the other end the two take turns
    looks = 2 * (64 + 64)
    assert tails(real, fake).p_value == pytest.approx(looks * min(p, hypergeom.sf(10, 190, 100, 11)), rel=1e-9)


def test_values_that_are_all_alike_have_no_ends() -> None:
    for real, fake in ((np.zeros(200), np.zeros(300)), (np.arange(400) % 2, np.arange(600) % 2)):
        assert tails(real, fake) == Ends(1.0, "", 0, 0, 0.0)


def test_a_tail_that_is_cut_off_and_one_that_is_too_long_are_seen() -> None:
    rng = np.random.default_rng(1)
    real, fake = rng.standard_exponential(3000), rng.standard_exponential(8000)
    cut, capped = fake[fake < np.quantile(fake, 0.98)], np.minimum(fake, np.quantile(fake, 0.995))
    long = np.where(rng.random(8000) < 0.01, fake + 8, fake)
    assert tails(real, fake).p_value > 0.05
    assert max(tails(real, seen).p_value for seen in (cut, capped, long)) < 1e-4
    one = compare(real, np.r_[cut, 50.0], rng)
    assert one.told_by == "ends"
    assert (one.ends.side, one.ends.values - one.ends.real) == ("largest", 1), "one far sample hides nothing"
    assert tails(real, long).real < tails(real, long).expected / 2


def test_a_column_without_its_tail_is_named_with_what_lies_beyond() -> None:
    rng = np.random.default_rng(2)
    real, train = rng.standard_exponential((2000, 3)), rng.standard_exponential((2000, 3))
    fake = rng.standard_exponential((6000, 3))
    fake = fake[fake[:, 1] < np.quantile(fake[:, 1], 0.98)]
    found = marginals(subject_of(real, fake, train), 0.003, 0)
    assert found.verdict is Verdict.FOUND
    assert found.summary.startswith("1 of 3 columns differs, column 1: of the ")
    assert "largest values " in found.summary.split(",")[1]
    told = found.figures["columns"][1]
    assert (found.estimate, found.low, found.floor) == (told["distance"], told["low"], told["floor"])
    assert found.estimate < max(column["distance"] for column in found.figures["columns"])
