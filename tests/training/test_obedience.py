"""Whether samples are what was asked for, as a run's verdict tells it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from allmodes.data.dataset import Dataset, load_data
from allmodes.data.transforms import standard
from allmodes.event import Batch, Condition
from allmodes.training.health import Health
from allmodes.training.obedience import ConditionWatch, distribution


@pytest.fixture(scope="module")
def table() -> Dataset:
    """Three columns: an energy with 10 % noise, what tells the kind apart, and nothing."""
    rng = np.random.default_rng(0)
    energy, kind = rng.uniform(1, 5, 2000), rng.integers(0, 2, 2000)
    x = np.stack([energy * rng.normal(1, 0.1, 2000), kind + rng.normal(0, 0.3, 2000), rng.normal(0, 1, 2000)], 1)
    return load_data(x.astype(np.float32), labels=np.array(["gamma", "hadron"])[kind], conditions={"energy": energy})


@pytest.fixture(scope="module")
def watched(table: Dataset) -> ConditionWatch:
    return ConditionWatch(table, standard(table.event).fit(table.to_fit()))


def generated(table: Dataset, seed: int = 1) -> tuple[torch.Tensor, Condition]:
    """Test examples stand for the samples of a perfect generator."""
    part = table.part("test")
    return part.x, part.condition


def test_a_perfect_generator_is_as_faithful_as_held_out_examples(watched: ConditionWatch, table: Dataset) -> None:
    health = watched.examine(*generated(table))
    assert health.verdict == "ok"
    n = health.numbers
    assert n["class.agreement"] == pytest.approx(n["class.agreement_real"], abs=0.06)
    assert n["class.agreement"] > 0.9
    assert abs(n["energy.bias"]) < 0.1
    assert n["energy.spread"] == pytest.approx(n["energy.spread_real"], rel=0.25)
    assert 0.2 < n["energy.spread"] < 0.5  # 10 % of 1 to 5
    assert "has no effect" not in health.reason


def test_a_condition_without_effect_is_the_verdict_and_named(watched: ConditionWatch, table: Dataset) -> None:
    x, asked = generated(table)
    assert asked.labels is not None
    assert asked.values is not None
    mixed = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    for ignored, known in (
        ("class", Condition(asked.labels[mixed], asked.values)),
        ("energy", Condition(asked.labels, asked.values[mixed])),
    ):
        health = watched.examine(x, known)
        assert health.verdict == "ignores_condition"
        assert f"{ignored} has no effect" in health.reason
        assert health.reason.count("has no effect") == 1


def test_a_bias_is_told_in_the_users_units(watched: ConditionWatch, table: Dataset) -> None:
    x, asked = generated(table)
    assert asked.values is not None
    health = watched.examine(x, Condition(asked.labels, asked.values - 0.5))
    assert health.verdict == "ok"
    assert health.numbers["energy.bias"] == pytest.approx(0.5, abs=0.1)
    assert f"energy {health.numbers['energy.bias']:+.3g}" in health.reason


def test_a_condition_that_no_judge_can_see_in_real_data_is_not_held_against_a_generator(table: Dataset) -> None:
    rng = np.random.default_rng(1)
    assert table.labels is not None
    blind = replace(table, values=torch.from_numpy(rng.uniform(1, 5, (2000, 1)).astype(np.float32)))
    watched = ConditionWatch(blind, standard(blind.event).fit(blind.to_fit()))
    x, asked = generated(blind)
    assert watched.examine(x, asked).verdict == "ok"


def test_findings_beside_each_other_keep_the_first_verdict_that_is_not_ok() -> None:
    ok, bad = Health("ok", "fine", {"a": 1.0}), Health("ignores_condition", "energy", {"b": 2.0})
    collapsed = Health("collapsed", "gone")
    assert ok.beside(bad) == Health("ignores_condition", "fine; energy", {"a": 1.0, "b": 2.0})
    assert collapsed.beside(bad).verdict == "collapsed"
    assert ok.beside(Health("ok", "")).reason == "fine"


def test_residuals_are_told_by_their_quantiles_beside_those_of_held_out_examples() -> None:
    ours = Batch(torch.linspace(-1, 1, 201)[:, None])
    real = Batch(torch.tensor([[0.0], [0.01], [0.02]]))
    said, numbers = distribution(lambda x, condition: {"balance": x[:, 0]}, ours, real)
    assert numbers["residual.balance.median"] == pytest.approx(0.5, abs=0.01)
    assert numbers["residual.balance.q95"] == pytest.approx(0.95, abs=0.01)
    assert numbers["residual.balance.largest"] == 1
    assert numbers["residual.balance.mean"] == pytest.approx(0, abs=1e-6)
    assert numbers["residual.balance.median_real"] == pytest.approx(0.01)
    assert "residual of balance: median 0.5" in said
    assert distribution(lambda x, condition: {}, ours, real) == ("", {})
