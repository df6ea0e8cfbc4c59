"""Recipes for images: what they refuse, what they begin with, and that they train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from allmodes.data.dataset import Dataset, load_data
from allmodes.errors import UserError
from allmodes.event import Event, Layout, Support
from allmodes.models.gan import GAN
from allmodes.random import Rng
from allmodes.recipes import build
from allmodes.training import checkpoint
from allmodes.training.train import train
from allmodes.training.trainer import Trainer

MakeTrainer = Callable[..., Trainer]
Equal = Callable[[Any, Any], bool]
IMAGE_RECIPES = ("dcgan", "sngan", "biggan")


@pytest.mark.parametrize("recipe", IMAGE_RECIPES)
def test_an_image_too_small_is_told_the_smallest_size_in_one_line(recipe: str) -> None:
    event = Event((3, 7, 20), Support.LEVELS, 256, Layout.CHW, classes=("a", "b"))
    with pytest.raises(
        UserError, match=f"{recipe} makes images of at least 8 x 8, and these have 7 x 20; use --recipe r3gan"
    ):
        build(recipe, event)
    assert build(recipe, replace(event, shape=(3, 8, 20)), {"width": 2}).model.event.shape == (3, 8, 20)


def test_biggan_says_that_it_needs_conditions() -> None:
    with pytest.raises(UserError, match=r"biggan needs conditions, and the data have none"):
        build("biggan", Event((8, 8), Support.LEVELS, 17, Layout.HW))


def test_the_normalized_networks_are_the_papers() -> None:
    event = Event((8, 8), Support.LEVELS, 17, Layout.HW, classes=("a", "b"))
    for recipe, normalized in (("sngan", {"discriminator"}), ("biggan", {"discriminator", "generator"})):
        model = build(recipe, event, {"width": 4}).model
        for name in ("generator", "discriminator"):
            layers = [m for m in model.get_submodule(name).modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
            assert len(layers) >= 5
            assert {is_parametrized(layer, "weight") for layer in layers} == {name in normalized}


def test_dcgan_has_the_papers_settings(digits: Dataset) -> None:
    made = build("dcgan", digits.event)
    assert isinstance(made.model, GAN)
    optimizer = made.optimizer_of("generator")
    assert (optimizer.rate(0.5), optimizer.betas, made.batch, made.model.latent.size) == (2e-4, (0.5, 0.999), 128, 100)
    weights = torch.cat(
        [m.weight.flatten() for m in made.model.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    )
    assert float(weights.std().detach()) == pytest.approx(0.02, rel=0.02)
    x = made.model.transform(digits.x)
    assert (float(x.min()), float(x.max())) == (-1, 1)


@pytest.mark.parametrize("recipe", ["sngan", "biggan"])
def test_a_training_that_stops_goes_on_to_the_same_bits(
    recipe: str, make_trainer: MakeTrainer, digits: Dataset, equal: Equal
) -> None:
    """Power iterations, running statistics and averages are part of the state."""
    straight, first, second = (make_trainer(recipe, digits, steps=4) for _ in range(3))
    list(straight)
    for step in first:
        if step == 2:
            first.sample(3, Rng(0), digits.condition)
            break
    second.load(*first.state())
    list(second)
    assert equal(second.state(), straight.state())


def gradients(make_trainer: MakeTrainer, data: Dataset, batch: int, accumulate: int) -> list[torch.Tensor]:
    trainer = make_trainer("r3gan", data, batch=batch)
    trainer.recipe = replace(trainer.recipe, accumulate=accumulate)
    trainer.autocast = False
    player = trainer.model.players[0]
    z = torch.randn(16, 64, generator=torch.Generator().manual_seed(0))
    drawn = iter(z.split(batch))
    trainer.model.draw = lambda n, condition, rng: trainer.model.generator(next(drawn))
    trainer.optimizers[player.name].move = lambda rate: None
    trainer.move(player, [next(trainer.batches) for _ in range(accumulate)], 0.0)
    return [p.grad for p in trainer.parameters[player.name]]


def test_accumulated_gradients_are_those_of_one_large_batch(make_trainer: MakeTrainer, digits: Dataset) -> None:
    """For networks without batch statistics; relativistic pairing, R1 and R2 are all means over examples."""
    large, small = gradients(make_trainer, digits, 16, 1), gradients(make_trainer, digits, 4, 4)
    for a, b in zip(large, small, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("event", "bounded"),
    [
        (Event((8, 8), Support.LEVELS, 17, Layout.HW), True),
        (Event((28, 28), Support.LEVELS, 256, Layout.HW), True),
        (Event((8, 8), Support.BINARY, 0, Layout.HW), False),
        (Event((3,)), False),
    ],
)
def test_the_default_generates_grey_within_its_range(event: Event, bounded: bool) -> None:
    model = build("r3gan", event).model
    assert isinstance(model, GAN)
    z = 100 * model.latent.draw(16, Rng(0))
    assert (model.generator(z).abs().max() <= 1) == bounded


def test_truncated_samples_are_nearer_to_each_other(make_trainer: MakeTrainer, digits: Dataset) -> None:
    trainer = make_trainer("r3gan", digits, steps=30)
    list(trainer)
    spread = []
    for threshold in (0.1, 0.5, 1.0, 2.0):
        model = trainer.model.truncated(threshold)
        x = model.sample(64, rng=Rng(0)).float()
        spread.append(float(x.std(0).mean()))
    assert spread == sorted(spread)
    assert trainer.model.latent.draw(500, Rng(0)).abs().max() > 3  # the model itself is left as it is


@pytest.mark.slow
def test_biggan_of_reduced_width_trains_for_200_steps_at_32_by_32(make_trainer: MakeTrainer) -> None:
    """On two classes, dark and bright: its samples have the brightness that was asked for."""
    rng = torch.Generator().manual_seed(0)
    labels = torch.arange(256) % 2
    x = (labels[:, None, None] * 160 + torch.randint(60, (256, 32, 32), generator=rng)).to(torch.uint8)
    data = load_data(x.numpy(), labels=labels.numpy())
    trainer = make_trainer("biggan", data, steps=200, width=4, batch=16, accumulate=1, turns=1, rate=3e-4)
    list(trainer)
    assert all(abs(value) < 1e3 for value in trainer.fetch().values())
    made = trainer.sample(64, Rng(0), data.condition).float().flatten(1).mean(1)
    dark, bright = made[labels[:64] == 0], made[labels[:64] == 1]
    assert bright.mean() - dark.mean() > 40


def test_the_defaults_residual_networks_train_and_have_no_normalization(make_trainer: MakeTrainer) -> None:
    rng = torch.Generator().manual_seed(0)
    data = load_data(torch.randint(256, (64, 17, 16), generator=rng, dtype=torch.uint8))
    trainer = make_trainer("r3gan", data, steps=3, residual="true", width=16)
    before = [p.detach().clone() for p in trainer.model.parameters()]
    list(trainer)
    assert all(not p.equal(old) for p, old in zip(trainer.model.parameters(), before, strict=True))
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in trainer.model.modules())
    assert not any("running" in name for name in trainer.model.state_dict())
    assert trainer.sample(5, Rng(0)).shape == (5, 17, 16)


def test_a_run_samples_from_averaged_statistics_with_averaged_weights(tmp_path: Path, digits: Dataset) -> None:
    settings = {"width": 4, "batch": 8, "accumulate": 1, "turns": 1}
    run = train("biggan", digits, steps=3, out=tmp_path / "run", settings=settings)
    kept = checkpoint.load(run.folder)
    assert kept is not None
    names = [name for name in kept.tensors["average"] if name.endswith("running_var")]
    assert names
    weights = run.model.state_dict()
    for name, mean in kept.tensors["average"].items():
        assert weights[name].equal(mean)
    assert not any(kept.tensors["model"][name].equal(weights[name]) for name in names)


def test_the_default_lights_pixels_of_images_that_are_nearly_black(make_trainer: MakeTrainer) -> None:
    """With a tanh at its end the generator is black after fifty steps, and still so after two hundred."""
    rows, columns = torch.randint(2, 13, (2, 1000), generator=torch.Generator().manual_seed(0)).tolist()
    x = torch.zeros(1000, 16, 16, dtype=torch.uint8)
    for image, row, column in zip(x, rows, columns, strict=True):
        image[row : row + 2, column : column + 2] = 255
    data = load_data(x)
    trainer = make_trainer("r3gan", data, steps=400)
    for _ in zip(range(100), trainer, strict=False):
        pass
    assert float((trainer.sample(200, Rng(1)).amax((1, 2)) > 127).float().mean()) > 0.3
