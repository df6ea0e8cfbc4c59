"""Spectral normalization: the norm is one, gradients are right, and looking leaves no trace."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from allmodes.networks.spectral import Spectral, spectral

LAYERS = [
    lambda: nn.Linear(7, 5),
    lambda: nn.Conv2d(3, 6, 3),
    lambda: nn.ConvTranspose2d(6, 3, 4, 2, 1),
    lambda: nn.Embedding(9, 4),
]


def largest(layer: nn.Module, axis: int) -> float:
    assert isinstance(layer.weight, Tensor)
    return float(torch.linalg.matrix_norm(layer.weight.detach().movedim(axis, 0).flatten(1), 2))


@pytest.mark.parametrize("make", LAYERS, ids=["linear", "conv", "transposed", "embedding"])
def test_the_largest_singular_value_of_every_layer_is_one(make: type[nn.Module]) -> None:
    torch.manual_seed(0)
    layer = spectral(make())
    axis = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
    for _ in range(30):
        layer.weight  # noqa: B018, each look is an iteration
    assert largest(layer, axis) == pytest.approx(1, abs=0.01)
    layer.eval()
    assert largest(layer, axis) == pytest.approx(1, abs=0.01)


def test_the_value_follows_weights_that_change_slowly() -> None:
    torch.manual_seed(0)
    layer = spectral(nn.Linear(20, 20, bias=False))
    optimizer = torch.optim.Adam(layer.parameters(), 1e-2)
    x, y = torch.randn(64, 20), torch.randn(64, 20)
    for _ in range(100):
        optimizer.zero_grad()
        (layer(x) - y).square().mean().backward()
        optimizer.step()
        assert largest(layer, 0) == pytest.approx(1, abs=0.05)


def test_the_gradient_is_that_of_the_weight_over_its_norm(float64: None) -> None:
    torch.manual_seed(0)
    weight = torch.randn(4, 3, requires_grad=True)
    parametrization = Spectral(weight, 0)
    for _ in range(200):
        parametrization(weight)
    direction = torch.randn(4, 3)
    (ours,) = torch.autograd.grad((parametrization(weight) * direction).sum(), weight)
    exact = weight / torch.linalg.matrix_norm(weight, 2)
    (expected,) = torch.autograd.grad((exact * direction).sum(), weight)
    torch.testing.assert_close(ours, expected)


def test_evaluation_changes_no_buffer_and_training_does() -> None:
    torch.manual_seed(0)
    network = spectral(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 1)))
    x = torch.randn(2, 1, 4, 4)
    before = deepcopy(network.state_dict())
    network.eval()
    first = network(x)
    assert network(x).equal(first)
    assert all(value.equal(before[name]) for name, value in network.state_dict().items())
    network.train()
    network(x)
    assert not all(value.equal(before[name]) for name, value in network.state_dict().items())


def test_another_network_with_its_state_goes_on_to_the_same_bits() -> None:
    torch.manual_seed(0)
    one, other = (spectral(nn.Linear(6, 6)) for _ in range(2))
    x = torch.randn(3, 6)
    one(x)
    other.load_state_dict(one.state_dict())
    for _ in range(3):
        assert one(x).equal(other(x))
    assert all(value.equal(other.state_dict()[name]) for name, value in one.state_dict().items())


def test_it_has_no_parameters_of_its_own() -> None:
    plain = nn.Linear(6, 5)
    assert sum(p.numel() for p in spectral(deepcopy(plain)).parameters()) == sum(p.numel() for p in plain.parameters())


def test_a_gradient_penalty_looks_through_it(float64: None) -> None:
    torch.manual_seed(0)
    network = spectral(nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)))
    network.eval()
    x = torch.randn(5, 3)
    gradient = torch.func.grad(lambda x: network(x).sum())(x)
    gradient.square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for name, p in network.named_parameters() if "weight" in name)
    y = x.clone().requires_grad_()
    torch.testing.assert_close(gradient.detach(), torch.autograd.grad(network(y).sum(), y)[0])
