"""The averaged weights: the formula, and a model that gets its own weights back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from allmodes.data.dataset import Dataset
from allmodes.training.ema import Average
from allmodes.training.trainer import Trainer

MakeTrainer = Callable[..., Trainer]


def test_after_some_steps_the_average_is_the_formulas(make_trainer: MakeTrainer, ring: Dataset) -> None:
    model = make_trainer("gan2014", ring).model.double()
    average = Average(model, 0.3)
    weight = dict(model.named_parameters())["generator.0.weight"]
    expected = weight.detach().clone()
    for step in range(20):
        with torch.no_grad():
            weight.mul_(0.9).add_(step)
        average.update(average.share(step))
        beta = 2 ** (-1 / (1 + 0.3 * step))
        expected = beta * expected + (1 - beta) * weight.detach()
    torch.testing.assert_close(average.mean["generator.0.weight"], expected, rtol=1e-12, atol=1e-12)


def test_a_constant_is_its_own_average_and_half_of_it_comes_in_one_half_life(
    make_trainer: MakeTrainer, ring: Dataset
) -> None:
    model = make_trainer("gan2014", ring).model.double()
    average = Average(model, 0.05)
    name = "generator.0.weight"
    with torch.no_grad():
        average.mean[name].zero_()
        average.live[name].fill_(1.0)
    start, half = 4000, 200  # a half-life of 0.05 of 4000 steps
    for step in range(start, start + half):
        average.update(average.share(step))
    assert average.mean[name].mean().item() == pytest.approx(0.5, abs=0.02)


def test_only_the_players_that_samples_come_from_are_averaged(make_trainer: MakeTrainer, ring: Dataset) -> None:
    model = make_trainer("r3gan", ring).model
    names = set(Average(model, 0.1).mean)
    assert names == {name for name, _ in model.named_parameters() if name.startswith("generator.")}


def test_inside_the_block_the_average_outside_the_models_own_weights(
    make_trainer: MakeTrainer, ring: Dataset, equal: Callable[[Any, Any], bool]
) -> None:
    trainer = make_trainer("r3gan", ring, steps=10)
    list(trainer)
    model, average = trainer.model, trainer.average
    assert average is not None
    before = {name: value.clone() for name, value in model.state_dict().items()}

    def look() -> None:
        with average.applied():
            assert all(p.equal(average.mean[name]) for name, p in average.live.items())
            assert not equal(model.state_dict(), before)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        look()
    assert equal(model.state_dict(), before)


def test_running_statistics_of_the_averaged_player_are_averaged_too(make_trainer: MakeTrainer, digits: Dataset) -> None:
    trainer = make_trainer("biggan", digits, steps=3)
    assert trainer.average is not None
    names = [name for name in trainer.average.mean if name.endswith("running_var")]
    buffers = dict(trainer.model.named_buffers())
    assert len(names) == 3
    assert all(name.startswith("generator.") for name in names)
    expected = {name: buffers[name].clone() for name in names}
    for step in trainer:
        for name in names:
            expected[name].lerp_(buffers[name], trainer.average.share(step - 1))
    with trainer.average.applied():
        assert all(buffers[name].equal(expected[name]) for name in names)
    assert not any(buffers[name].equal(expected[name]) for name in names)
