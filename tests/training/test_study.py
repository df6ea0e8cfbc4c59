"""Studies: each seed gives what it gives alone, and the distribution is reported with its interval."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from scipy import stats

import allmodes
from allmodes.data.batches import Batches
from allmodes.data.dataset import Dataset, load_data
from allmodes.errors import UserError
from allmodes.random import Rng
from allmodes.recipes import Recipe, build
from allmodes.training import study as module
from allmodes.training.health import SAMPLES, Health
from allmodes.training.study import Study
from allmodes.training.trainer import Trainer

Small = Callable[[str], dict[str, Any]]
KEYS = [
    "recipe",
    "data",
    "seeds",
    "modes",
    "high_quality",
    "reverse_kl",
    "missing_mass",
    "collapsed",
    "collapsed_low",
    "collapsed_high",
    "seconds",
]


def test_what_no_seed_has_is_a_list_of_nothing_where_the_data_have_modes() -> None:
    lost = Health("collapsed", "", {"modes": 0.0, "high_quality": 0.0})
    found = Study("gan2014", "ring", 1, (lost, lost), torch.zeros(2, 1, 2), 1.0)
    assert found.to_dict()["reverse_kl"] == [None, None]
    assert found.values("missing_mass") is None
    unknown = Study("gan2014", "points", 1, (Health("ok", "", {"missing_mass": 0.0}),), torch.zeros(1, 1, 2), 1.0)
    assert unknown.to_dict()["reverse_kl"] is None


@pytest.fixture(scope="module")
def table() -> Dataset:
    """Few columns, with which a product is rounded in ways of its own."""
    return load_data(torch.randn(2000, 6, generator=torch.Generator().manual_seed(0)).numpy())


@pytest.mark.parametrize(
    ("recipe", "data", "steps", "settings"),
    # At r3gan's own rate the game is chaotic: a rounding error grows by about 5 each step. Here there is none.
    [
        ("r3gan", "ring", 50, {}),
        ("r3gan", "table", 50, {}),
        ("gan2014", "ring", 50, {"width": 16}),
        ("dcgan", "digits", 10, {"rate": 0.01, "width": 8, "batch": 16, "latent": 8}),
        ("constrained", "digits", 10, {"rate": 0.01, "width": 16, "batch": 16, "latent": 8, "turns": 1}),
    ],
)
def test_a_seed_gives_what_it_gives_alone(
    recipe: str,
    data: str,
    steps: int,
    settings: dict[str, Any],
    request: pytest.FixtureRequest,
) -> None:
    given: Dataset = request.getfixturevalue(data)
    seeds = (4, 5, 6, 7, 8)
    together = allmodes.study(recipe, given, seeds=5, first=4, steps=steps, settings=settings)
    assert together.samples.shape == (5, SAMPLES, *given.event.shape)
    for row, seed in zip(together.samples, seeds, strict=True):
        made = build(recipe, given.event, settings, steps=steps, seed=seed)
        made.model.fit(given.to_fit())
        trainer = Trainer(made, Batches(given, made.batch, seed), Rng(seed))
        list(trainer)
        alone = trainer.sample(SAMPLES, Rng(0), given.asked)
        torch.testing.assert_close(row, alone, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(together.samples[0].float(), together.samples[1].float(), rtol=0.1)


def test_a_study_of_one_seed_and_one_more_than_a_stack_holds(
    ring: Dataset, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 2)
    asked: dict[str, Any] = {"steps": 3, "settings": small("gan2014")}
    whole = allmodes.study("gan2014", ring, seeds=3, **asked)
    one = allmodes.study("gan2014", ring, seeds=1, first=2, **asked)
    torch.testing.assert_close(whole.samples[2], one.samples[0])
    assert whole.to_dict()["seeds"] == len(whole.findings) == 3


def test_a_seed_that_diverges_is_collapsed_and_null_and_touches_no_other(
    ring: Dataset, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {"seeds": 3, "steps": 10, "settings": small("r3gan")}
    healthy = allmodes.study("r3gan", ring, **asked)

    def poisoned(*args: Any, seed: int, **others: Any) -> Recipe:
        made = build(*args, seed=seed, **others)
        if seed == 1:
            for parameter in made.model.parameters():
                torch.nn.init.constant_(parameter, torch.nan)
        return made

    monkeypatch.setattr(module, "build", poisoned)
    sick = allmodes.study("r3gan", ring, **asked)
    assert sick.samples[1].isnan().all()
    assert sick.samples[[0, 2]].equal(healthy.samples[[0, 2]])
    assert sick.findings[1].verdict == "collapsed"
    report = sick.to_dict()
    assert report["reverse_kl"][1] is None
    assert None not in [report["reverse_kl"][0], report["reverse_kl"][2]]
    assert (report["modes"][1], report["high_quality"][1]) == (0, 0)
    json.dumps(report, allow_nan=False)


def test_a_study_is_reported_under_the_promised_keys(ring: Dataset, small: Small) -> None:
    told: list[tuple[int, int]] = []
    found = allmodes.study(
        "gan2014", ring, seeds=2, steps=20, settings=small("gan2014"), report=lambda *now: told.append(now)
    )
    report = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert list(report) == KEYS
    assert (report["recipe"], report["data"], report["seeds"]) == ("gan2014", "ring", 2)
    assert all(isinstance(count, int) for count in report["modes"])
    assert len(report["modes"]) == len(report["high_quality"]) == len(report["reverse_kl"]) == 2
    assert told[-1] == (40, 40)


def test_data_without_known_modes_have_null_for_their_figures(digits: Dataset, small: Small) -> None:
    report = allmodes.study("gan2014", digits, seeds=2, steps=2, settings=small("gan2014")).to_dict()
    assert list(report) == KEYS
    assert report["modes"] is report["high_quality"] is report["reverse_kl"] is None
    assert report["collapsed"] == 1


@pytest.mark.parametrize(("collapsed", "n"), [(0, 5), (5, 5), (1, 100), (37, 100), (0, 1)])
def test_the_interval_is_clopper_and_pearsons(collapsed: int, n: int) -> None:
    findings = [Health("collapsed" if i < collapsed else "ok", "") for i in range(n)]
    study = Study("r", "d", 1, tuple(findings), torch.empty(0), 0.0)
    low, high = study.interval
    assert study.collapsed == collapsed / n
    # The definition: the shares at which so few, or so many, would happen with probability 2.5 %.
    assert low == pytest.approx(stats.beta.ppf(0.025, collapsed, n - collapsed + 1) if collapsed else 0)
    assert high == pytest.approx(stats.beta.ppf(0.975, collapsed + 1, n - collapsed) if collapsed < n else 1)
    if collapsed:
        assert stats.binom.sf(collapsed - 1, n, low) == pytest.approx(0.025)
    if collapsed < n:
        assert stats.binom.cdf(collapsed, n, high) == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"seeds": 0}, "--seeds 0: must be at least 1"),
        ({"steps": 0}, "--steps 0"),
        ({"seeds": 2.0}, "--seeds 2.0: must be a whole number"),
        ({"first": "a"}, "first 'a': must be a whole number"),
        ({"recipe": "gan2015"}, "unknown recipe 'gan2015'; did you mean 'gan2014'"),
        ({"settings": {"widht": 3}}, "did you mean 'width'"),
    ],
)
def test_mistakes_are_named(asked: dict[str, Any], said: str, ring: Dataset) -> None:
    with pytest.raises(UserError, match=said):
        allmodes.study(**({"recipe": "gan2014", "data": ring, "steps": 2} | asked))


def test_a_study_draws_nothing_from_global_generators(ring: Dataset, small: Small) -> None:
    before = torch.get_rng_state()
    allmodes.study("gan2014", ring, seeds=2, steps=2, settings=small("gan2014"))
    assert torch.get_rng_state().equal(before)


def test_seeds_on_bits_drawn_anew_each_have_their_own() -> None:
    data = allmodes.load_data("digits", binarize="dynamic")
    settings = {"width": 8, "latent": 2, "batch": 16}
    together = allmodes.study("vae", data, seeds=2, steps=3, settings=settings)
    alone = allmodes.study("vae", data, seeds=1, first=1, steps=3, settings=settings)
    assert together.samples[1].equal(alone.samples[0])


def test_a_model_that_makes_no_stack_is_studied_seed_by_seed() -> None:
    bits = allmodes.load_data("digits", binarize="static")
    found = allmodes.study("gsn", bits, seeds=2, steps=3, settings={"width": 8, "batch": 16})
    assert len(found.findings) == 2
