"""The networks of the adversarial recipes on images that convolutions make: shapes, moves, conditions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from allmodes.data.dataset import Dataset, load_data
from allmodes.event import Condition
from allmodes.networks.dcgan import DCGANGenerator
from allmodes.random import Rng
from allmodes.recipes import build
from allmodes.training.trainer import Trainer

CONDITIONAL = {"cgan", "acgan", "constrained"}
RECIPES = ["acgan", "cgan", "constrained", "pacgan", "unrolled", "wgan", "wgan-gp"]


@pytest.fixture(scope="module")
def images() -> Dataset:
    rng = np.random.default_rng(0)
    brightness, kind = rng.uniform(0.5, 2, 120), rng.integers(0, 3, 120)
    x = rng.exponential(1.0, (120, 16, 20, 2)) * brightness[:, None, None, None]
    x[:, :2] = 0
    return load_data(x.astype(np.float32), labels=kind, conditions={"total": x.sum((1, 2, 3))})


def test_convolutions_have_at_least_one_channel(images: Dataset) -> None:
    model = build("wgan-gp", images.event, {"width": 3}).model
    assert all(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_player_moves_on_images_and_samples_are_images(
    recipe: str, make_trainer: Callable[..., Trainer], images: Dataset
) -> None:
    trainer = make_trainer(recipe, images)
    model = trainer.model
    assert any(isinstance(module, DCGANGenerator) for module in model.modules())
    for player in model.players:
        before = [p.detach().clone() for p in player.module.parameters()]
        logged = trainer.move(player, [next(trainer.batches)], 1e-3)
        assert all(value.isfinite() for value in logged.values())
        assert not all(p.equal(old) for p, old in zip(player.module.parameters(), before, strict=True))
    asked = images.condition[torch.arange(10)] if recipe in CONDITIONAL else None
    samples = model.sample(10, asked, rng=Rng(0))
    assert samples.shape == (10, 16, 20, 2)
    assert samples.min() >= 0


@pytest.mark.parametrize("recipe", sorted(CONDITIONAL))
def test_what_is_asked_for_reaches_the_generator(
    recipe: str, make_trainer: Callable[..., Trainer], images: Dataset
) -> None:
    model = make_trainer(recipe, images).model
    assert images.values is not None
    asked = images.condition[torch.arange(10)]
    assert asked.labels is not None
    first = model.sample(10, asked, rng=Rng(0))
    assert not first.equal(model.sample(10, Condition((asked.labels + 1) % 3, asked.values), rng=Rng(0)))
    assert not first.equal(model.sample(10, Condition(asked.labels, asked.values + 100), rng=Rng(0)))


def test_showers_keep_their_dead_rows_and_their_sum(make_trainer: Callable[..., Trainer], images: Dataset) -> None:
    model = make_trainer("constrained", images, sum="total", zeros=True).model
    asked = images.condition[torch.arange(20)]
    assert asked.values is not None
    samples = model.sample(20, asked, rng=Rng(0))
    assert not samples[:, :2].any()
    relative = samples.double().sum((1, 2, 3)) / asked.values[:, 0].double() - 1
    assert relative.abs().max() < 1e-6
