"""Invertible layers: back and forth, log-determinants against autograd, what masks let through."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from allmodes.networks.coupling import (
    ActNorm,
    AdditiveCoupling,
    AffineCoupling,
    Bijection,
    Composed,
    ImageNetwork,
    Leaving,
    Scaling,
    Squeeze,
    VectorNetwork,
    alternating,
    checkerboard,
    half_of_channels,
)
from allmodes.networks.priors import StandardLogistic, StandardNormal
from allmodes.random import Rng, StackedRng, seeded

pytestmark = pytest.mark.usefixtures("float64")
IMAGE = (2, 4, 6)


def leaving() -> Bijection:
    last = Leaving(ActNorm((4, 2, 3)), (4, 2, 3), None)
    mask = half_of_channels((8, 2, 3), 1)
    layers = Composed(Squeeze(), AffineCoupling(mask, ImageNetwork(8, 2, 5, 1)))
    return Leaving(layers, (8, 2, 3), last)


LAYERS: dict[str, tuple[Callable[[], Bijection], tuple[int, ...]]] = {
    "additive": (lambda: AdditiveCoupling(alternating(5, 0), VectorNetwork(alternating(5, 0), 1, (7,))), (5,)),
    "affine": (lambda: AffineCoupling(alternating(5, 1), VectorNetwork(alternating(5, 1), 2, (7,))), (5,)),
    "checkerboard": (lambda: AffineCoupling(checkerboard(IMAGE, 0), ImageNetwork(2, 2, 5, 2)), IMAGE),
    "channels": (lambda: AffineCoupling(half_of_channels(IMAGE, 0), ImageNetwork(2, 2, 5, 1)), IMAGE),
    "scaling": (lambda: Scaling(5), (5,)),
    "actnorm": (lambda: ActNorm((5,)), (5,)),
    "actnorm of images": (lambda: ActNorm(IMAGE), IMAGE),
    "squeeze": (Squeeze, IMAGE),
    "leaving": (leaving, IMAGE),
    "composed": (lambda: Composed(Scaling(5), ActNorm((5,)), LAYERS["affine"][0]()), (5,)),
}


def shaken(name: str) -> tuple[Bijection, tuple[int, ...]]:
    """A layer with weights far from its beginning."""
    make, shape = LAYERS[name]
    with seeded(0):
        layer = make()
        with torch.no_grad():
            for p in layer.parameters():
                p.add_(0.3 * torch.randn(p.shape))
    return layer, shape


def examples(n: int, shape: tuple[int, ...]) -> Tensor:
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", LAYERS)
def test_the_log_determinant_is_that_of_the_jacobian_that_autograd_finds(name: str) -> None:
    layer, shape = shaken(name)
    x = examples(4, shape)
    y, log_det = layer(x)
    assert log_det.shape == (4,)
    for row in range(4):
        jacobian = torch.autograd.functional.jacobian(lambda one: layer(one[None])[0][0], x[row])
        size = x[row].numel()
        assert jacobian.shape == (*y.shape[1:], *shape)
        expected = torch.linalg.slogdet(jacobian.reshape(size, size)).logabsdet
        torch.testing.assert_close(log_det[row], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", LAYERS)
def test_the_inverse_undoes_the_layer(name: str) -> None:
    layer, shape = shaken(name)
    x = 3 * examples(50, shape)
    assert (layer.inverse(layer(x)[0]) - x).abs().max() < 1e-10
    y = layer(x)[0]
    assert (layer(layer.inverse(2 * y))[0] - 2 * y).abs().max() < 1e-10


@pytest.mark.parametrize("name", ["additive", "affine", "checkerboard", "channels"])
def test_what_is_kept_comes_out_as_it_went_in_and_what_is_moved_sees_only_what_is_kept(name: str) -> None:
    layer, shape = shaken(name)
    assert isinstance(layer, (AdditiveCoupling, AffineCoupling))
    kept = layer.mask.bool()
    assert 0 < int(kept.sum()) < kept.numel()
    x = examples(1, shape)[0]
    y = layer(x[None])[0][0]
    assert torch.equal(y[kept], x[kept])
    jacobian = torch.autograd.functional.jacobian(lambda one: layer(one[None])[0][0], x)
    jacobian = jacobian.reshape(x.numel(), x.numel())[~kept.flatten()]
    among_moved = jacobian[:, ~kept.flatten()]
    assert torch.equal(among_moved, torch.diag(among_moved.diagonal()))
    assert jacobian[:, kept.flatten()].abs().max() > 1e-3


@pytest.mark.parametrize("mask", [checkerboard, half_of_channels])
def test_the_two_parities_of_a_mask_are_complements(mask: Callable[[tuple[int, int, int], int], Tensor]) -> None:
    assert torch.equal(mask(IMAGE, 0) + mask(IMAGE, 1), torch.ones(IMAGE))
    assert torch.equal(alternating(5, 0), torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0]))


def test_neighbours_on_a_checkerboard_differ() -> None:
    mask = checkerboard(IMAGE, 0)
    assert (mask.diff(dim=1).abs() == 1).all()
    assert (mask.diff(dim=2).abs() == 1).all()


@pytest.mark.parametrize("name", ["actnorm", "actnorm of images", "scaling"])
def test_layers_that_begin_from_data_give_them_unit_deviation(name: str) -> None:
    layer, shape = shaken(name)
    x = 7 * examples(400, shape) + 3
    y = layer.initialize(x)
    over = [0, *range(2, y.dim())]
    torch.testing.assert_close(y.std(over, correction=0), torch.ones(y.shape[1]))
    if isinstance(layer, ActNorm):
        torch.testing.assert_close(y.mean(over), torch.zeros(y.shape[1]), rtol=0, atol=1e-12)
    assert torch.equal(layer(x)[0], y)


@pytest.mark.parametrize("prior", [StandardNormal(), StandardLogistic()])
def test_a_prior_integrates_to_one_and_its_samples_follow_it(prior: StandardNormal | StandardLogistic) -> None:
    line = torch.linspace(-40, 40, 80_001)
    density = prior.log_density(line[:, None]).exp()
    assert torch.trapezoid(density, line).item() == pytest.approx(1, abs=1e-9)
    cumulative = torch.cumulative_trapezoid(density, line)
    z = prior.draw(20_000, 1, Rng(0)).double().flatten()
    uniform = cumulative[torch.searchsorted(line, z) - 1].sort().values
    assert (uniform - torch.linspace(0, 1, len(z))).abs().max() < 1.95 / 20_000**0.5  # Kolmogorov, Smirnov at 0.1 %
    assert prior.draw(5, 3, StackedRng([Rng(0), Rng(1)])).shape == (2, 5, 3)
