"""Convolutions that halve and double: torch's own numbers and gradients, in the form that is faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d
from torch.utils.checkpoint import checkpoint

from allmodes.networks import strided
from allmodes.networks.strided import FEW, SMALL, Doubling, Halving, _Doubled, _Halved  # pyright: ignore

# Channels of the large and the small maps, rows and columns of the large ones.
SHAPES = [(3, 8, 8, 8), (6, 5, 8, 8), (6, 5, 20, 16), (3, 4, 7, 6), (FEW + 1, 4, 9, 10), (1, 2, 18, 18)]


def normal(*shape: int, seed: int = 0) -> Tensor:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return x.requires_grad_()


def halved(large: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return _Halved.apply(large, weight, bias)  # type: ignore[return-value]


def both(shape: tuple[int, ...]) -> list[tuple[Callable[..., Tensor], Callable[..., Tensor], tuple[Tensor, ...]]]:
    """Ours, torch's, and their arguments, for the two directions."""
    many, few, rows, columns = shape
    odd = (rows % 2, columns % 2)
    weight = normal(few, many, 4, 4, seed=1)
    return [
        (halved, lambda x, w, b: conv2d(x, w, b, 2, 1), (normal(2, many, rows, columns), weight, normal(few, seed=2))),
        (
            lambda x, w, b: _Doubled.apply(x, w, b, odd),  # type: ignore[return-value]
            lambda x, w, b: conv_transpose2d(x, w, b, 2, 1, odd),
            (normal(2, few, rows // 2, columns // 2), weight, normal(many, seed=2)),
        ),
    ]


def close(ours: tuple[Tensor, ...], theirs: tuple[Tensor, ...]) -> None:
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
def test_values_gradients_and_their_gradients_are_those_of_torch(shape: tuple[int, ...]) -> None:
    for ours, theirs, inputs in both(shape):
        outputs = ours(*inputs), theirs(*inputs)
        close(outputs[:1], outputs[1:])
        weights = torch.linspace(-1, 1, outputs[0].numel(), dtype=torch.float64).view_as(outputs[0])
        first = [torch.autograd.grad((y.square() * weights).sum(), inputs, create_graph=True) for y in outputs]
        close(*first)
        second = [torch.autograd.grad(sum((g.square().sum() for g in of), torch.zeros(())), inputs) for of in first]
        close(*second)


@pytest.mark.parametrize("shape", SHAPES)
def test_transforms_of_functions_go_through(shape: tuple[int, ...]) -> None:
    for ours, theirs, (x, *rest) in both(shape):
        inputs = x.detach(), *(part.detach() for part in rest)
        gradients = [torch.func.grad(lambda *a, f=f: f(*a).square().sum(), (0, 1, 2))(*inputs) for f in (ours, theirs)]
        close(*gradients)
        stacked = [torch.vmap(f, (0, None, None))(inputs[0][:, None], *inputs[1:]) for f in (ours, theirs)]
        close(*([y] for y in stacked))  # type: ignore[arg-type]


def test_both_sides_of_the_choice_are_tested() -> None:
    sizes = {rows // 2 * (columns // 2) > SMALL for _, _, rows, columns in SHAPES}
    channels = {many > FEW for many, *_ in SHAPES}
    assert sizes == channels == {False, True}


@pytest.mark.parametrize("side", [8, 32])
@pytest.mark.parametrize("channels", [3, 16])
def test_layers_are_torchs_up_to_the_digits_of_bfloat16(side: int, channels: int) -> None:
    pairs = [
        (Halving(channels, 8), nn.Conv2d(channels, 8, 4, 2, 1), (4, channels, side, side)),
        (Doubling(8, channels), nn.ConvTranspose2d(8, channels, 4, 2, 1), (4, 8, side // 2, side // 2)),
    ]
    for ours, theirs, shape in pairs:
        theirs.load_state_dict(ours.state_dict())
        x = normal(*shape).detach().float().requires_grad_()
        exact = ours(x), theirs(x)
        assert torch.equal(*exact)
        with torch.autocast("cpu", torch.bfloat16):
            y = ours(x)
        assert y.dtype is torch.bfloat16
        inputs = x, *ours.parameters()
        rounded = torch.autograd.grad(y.float().square().sum(), inputs)
        full = torch.autograd.grad(exact[0].square().sum(), inputs)
        for a, b in zip((y, *rounded), (exact[0], *full), strict=True):
            assert (a.float() - b).norm() < 0.01 * b.norm()


@pytest.mark.parametrize("side", [8, 32])
def test_gradients_that_nobody_asks_for_are_not_computed(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[bool, bool]] = []
    gradients = strided._gradients  # pyright: ignore

    def recorded(large: Tensor, small: Tensor, weight: Tensor, *wanted: bool) -> Any:
        asked.append(wanted)  # type: ignore[arg-type]
        return gradients(large, small, weight, *wanted)

    monkeypatch.setattr(strided, "_gradients", recorded)
    layer, x = Halving(3, 8), normal(2, 3, side, side).detach().float().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x).float()
    torch.autograd.backward(y.sum(), inputs=[x], retain_graph=True)
    torch.autograd.grad(y.sum(), x, create_graph=True)
    torch.autograd.grad(y.sum(), layer.bias, retain_graph=True)  # type: ignore[arg-type]
    torch.autograd.backward(y.sum(), inputs=list(layer.parameters()), retain_graph=True)
    y.sum().backward()
    assert asked == [(False, False), (False, False), (False, True), (True, True), (True, True)]
    assert x.grad is not None
    assert layer.weight.grad is not None


def test_what_torch_can_do_with_its_own_layers_can_be_done_with_these() -> None:
    layer, theirs = Halving(3, 8), nn.Conv2d(3, 8, 4, 2, 1)
    theirs.load_state_dict(layer.state_dict())
    x = normal(2, 3, 8, 8).detach().float().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        (kept,) = torch.autograd.grad(checkpoint(layer, x, use_reentrant=False).float().square().sum(), x)  # type: ignore[union-attr]
        (usual,) = torch.autograd.grad(layer(x).float().square().sum(), x)
        assert torch.equal(kept, usual)
        assert layer(x[0]).shape == theirs(x[0]).shape
        assert layer.double()(x.double()).dtype is torch.float64
        up = Doubling(8, 3)
        assert up(torch.randn(1, 8, 4, 4), [9, 9]).shape == (1, 3, 9, 9)
