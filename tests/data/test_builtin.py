"""Built-in data: what they are said to be is what they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from allmodes.data.builtin import BUILTINS, datasets
from allmodes.data.dataset import load_data
from allmodes.errors import UserError
from allmodes.event import Layout, Support


@pytest.mark.parametrize("entry", datasets(), ids=lambda entry: entry["name"])
def test_the_list_says_what_the_data_are(entry: dict) -> None:
    data = load_data(entry["name"])
    assert list(data.event.shape) == entry["shape"]
    assert len(data) == entry["n"]
    assert load_data(**data.source).digest == data.digest
    if "seed" in entry["options"]:
        assert data.digest != load_data(entry["name"], seed=1).digest


def test_mixtures_are_unconditional_and_carry_their_modes() -> None:
    for name in ("ring", "grid", "mixture1d"):
        data = load_data(name, n=1000)
        assert data.labels is None
        assert data.modes is not None
        assert data.modes.examine(data.x).captured == len(data.modes.centres)


def test_grid_centres_and_mixture_weights_are_the_published_ones() -> None:
    grid, mixture = BUILTINS["grid"].make(n=1).modes, BUILTINS["mixture1d"].make(n=1).modes
    assert grid is not None
    assert mixture is not None
    assert {tuple(centre) for centre in grid.centres.tolist()} == {
        (float(x), float(y)) for x in range(-4, 5, 2) for y in range(-4, 5, 2)
    }
    assert mixture.centres.flatten().tolist() == [-4, 0, 4]
    assert mixture.shares.tolist() == pytest.approx([0.6, 0.3, 0.1])


def test_the_width_of_the_modes_is_the_published_one_and_the_radius_what_was_asked_for() -> None:
    made = {name: BUILTINS[name].make(n=1).modes for name in ("ring", "grid")}
    assert [modes.sigma for modes in made.values() if modes] == [0.01, 0.05]
    wide = BUILTINS["ring"].make(n=1, radius=3.0).modes
    assert wide is not None
    assert wide.centres.norm(dim=1).tolist() == pytest.approx([3.0] * 8)


def test_swissroll_lies_between_its_radii() -> None:
    radius = load_data("swissroll", noise=0.0, n=1000).x.norm(dim=1)
    assert radius.min() >= 1 / 3 - 1e-6
    assert radius.max() <= 1 + 1e-6
    assert radius.max() - radius.min() > 0.65
    noise = load_data("swissroll").x - load_data("swissroll", noise=0.0).x
    assert noise.std(0).tolist() == pytest.approx([0.02, 0.02], rel=0.02)
    assert abs(float(noise.T.corrcoef()[0, 1])) < 0.05


def test_digits_are_images_of_seventeen_levels_in_ten_classes() -> None:
    data = load_data("digits")
    event = data.event
    assert (event.support, event.levels, event.layout, event.classes) == (
        Support.LEVELS,
        17,
        Layout.HW,
        tuple("0123456789"),
    )
    assert data.x.dtype == torch.uint8


def test_a_stacked_digit_is_three_digits_and_its_class_says_which() -> None:
    single, data = load_data("digits"), load_data("stacked-digits", n=200)
    assert data.event.layout is Layout.CHW
    assert len(data.event.classes) == 1000
    assert single.labels is not None
    assert data.labels is not None
    label_of = {image.numpy().tobytes(): int(label) for image, label in zip(single.x, single.labels, strict=True)}
    for image, label in zip(data.x, data.labels, strict=True):
        name = "".join(str(label_of[channel.contiguous().numpy().tobytes()]) for channel in image)
        assert data.event.classes[int(label)] == name


@pytest.mark.parametrize(
    "options",
    [
        {"n": 0},
        {"n": True},
        {"modes": 2.5},
        {"sigma": -1.0},
        {"sigma": float("nan")},
        {"radius": float("inf")},
        {"seed": -1},
        {"radius": "big"},
    ],
)
def test_options_out_of_range_are_named(options: dict) -> None:
    with pytest.raises(UserError, match=f"ring with {next(iter(options))}="):
        load_data("ring", **options)


def test_numbers_of_numpy_are_options_too() -> None:
    assert load_data("ring", n=np.int64(50), sigma=np.float32(0.5)).x.shape == (50, 2)


def test_an_unknown_option_gets_the_nearest() -> None:
    with pytest.raises(UserError, match="unknown option of ring 'sigmas'; did you mean 'sigma'"):
        load_data("ring", sigmas=1)


def test_the_global_generators_are_left_alone() -> None:
    before, legacy = torch.get_rng_state(), str(np.random.get_state())  # noqa: NPY002
    load_data("ring", n=100)
    load_data("stacked-digits", n=10)
    assert torch.equal(before, torch.get_rng_state())
    assert str(np.random.get_state()) == legacy  # noqa: NPY002
