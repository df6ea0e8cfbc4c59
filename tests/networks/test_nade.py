"""NADE's recurrence: its backward pass against autograd's, where rounding could bite, and what it keeps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from allmodes.networks import nade
from allmodes.networks.nade import NADENetwork
from allmodes.random import seeded


def network(sites: int, parameters: int, width: int) -> NADENetwork:
    with seeded(0):
        return NADENetwork(sites, parameters, width)


def step_by_step(net: NADENetwork, v: Tensor) -> Tensor:
    """The recurrence as the paper writes it, for autograd."""
    a, numbers = net.start(len(v)), []
    for d in range(v.shape[1]):
        numbers.append(net.site(a, d))
        a = net.take(a, d, v[:, d : d + 1])
    return torch.stack(numbers, 1)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("block", [1, 60, 10**9])
@pytest.mark.parametrize("parameters", [1, 3])
@pytest.mark.parametrize("wide", [False, True], ids=["as on a processor", "as on a GPU"])
def test_values_and_gradients_are_autograds(
    parameters: int, block: int, wide: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nade, "_wide", lambda x: wide)
    monkeypatch.setattr(nade, "NUMBERS_PER_BLOCK", {"cpu": block, "cuda": block})
    net = network(7, parameters, 5)
    v = torch.randn(4, 7, generator=torch.Generator().manual_seed(0), requires_grad=True)
    torch.testing.assert_close(net(v), step_by_step(net, v))
    weights = torch.randn(4, 7, parameters, generator=torch.Generator().manual_seed(1))
    inputs = [v, *net.parameters()]
    ours = torch.autograd.grad((net(v) * weights).sum(), inputs)
    theirs = torch.autograd.grad((step_by_step(net, v) * weights).sum(), inputs)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("black", [0, 300, 700])
def test_rounding_leaves_gradients_right_behind_black_leading_pixels(black: int) -> None:
    """The states of leading zeros are exactly c = 0: walking back gives them with a rounding error of either sign."""
    net = network(784, 1, 100)
    v = (torch.rand(20, 784, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    v[:, :black] = 0
    net(v).square().sum().backward()
    exact = network(784, 1, 100).double()
    step_by_step(exact, v.double()).square().sum().backward()
    for ours, theirs in zip(net.parameters(), exact.parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        assert (ours.grad - theirs.grad).abs().max() <= 1e-5 * theirs.grad.abs().max()


def test_a_batch_keeps_the_last_state_alone() -> None:
    net = network(784, 1, 500)
    own = {p.untyped_storage().data_ptr() for p in net.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        output = net(torch.zeros(100, 784))
    assert output.requires_grad
    assert sum(kept.values()) <= 2e6
    assert sum(kept.values()) == 4 * 100 * (784 + 500)
