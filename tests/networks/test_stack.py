"""A stack does what its members do, outputs and gradients."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from allmodes.networks.mlp import MLP, FourierFeatures
from allmodes.networks.stack import NotStackable, StackedLinear, stack

pytestmark = pytest.mark.usefixtures("float64")


def members(bias: bool = True) -> list[MLP]:
    torch.manual_seed(0)
    made = [MLP(3, 2, (5, 5), first=FourierFeatures(3, 4, 10.0)) for _ in range(4)]
    if not bias:
        for network in made:
            for layer in network:
                if isinstance(layer, nn.Linear):
                    layer.bias = None
    return made


@pytest.mark.parametrize("bias", [True, False])
def test_outputs_and_gradients_are_those_of_the_members(bias: bool) -> None:
    networks = members(bias)
    together = stack(networks)
    x = torch.randn(4, 7, 3)
    y = together(x)
    y.sin().sum().backward()
    wide = [layer for layer in together if isinstance(layer, StackedLinear)]
    for row, network in enumerate(networks):
        alone = network(x[row])
        torch.testing.assert_close(y[row], alone, rtol=1e-12, atol=1e-12)
        alone.sin().sum().backward()
        narrow = [layer for layer in network if isinstance(layer, nn.Linear)]
        for many, one in zip(wide, narrow, strict=True):
            assert many.weight.grad is not None
            assert one.weight.grad is not None
            torch.testing.assert_close(many.weight.grad[row], one.weight.grad, rtol=1e-12, atol=1e-12)
            if bias:
                assert many.bias is not None
                assert many.bias.grad is not None
                assert one.bias.grad is not None
                torch.testing.assert_close(many.bias.grad[row], one.bias.grad, rtol=1e-12, atol=1e-12)


def test_a_stack_holds_the_members_weights_and_shares_none() -> None:
    networks = members()
    together = stack(networks)
    assert sum(p.numel() for p in together.parameters()) == 4 * sum(p.numel() for p in networks[0].parameters())
    before = [copy.deepcopy(network.state_dict()) for network in networks]
    with torch.no_grad():
        for parameter in together.parameters():
            parameter.zero_()
    for network, weights in zip(networks, before, strict=True):
        assert all(network.state_dict()[name].equal(value) for name, value in weights.items())


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: nn.Sequential(nn.Conv2d(1, 1, 3)), "Conv2d"),
        (lambda: nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), "BatchNorm1d"),
    ],
)
def test_layers_without_a_batched_form_are_refused_by_name(make: type[nn.Module], named: str) -> None:
    with pytest.raises(NotStackable, match=named):
        stack([make(), make()])


def test_a_layer_that_masks_its_weights_is_no_plain_linear_layer() -> None:
    class Masked(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return x @ torch.tril(self.weight).T

    with pytest.raises(NotStackable, match="Masked"):
        stack([nn.Sequential(Masked(2, 2)), nn.Sequential(Masked(2, 2))])


def test_buffers_that_differ_are_refused_by_name() -> None:
    class Shift(nn.Module):
        by: Tensor

        def __init__(self, by: float) -> None:
            super().__init__()
            self.register_buffer("by", torch.tensor(by))

    assert stack([Shift(1.0), Shift(1.0)]).by.item() == 1
    with pytest.raises(NotStackable, match=r"'by' of Shift differs"):
        stack([Shift(1.0), Shift(2.0)])


def test_dropout_from_the_global_generator_makes_no_stack() -> None:
    with pytest.raises(NotStackable, match="Dropout draws from torch's global generator"):
        stack([nn.Sequential(nn.Linear(3, 3), nn.Dropout()) for _ in range(2)])


class Noted(nn.Module):
    """Two paths through one layer, which a dictionary knows too."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.path = nn.Sequential(nn.Tanh(), self.layer)
        self.notes = {"layer": self.layer}

    def forward(self, x: Tensor) -> Tensor:
        return self.path(self.layer(x))


def test_a_layer_that_is_known_in_several_places_stays_one() -> None:
    networks = [Noted() for _ in range(2)]
    together = stack(networks)
    assert together.path[1] is together.layer
    assert together.notes["layer"] is together.layer
    assert len(list(together.parameters())) == 2
    x = torch.randn(2, 5, 3)
    y = together(x)
    y.square().sum().backward()
    for row, network in enumerate(networks):
        alone = network(x[row])
        torch.testing.assert_close(y[row], alone, rtol=1e-12, atol=1e-12)
        alone.square().sum().backward()
        assert network.layer.weight.grad is not None
        torch.testing.assert_close(together.layer.weight.grad[row], network.layer.weight.grad, rtol=1e-12, atol=1e-12)
