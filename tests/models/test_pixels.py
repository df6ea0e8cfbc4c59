"""Densities of images, pixel after pixel: sums, causality, blind spots, samples, gradients, the pixel-wise sampler."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from allmodes.data.transforms import Chain, ChannelsFirst
from allmodes.errors import UserError
from allmodes.event import Batch, Condition, Event, Layout, Support
from allmodes.models.base import DensityModel
from allmodes.models.pixelcnn import PixelCNN
from allmodes.models.pixelrnn import PixelRNN
from allmodes.networks.conditionals import conditional_for
from allmodes.networks.discrete import Bernoulli
from allmodes.networks.gated_pixelcnn import GatedPixelCNNNetwork
from allmodes.networks.masked import PixelNetwork
from allmodes.networks.mixtures import LogisticMixture
from allmodes.networks.pixelcnn import PixelCNNNetwork
from allmodes.networks.pixelrnn import DiagonalBiLSTM, PixelRNNNetwork, RowLSTM
from allmodes.random import Rng, seeded
from allmodes.recipes import build
from allmodes.testing import check_model

NETWORKS: dict[str, Callable[[int, int, int], PixelNetwork]] = {
    "plain": lambda c, p, width: PixelCNNNetwork(c, p, width, 2),
    "plain, wide": lambda c, p, width: PixelCNNNetwork(c, p, width, 2, (1, 3)),
    "gated": lambda c, p, width: GatedPixelCNNNetwork(c, p, width, 4),
    "row": lambda c, p, width: PixelRNNNetwork(c, p, width, RowLSTM, 2),
    "diagonal": lambda c, p, width: PixelRNNNetwork(c, p, width, DiagonalBiLSTM, 1),
}


def picture(*shape: int, levels: int = 2) -> Event:
    """An event [channels, rows, columns]; 0 levels: real numbers."""
    support = {0: Support.REAL, 2: Support.BINARY}.get(levels, Support.LEVELS)
    return Event(shape, support, levels if support is Support.LEVELS else 0, Layout.CHW)


def pixels(name: str, event: Event, width: int = 5, gain: float = 2.0, seed: int = 0) -> DensityModel:
    """A model of that network with random weights, larger than at the start for dependence."""
    assert event.image
    site = conditional_for(event, event.image[0])
    with seeded(seed):
        network = NETWORKS[name](event.image[0], site.parameters, width)
    for p in network.parameters():
        p.data.mul_(gain)
    family = PixelRNN if isinstance(network, PixelRNNNetwork) else PixelCNN
    return family(event, Chain(ChannelsFirst(event.layout)), site, network)  # type: ignore[arg-type]


def states(event: Event) -> Tensor:
    levels = event.levels or 2
    return torch.tensor(list(itertools.product(range(levels), repeat=event.size))).view(-1, *event.shape)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(
    "event", [picture(1, 3, 4), picture(2, 2, 2), picture(1, 3, 2, levels=3), picture(3, 1, 2, levels=3)], ids=str
)
def test_probabilities_of_all_images_sum_to_one(name: str, event: Event) -> None:
    assert float(pixels(name, event).score(states(event)).value.exp().sum()) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_pixel_depends_on_earlier_pixels_alone_and_on_all_of_them_where_there_is_no_blind_spot(name: str) -> None:
    rows, columns = 6, 7
    network = pixels(name, picture(2, rows, columns, levels=0)).network
    assert isinstance(network, PixelNetwork)
    image = torch.randn(1, 2, rows, columns, generator=torch.Generator().manual_seed(0))
    jacobian = torch.autograd.functional.jacobian(lambda v: network(v, Rng(0)).square().sum(-1).flatten(), image)
    influence = jacobian.abs().sum((1, 2)).flatten(1)
    assert influence.triu().abs().max() == 0
    earlier = influence[torch.tril_indices(rows * columns, rows * columns, -1).unbind()]
    if name in ("gated", "diagonal"):
        assert (earlier > 0).all()
    else:
        assert 0.5 < (earlier > 0).float().mean() < 1


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(
    "event", [picture(1, 6, 5), picture(3, 5, 8, levels=256), picture(2, 4, 3, levels=0)], ids=lambda e: e.support
)
def test_the_sampler_sees_the_numbers_of_a_full_pass(name: str, event: Event) -> None:
    model = pixels(name, event, gain=1.2)
    _, rows, columns = event.image or (0, 0, 0)
    noise = Rng(0).uniform(7, rows * columns, model.site.noises)  # type: ignore[union-attr]
    with torch.no_grad():
        y, parameters = model.network.draw((rows, columns), noise, model.site)  # type: ignore[union-attr]
        full = model.network(model.site.features(y), Rng(0))  # type: ignore[union-attr]
    assert y.shape == (7, *(event.image or ()))
    assert (full - parameters).abs().max() < 1e-5


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("event", [picture(1, 2, 3), picture(3, 1, 2)], ids=str)
def test_samples_follow_the_density(name: str, event: Event, follow: Callable[..., None]) -> None:
    model = pixels(name, event, gain=1.5)
    follow(model, model.score(states(event)).value.exp())


@pytest.mark.parametrize("recipe", ["pixelcnn", "gated-pixelcnn"])
def test_channels_are_left_out_in_training_by_the_models_own_random_numbers(recipe: str) -> None:
    event = picture(1, 4, 5)
    dropped, whole = (build(recipe, event, {"width": 6, "dropped": share}).model for share in (0.5, 0.0))
    whole.load_state_dict(dropped.state_dict())
    batch = Batch((torch.rand(8, 1, 4, 5, generator=torch.Generator().manual_seed(0)) > 0.5).to(torch.uint8))

    def loss(seed: int) -> float:
        return dropped.loss(dropped.players[0], batch, Rng(seed)).value.item()

    assert loss(0) == loss(0) != loss(1)
    assert dropped.score(batch.x).value.equal(whole.score(batch.x).value)
    check_model(dropped, batch.x)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_model_trained_on_few_images_reaches_their_entropy(name: str) -> None:
    event = picture(1, 4, 3)
    images = torch.randint(2, (8, *event.shape), generator=torch.Generator().manual_seed(0))
    model = pixels(name, event, width=16, gain=1.0)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(250):
        optimizer.zero_grad()
        model.loss(model.players[0], Batch(images), Rng(0)).value.backward()
        optimizer.step()
    assert -float(model.score(images).value.mean()) == pytest.approx(math.log(8), abs=0.05)


@pytest.mark.parametrize("name", NETWORKS)
def test_scoring_and_drawing_leave_weights_and_buffers(name: str, snapshot: Callable[..., dict[str, Tensor]]) -> None:
    event = picture(1, 2, 3)
    model = pixels(name, event)
    before = snapshot(model)
    first = model.score(states(event)).value
    model.sample(50)
    assert all(value.equal(before[key]) for key, value in model.state_dict().items())
    shuffled = torch.randperm(64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model.score(states(event)[shuffled]).value, first[shuffled], atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(
    "event", [picture(1, 4, 3), picture(3, 3, 2, levels=256), picture(2, 3, 3, levels=0)], ids=lambda e: e.support
)
def test_gradients_are_finite_differences(name: str, event: Event) -> None:
    model = pixels(name, event, gain=1.0).eval()
    generator = torch.Generator().manual_seed(0)
    shape = (4, *event.shape)
    y = (
        torch.randint(event.levels or 2, shape, generator=generator)
        if event.discrete
        else torch.randn(shape, generator=generator)
    )

    def loss() -> Tensor:
        return -model.log_density(model.transform(y), Condition(), budget=None, rng=Rng(0)).mean()

    loss().backward()
    for p in model.parameters():
        direction = torch.randn(p.shape, generator=generator)
        slope = float((p.grad * direction).sum())  # type: ignore[operator]
        with torch.no_grad():
            p += 1e-6 * direction
            above = float(loss())
            p -= 2e-6 * direction
            below = float(loss())
            p += 1e-6 * direction
        assert (above - below) / 2e-6 == pytest.approx(slope, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("name", ["plain", "gated"])
def test_a_convolution_knows_where_a_pixel_is(name: str) -> None:
    """On a blank image too, away from its border, where all pixels see the same."""
    with seeded(0):
        network = NETWORKS[name](1, 1, 8)
    numbers = network(torch.zeros(1, 1, 30, 30), Rng(0))[0, 12:-12, 12:-12, 0].detach()
    assert numbers.diff(dim=0).abs().min() > 0
    assert numbers.diff(dim=1).abs().min() > 0


def test_parameter_counts_are_those_of_the_formulas() -> None:
    """Of what a mask leaves; constant channels of the image count as features."""
    h = 16
    plain = PixelCNNNetwork(1, 1, h, 7)
    assert sum(p.numel() for p in plain.blocks.parameters()) == 7 * (
        (2 * h * h + h) + (6 * h * h + h) + (2 * h * h + 2 * h)
    )
    unmasked = sum(int(block.masked.mask.sum()) for block in plain.blocks)  # type: ignore[union-attr]
    assert unmasked == 7 * 5  # of 9: three above, one to the left, the pixel itself
    assert int(plain.entry.mask.sum()) == 3 * 7 + 3
    lstm = DiagonalBiLSTM(h, 2)
    assert (
        sum(p.numel() for p in lstm.parameters())
        == 2 * (2 * h * 4 * h + 2 * h * 4 * h + 4 * h) + 2 * 4 * h + 2 * h * h + 2 * h
    )


def test_what_does_not_fit_is_named() -> None:
    for name in NETWORKS:
        network = NETWORKS[name](1, 1, 4)
        family = PixelRNN if isinstance(network, PixelRNNNetwork) else PixelCNN
        with pytest.raises(UserError, match="makes images, and an example here has shape"):
            family(Event((4,), Support.BINARY), Chain(), Bernoulli(), network)  # type: ignore[arg-type]
        with pytest.raises(UserError, match="Bernoulli is a distribution of 2 levels, and the data have real values"):
            family(picture(1, 2, 2, levels=0), Chain(), Bernoulli(), network)  # type: ignore[arg-type]
        with pytest.raises(UserError, match="distribution of 8 levels, and the data have 9 levels"):
            family(picture(1, 2, 2, levels=9), Chain(), LogisticMixture(1, 2, 8), network)  # type: ignore[arg-type]


@pytest.mark.parametrize("event", [picture(2, 2, 2), picture(1, 2, 2, levels=3), picture(1, 2, 2, levels=0)], ids=str)
@pytest.mark.parametrize("recipe", ["pixelcnn", "gated-pixelcnn", "pixelrnn-row", "pixelrnn-diagonal"])
def test_the_public_checks_hold(recipe: str, event: Event) -> None:
    generator = torch.Generator().manual_seed(0)
    shape = (20, *event.shape)
    x = (
        torch.randint(event.levels or 2, shape, generator=generator)
        if event.discrete
        else torch.randn(shape, generator=generator)
    )
    settings = {"width": 16}  # narrower, all rectifiers of a layer may be off
    model = build(recipe, event, settings, steps=1).model
    model.fit(x)
    check_model(model, x, rebuild=lambda: build(recipe, event, settings, steps=1, seed=9).model, steps=0)
