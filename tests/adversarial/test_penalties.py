"""Penalties: exact where the discriminator's gradient is known, right in their own gradient, one pass a batch."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap

from allmodes.adversarial.penalties import R1, R2, Judge, Penalty
from allmodes.networks.mlp import MLP
from allmodes.networks.stack import stack
from allmodes.schedule import Constant, Geometric

pytestmark = pytest.mark.usefixtures("float64")


class Quadratic(nn.Module):
    """D(x) = x A x / 2 + b x with a symmetric A, so that its gradient is A x + b; it counts its passes."""

    def __init__(self) -> None:
        super().__init__()
        square, self.b = torch.randn(3, 3), torch.randn(3)
        self.a = square + square.T
        self.passes = 0

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        return ((x @ self.a) * x).sum(-1) / 2 + x @ self.b


@pytest.fixture
def points() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(7, 3), torch.randn(7, 3)


def smooth(seed: int = 0) -> MLP:
    """A network whose penalty has a gradient everywhere."""
    torch.manual_seed(seed)
    return MLP(3, 1, (6, 6), nn.Tanh)


def penalty_of(network: nn.Module, x: Tensor, gamma: float = 1.0) -> Tensor:
    penalty = R1(Constant(gamma))
    return penalty.cost(Judge(lambda x: network(x).squeeze(-1)).gradient(x), x[..., 0].numel(), 0.0)


def test_judges_gradient_is_the_known_one(points: tuple[Tensor, Tensor]) -> None:
    d, x = Quadratic(), points[0]
    torch.testing.assert_close(Judge(d).gradient(x), x @ d.a + d.b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", [R1, R2])
def test_penalty_is_half_gamma_times_the_mean_squared_gradient(kind: type, points: tuple[Tensor, Tensor]) -> None:
    d = Quadratic()
    penalty: Penalty = kind(Geometric(4.0, 0.25))
    where = points[0] if kind is R1 else points[1]
    assert penalty.points(*points) is where
    squared = (where @ d.a + d.b).square().sum(1).mean()
    for t, gamma in ((0.0, 4.0), (0.5, 1.0), (1.0, 0.25)):
        cost = penalty.cost(Judge(d).gradient(where), len(where), t)
        assert cost.item() == pytest.approx(gamma / 2 * squared.item(), rel=1e-12)


def test_judge_passes_over_each_batch_once(points: tuple[Tensor, Tensor]) -> None:
    d = Quadratic()
    real, fake = points
    expected, d.passes = (d(real), d(fake)), 0
    judge = Judge(d)
    judge.gradient(real)
    judge.gradient(real)
    judge.gradient(fake)
    for _ in range(2):
        assert judge.logits(real).equal(expected[0])
        assert judge.logits(fake).equal(expected[1])
    assert d.passes == 2


def test_the_penaltys_gradient_agrees_with_finite_differences(points: tuple[Tensor, Tensor]) -> None:
    network = smooth()
    names, values = zip(*network.named_parameters(), strict=True)

    def penalty(*parameters: Tensor) -> Tensor:
        named = dict(zip(names, parameters, strict=True))
        judge = Judge(lambda x: functional_call(network, named, (x,)).squeeze(-1))
        gradient = judge.gradient(points[0])
        # The logits of the same pass serve the loss: their gradient has to be right as well.
        return R1(Constant(3.0)).cost(gradient, 7, 0.0) + judge.logits(points[0]).sin().mean()

    assert torch.autograd.gradcheck(penalty, values)


def test_the_penaltys_gradient_is_double_backwards(points: tuple[Tensor, Tensor]) -> None:
    network, x = smooth(), points[0].clone().requires_grad_()
    (by_x,) = torch.autograd.grad(network(x).sum(), x, create_graph=True)
    expected = torch.autograd.grad(by_x.square().sum() / 7 / 2, list(network.parameters()), allow_unused=True)
    found = torch.autograd.grad(penalty_of(network, points[0]), list(network.parameters()), allow_unused=True)
    assert expected[-1] is None  # the last bias has no part in any penalty
    for a, b in zip(found[:-1], expected[:-1], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_penalties_nest_under_vmap(points: tuple[Tensor, Tensor]) -> None:
    networks = [smooth(seed) for seed in range(3)]
    parameters, _ = stack_module_state(networks)
    base = copy.deepcopy(networks[0]).to("meta")

    def penalty(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        judge = Judge(lambda x: functional_call(base, parameters, (x,)).squeeze(-1))
        return R1(Constant(1.0)).cost(judge.gradient(x), len(x), 0.0)

    found = vmap(grad(penalty), (0, None))(parameters, points[0])
    for member, network in enumerate(networks):
        own = dict(network.named_parameters())
        expected = grad(penalty)({name: value.detach() for name, value in own.items()}, points[0])
        for name, value in expected.items():
            torch.testing.assert_close(found[name][member], value, rtol=1e-10, atol=1e-12)


def test_a_stacks_penalty_is_the_mean_of_its_members(points: tuple[Tensor, Tensor]) -> None:
    networks = [smooth(seed) for seed in range(3)]
    x = torch.stack([points[0] + seed for seed in range(3)])
    members = torch.stack([penalty_of(network, rows) for network, rows in zip(networks, x, strict=True)])
    assert penalty_of(stack(networks), x).item() == pytest.approx(members.mean().item(), rel=1e-12)
