"""Unrolling: the answer of the discriminator, and a gradient that sees through it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from allmodes.adversarial.objectives import Minimax, ZeroSum
from allmodes.adversarial.unrolling import Unrolling
from allmodes.networks.mlp import MLP

pytestmark = pytest.mark.usefixtures("float64")


@pytest.fixture
def game() -> tuple[MLP, Tensor, Callable[[Tensor], Tensor]]:
    """A smooth discriminator, real examples, and a generator of one number that shifts them."""
    torch.manual_seed(0)
    noise = torch.randn(6, 2)
    return MLP(2, 1, (4,), nn.Tanh), torch.randn(6, 2), lambda shift: noise + shift


def looking(k: int, network: nn.Module, loss: Callable[[Callable[..., Tensor]], Tensor]) -> Callable[..., Tensor]:
    weights = {name: p.detach() for name, p in network.named_parameters()}
    return Unrolling(k, 0.5)(weights, lambda weights, *inputs: functional_call(network, weights, inputs), loss)


def loss_of_the_generator(game: tuple[MLP, Tensor, Callable[[Tensor], Tensor]], shift: Tensor, k: int) -> Tensor:
    network, real, generate = game
    fake = generate(shift)
    objective = ZeroSum()
    ahead = looking(k, network, lambda d: objective.discriminator(d(real), d(fake)))
    return objective.generator(ahead(real), ahead(fake))


@pytest.mark.parametrize("k", [0, 1, 3])
def test_the_gradient_through_the_steps_is_that_of_finite_differences(
    game: tuple[MLP, Tensor, Callable[[Tensor], Tensor]], k: int
) -> None:
    shift = torch.tensor([0.3, -0.2], requires_grad=True)
    (gradient,) = torch.autograd.grad(loss_of_the_generator(game, shift, k), shift)
    h = 1e-5
    for i, step in enumerate(h * torch.eye(2)):
        above, below = (loss_of_the_generator(game, (shift + s * step).detach(), k).item() for s in (1, -1))
        assert gradient[i].item() == pytest.approx((above - below) / (2 * h), rel=1e-7)


def test_the_steps_are_those_of_gradient_descent_and_leave_the_discriminator(
    game: tuple[MLP, Tensor, Callable[[Tensor], Tensor]],
) -> None:
    network, real, generate = game
    fake = generate(torch.zeros(2))
    before = [p.detach().clone() for p in network.parameters()]
    ahead = looking(3, network, lambda d: Minimax().discriminator(d(real), d(fake)))
    found = ahead(fake)
    assert all(p.equal(old) for p, old in zip(network.parameters(), before, strict=True))
    descent = torch.optim.SGD(network.parameters(), 0.5)
    for _ in range(3):
        descent.zero_grad()
        Minimax().discriminator(network(real), network(fake)).backward()
        descent.step()
    torch.testing.assert_close(found, network(fake), rtol=1e-12, atol=1e-12)


def test_looking_ahead_changes_the_generators_gradient(game: tuple[MLP, Tensor, Callable[[Tensor], Tensor]]) -> None:
    shift = torch.zeros(2, requires_grad=True)
    first, second = (torch.autograd.grad(loss_of_the_generator(game, shift, k), shift)[0] for k in (0, 3))
    assert (first - second).abs().max() > 1e-3
