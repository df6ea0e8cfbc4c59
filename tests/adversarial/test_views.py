"""What the discriminator sees: noise of the scheduled size, augmentations that are what they say, p that adapts."""

from __future__ import annotations

import pytest
import torch

from allmodes.adversarial.views import Augmentation, InstanceNoise, colour, cutout, translation
from allmodes.random import Rng
from allmodes.schedule import Geometric


@pytest.mark.parametrize(("t", "sigma"), [(0.0, 0.4), (0.5, 0.2), (1.0, 0.1)])
def test_instance_noise_has_the_scheduled_size(t: float, sigma: float) -> None:
    x = torch.ones(4000, 3)
    noise = InstanceNoise(Geometric(0.4, 0.1))(x, 1, Rng(0), t) - x
    assert noise.std().item() == pytest.approx(sigma, rel=0.03)
    assert noise.mean().item() == pytest.approx(0, abs=0.02)


def test_translation_moves_the_whole_image_and_brings_in_zeros() -> None:
    image = torch.arange(1.0, 2 * 16 * 24 + 1).reshape(1, 2, 16, 24).expand(200, -1, -1, -1)
    shifts = set()
    for moved in translation(image, Rng(0)):
        down, right = next(
            (d, r)
            for d in range(-2, 3)
            for r in range(-3, 4)
            if moved[:, max(d, 0) : 16 + min(d, 0), max(r, 0) : 24 + min(r, 0)].equal(
                image[0, :, max(-d, 0) : 16 - max(d, 0), max(-r, 0) : 24 - max(r, 0)]
            )
        )
        assert (moved == 0).sum() == 2 * (16 * 24 - (16 - abs(down)) * (24 - abs(right)))
        shifts.add((down, right))
    assert len(shifts) == 35  # all of -2 .. 2 by -3 .. 3


def test_cutout_sets_a_rectangle_of_half_the_sides_to_zero_for_all_channels() -> None:
    cut = cutout(torch.ones(300, 3, 16, 8), Rng(0)) == 0
    assert cut.all(1).equal(cut.any(1))
    rows, columns = cut[:, 0].any(2).sum(1), cut[:, 0].any(1).sum(1)
    assert rows.max() == 8
    assert columns.max() == 4
    assert (cut[:, 0].sum((1, 2)) == rows * columns).all()


def test_colour_keeps_what_it_should() -> None:
    x = torch.rand(50, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    changed = colour(x, Rng(0))
    shift = changed.mean((1, 2, 3)) - x.mean((1, 2, 3))  # saturation and contrast keep the mean
    assert shift.abs().max() <= 0.5
    assert shift.max() - shift.min() > 0.8
    grey = x.mean(1)
    ratio = (changed.mean(1) - changed.mean((1, 2, 3))[:, None, None]) / (grey - grey.mean((1, 2))[:, None, None])
    assert ((ratio > 0.49) & (ratio < 1.51)).all()  # contrast, the same for all pixels
    assert ratio.flatten(1).std(1).max() < 1e-2


def test_an_augmentation_is_differentiable_and_leaves_points_alone() -> None:
    view = Augmentation(1.0, None)
    x = torch.rand(8, 1, 16, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(view(x, 3, Rng(0), 0.0).sum(), x)
    assert gradient.abs().sum((1, 2, 3)).min() > 0
    points = torch.rand(8, 2)
    assert view(points, 1, Rng(0), 0.0) is points


@pytest.mark.parametrize(("p", "low", "high"), [(0.0, 0, 0), (0.3, 0.55, 0.75), (1.0, 1, 1)])
def test_each_step_has_its_probability(p: float, low: float, high: float) -> None:
    x = torch.rand(1000, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    changed = (Augmentation(p, None)(x, 3, Rng(0), 0.0) != x).flatten(1).any(1).float().mean().item()
    assert low <= changed <= high  # one of three steps: 1 - 0.7^3 = 0.657


def test_p_follows_the_share_of_real_examples_that_the_discriminator_is_sure_of() -> None:
    view = Augmentation(images=1000)
    assert view.probability == 0
    sure, unsure = torch.ones(100), torch.tensor([1.0, -1.0]).repeat(50)
    for _ in range(3):
        view.heed(sure)
    assert view.probability.item() == pytest.approx(0.3)
    view.heed(unsure)
    assert view.probability.item() == pytest.approx(0.2)
    for _ in range(20):
        view.heed(sure)
    assert view.probability == 1
    still = Augmentation(0.5, None)
    still.heed(sure)
    assert still.probability == 0.5


def test_how_often_examples_are_augmented_is_kept_with_the_weights() -> None:
    assert "probability" in Augmentation().state_dict()
