"""Approximate neighbours: close to exact figures, with an effect that is what it says."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import allmodes
from allmodes.audit import approximate as module
from allmodes.audit.approximate import Effect, approximate_coverage, approximate_overlap, library
from allmodes.audit.coverage import coverage, overlap
from allmodes.audit.sets import Sets
from allmodes.errors import UserError

FIGURES = ["precision", "recall", "density", "coverage"]


@pytest.fixture(autouse=True)
def faiss() -> None:
    try:
        library()
    except UserError:
        pytest.skip("faiss is not installed")


def groups(n: int, seed: int, d: int = 16, spread: float = 1.0) -> np.ndarray:
    """Forty clusters: data in which lists help."""
    centres = 8 * np.random.default_rng(99).standard_normal((40, d))
    rng = np.random.default_rng(seed)
    x = centres[rng.integers(0, 40, n)] + spread * rng.standard_normal((n, d))
    return x.astype(np.float32)


def sets(real: np.ndarray, fake: np.ndarray) -> Sets:
    return Sets(real, real, fake, False, *[np.arange(len(x)) for x in (real, real, fake)])


@pytest.mark.parametrize(("offset", "scale"), [(0.0, 1.0), (50.0, 1.0), (0.0, 1e-25)])
def test_figures_are_near_the_exact_ones(offset: float, scale: float) -> None:
    real, fake = (np.float32(scale) * (groups(n, seed) + np.float32(offset)) for n, seed in ((3000, 0), (2500, 1)))
    found, effect = approximate_overlap(real, fake)
    exact = overlap(real, fake).figures()
    assert effect is not None
    assert effect.recall >= module.RECALL
    for name, figure in found.figures().items():
        assert figure.value == pytest.approx(exact[name].value, abs=0.01)
        assert figure.error == pytest.approx(exact[name].error, rel=0.1)


def test_where_every_neighbour_is_found_all_counts_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST", 1000)
    monkeypatch.setattr(module, "CANDIDATES", 7)  # many balls hold more
    real, fake = groups(1500, 0), groups(1200, 1)
    found, effect = approximate_overlap(real, fake, k=6)
    exact = overlap(real, fake, k=6)
    assert effect is not None
    assert (effect.recall, round(effect.radius, 5), effect.inside) == (1, 0, 0)
    for side in ("of_real", "of_fake"):
        for counts in ("inside", "around", "held_alone", "filled_alone"):
            one, other = (getattr(getattr(o, side), counts) for o in (found, exact))
            assert np.abs(one - other).sum() <= 2  # on the rim, where float32 does not decide


def test_a_shrunken_generator_overfills_balls_and_its_density_is_right() -> None:
    real, fake = groups(2000, 0), groups(2000, 1, spread=0.4)
    found, _ = approximate_overlap(real, fake)
    exact = overlap(real, fake)
    assert (exact.of_real.inside > module.CANDIDATES).any()
    density = exact.figures()["density"].value
    assert found.figures()["density"].value == pytest.approx(density, rel=0.02)


def test_the_effect_that_is_said_is_the_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    """In too few lists, what 600 queries say is what all 8,000 do."""
    monkeypatch.setattr(module, "FIRST", 1)
    monkeypatch.setattr(module, "RECALL", 0.0)
    real, fake = groups(4000, 0, spread=4.0), groups(4000, 1, spread=4.0)
    found, effect = approximate_overlap(real, fake)
    exact = overlap(real, fake)
    assert effect is not None
    assert effect.recall < 0.9
    assert effect.radius > 0.005
    both = [sum(which.inside.sum() for which in (o.of_real, o.of_fake)) for o in (found, exact)]
    assert effect.inside == pytest.approx(both[0] / both[1] - 1, abs=0.05)


def test_findings_say_the_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    found = approximate_coverage(sets(groups(2000, 0), groups(2000, 1)))
    assert [one.name for one in found] == FIGURES
    for one in found:
        assert "; neighbours are approximate: of 600 examples that were searched exactly too, " in one.summary
        assert module.RECALL <= one.figures["neighbours_found"] <= 1
        assert one.level == 0


@pytest.mark.parametrize("d", [3, 300])
def test_where_lists_save_nothing_neighbours_are_exact_and_that_is_said(d: int) -> None:
    """With three features a tree is faster; with 300 features that are noise all lists would have to be searched."""
    rng = np.random.default_rng(0)
    real, fake = (rng.standard_normal((1000, d)).astype(np.float32) for _ in range(2))
    found, plain = (how(sets(real, fake)) for how in (approximate_coverage, coverage))
    for one, other in zip(found, plain, strict=True):
        assert (one.estimate, one.low, one.floor) == (other.estimate, other.low, other.floor)
        assert one.summary.endswith("neighbours are exact: in these features approximate ones would save nothing.")


def test_tests_keep_their_exact_neighbours() -> None:
    real, fake, train = groups(150, 0), groups(150, 1), groups(150, 2)
    one, other = (
        allmodes.audit(real=real, fake=fake, train=train, neighbours=how, self_test="none")
        for how in ("approximate", "exact")
    )
    decide = [finding for finding in other.findings if finding.decides]
    assert [finding for finding in one.findings if finding.decides] == decide
    assert len(decide) >= 5


def test_duplicates_are_at_distance_zero() -> None:
    real = np.repeat(groups(150, 0), 8, axis=0)
    found, effect = approximate_overlap(real, groups(1000, 1))
    assert effect is None or np.isfinite([effect.recall, effect.radius, effect.inside]).all()
    assert found.figures()["coverage"].value == 0  # a ball of radius zero, without its rim


def test_a_missing_library_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    x = groups(300, 0)
    with pytest.raises(UserError, match=r"pip install 'allmodes\[approximate\]', or leave them exact"):
        allmodes.audit(real=x, fake=x, neighbours="approximate")
    with pytest.raises(UserError, match='neighbours=\'about\': give "exact" or "approximate"'):
        allmodes.audit(real=x, fake=x, neighbours="about")  # type: ignore[arg-type]


def test_the_effect_is_said_in_percent_with_its_direction() -> None:
    effect = Effect(queries=600, k=5, recall=0.98, radius=0.012, inside=-0.034)
    assert "98.00 % of the 5 nearest were found, radii are 1.20 % too large" in str(effect)
    assert str(effect).endswith("balls hold 3.40 % fewer examples")
    assert effect.numbers == {"neighbours_found": 0.98, "radius_excess": 0.012, "inside_excess": -0.034}


def test_the_effect_is_that_of_all_examples_and_of_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST", 1)
    monkeypatch.setattr(module, "RECALL", 0.0)
    real, fake = groups(2000, 0, spread=0.1), groups(1500, 1, spread=4.0)
    alone = [approximate_overlap(x, x)[1].recall for x in (real, fake)]  # type: ignore[union-attr]
    effect = approximate_overlap(real, fake)[1]
    assert effect is not None
    assert effect.recall == pytest.approx(np.mean(alone))
    assert approximate_coverage(sets(real, fake))[0].figures.items() >= effect.numbers.items()
