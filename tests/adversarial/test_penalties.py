"""Penalties: exact where the discriminator's gradient is known, right in their own gradient, one pass a batch."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap

from allmodes.adversarial.penalties import DRAGAN, GP, R1, R2, Every, GradientPenalty, OneCentred
from allmodes.adversarial.round import Judge, Round
from allmodes.networks.minibatch import Pack
from allmodes.networks.mlp import MLP
from allmodes.networks.pure import keep, pure
from allmodes.networks.stack import stack
from allmodes.random import Rng
from allmodes.schedule import Constant, Geometric

pytestmark = pytest.mark.usefixtures("float64")
RoundOf = Callable[..., Round]


def smooth(seed: int = 0) -> MLP:
    """A network whose penalty has a gradient everywhere."""
    torch.manual_seed(seed)
    return MLP(3, 1, (6, 6), nn.Tanh)


def penalty_of(network: nn.Module, x: Tensor, gamma: float = 1.0) -> Tensor:
    return R1(Constant(gamma)).cost(Judge(network).gradient(x), 0.0)


def test_judges_gradient_is_the_known_one(quadratic: nn.Module, points: tuple[Tensor, Tensor]) -> None:
    torch.testing.assert_close(
        Judge(quadratic).gradient(points[0]), quadratic.gradient(points[0]), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("kind", [R1, R2])
def test_penalty_is_half_gamma_times_the_mean_squared_gradient(
    kind: type, quadratic: nn.Module, points: tuple[Tensor, Tensor], round_of: RoundOf
) -> None:
    penalty = kind(Geometric(4.0, 0.25))
    where = points[0] if kind is R1 else points[1]
    squared = quadratic.gradient(where).square().sum(1).mean()
    for t, gamma in ((0.0, 4.0), (0.5, 1.0), (1.0, 0.25)):
        round = round_of(quadratic, *points, t=t)
        assert penalty.points(round) is where
        assert penalty.discriminator(round).item() == pytest.approx(gamma / 2 * squared.item(), rel=1e-12)
        assert penalty.generator(round) is None


def test_wgan_gps_penalty_is_its_formula_between_the_examples(
    quadratic: nn.Module, points: tuple[Tensor, Tensor], round_of: RoundOf
) -> None:
    real, fake = points
    epsilon = Rng(0).uniform(7, 1)
    between = epsilon * real + (1 - epsilon) * fake
    expected = 10 * (quadratic.gradient(between).norm(dim=1) - 1).square().mean()
    assert GP().discriminator(round_of(quadratic, real, fake)).item() == pytest.approx(expected.item(), rel=1e-12)
    assert 0 < epsilon.min() < 0.3 < 0.7 < epsilon.max() < 1


def test_dragans_penalty_is_its_formula_around_the_data(
    quadratic: nn.Module, points: tuple[Tensor, Tensor], round_of: RoundOf
) -> None:
    real, fake = points
    rng = Rng(0)
    alpha = rng.uniform(7, 1)
    around = real + 0.5 * alpha * real.std() * rng.uniform(7, 3)
    expected = 3 * (quadratic.gradient(around).norm(dim=1) - 1).square().mean()
    assert DRAGAN(3.0).discriminator(round_of(quadratic, real, fake)).item() == pytest.approx(
        expected.item(), rel=1e-12
    )


def test_of_images_each_line_has_one_epsilon(round_of: RoundOf) -> None:
    real, fake = torch.ones(5, 2, 4, 3), torch.zeros(5, 2, 4, 3)
    between = GP().points(round_of(lambda x: x.flatten(1), real, fake, axes=3))
    assert (between == between[:, :1, :1, :1]).all()
    assert len(between.unique()) == 5


def test_a_critic_that_is_flat_has_a_penalty_with_a_finite_gradient(
    points: tuple[Tensor, Tensor], round_of: RoundOf
) -> None:
    slope = torch.zeros(3, 1, requires_grad=True)
    cost = GP(2.0).discriminator(round_of(lambda x: x @ slope, *points))
    assert cost.item() == pytest.approx(2.0)
    assert torch.autograd.grad(cost, slope)[0].isfinite().all()


@pytest.mark.parametrize("penalty", [R1(Constant(2.0)), GP(3.0)])
def test_a_packed_discriminator_pays_for_the_gradient_of_a_whole_pack(
    penalty: GradientPenalty, points: tuple[Tensor, Tensor], round_of: RoundOf
) -> None:
    weight = torch.randn(6, 1)
    real, fake = points[0][:6], points[1][:6]
    round = round_of(lambda x: Pack(2)(x) @ weight, real, fake)
    norm = weight.norm().item()
    expected = 3.0 * (norm - 1) ** 2 if isinstance(penalty, OneCentred) else norm**2
    assert penalty.discriminator(round).item() == pytest.approx(expected, rel=1e-12)


def test_a_lazy_penalty_is_the_same_on_average_and_due_every_kth_step(
    quadratic: nn.Module, points: tuple[Tensor, Tensor], round_of: RoundOf
) -> None:
    penalty = R1(Constant(1.0))
    costs = [Every(4, penalty).discriminator(round_of(quadratic, *points, step=step)) for step in range(8)]
    assert [cost.item() > 0 for cost in costs] == [True, False, False, False] * 2
    whole = penalty.discriminator(round_of(quadratic, *points)).item()
    assert torch.stack(costs).mean().item() == pytest.approx(whole, rel=1e-12)


def test_judge_passes_over_each_batch_once(quadratic: nn.Module, points: tuple[Tensor, Tensor]) -> None:
    d = quadratic
    real, fake = points
    expected, d.passes = (d(real)[:, 0], d(fake)[:, 0]), 0
    judge = Judge(d)
    judge.gradient(real)
    judge.gradient(real)
    judge.gradient(fake)
    for _ in range(2):
        assert judge.logits(real).equal(expected[0])
        assert judge.logits(fake).equal(expected[1])
    assert d.passes == 2


def test_the_gradient_is_that_of_the_logit_alone(quadratic: nn.Module, points: tuple[Tensor, Tensor]) -> None:
    judge = Judge(lambda x: torch.cat([quadratic(x), x.exp()], -1))
    torch.testing.assert_close(judge.gradient(points[0]), quadratic.gradient(points[0]))


@pytest.mark.parametrize("first", ["gradient", "outputs"])
def test_what_a_judge_sees_together_it_says_as_of_each_alone(
    first: str, quadratic: nn.Module, points: tuple[Tensor, Tensor]
) -> None:
    alone, together = Judge(quadratic), Judge(quadratic, points)
    getattr(together, first)(points[1])
    quadratic.passes = 0
    for x in points:
        torch.testing.assert_close(together.outputs(x), alone.outputs(x), rtol=1e-12, atol=1e-12)
    assert quadratic.passes == 2  # those of the one that sees each alone
    for x in points:
        torch.testing.assert_close(together.gradient(x), alone.gradient(x), rtol=1e-12, atol=1e-12)
    other = points[0] + 1  # shares its pass with nothing
    torch.testing.assert_close(together.gradient(other), alone.gradient(other), rtol=0, atol=0)


@pytest.mark.parametrize("penalty", [R1(Constant(3.0)), GP(), DRAGAN()])
def test_the_penaltys_gradient_agrees_with_finite_differences(
    penalty: GradientPenalty, points: tuple[Tensor, Tensor], round_of: RoundOf
) -> None:
    network = smooth()
    names, values = zip(*network.named_parameters(), strict=True)

    def cost(*parameters: Tensor) -> Tensor:
        named = dict(zip(names, parameters, strict=True))
        round = round_of(lambda x: functional_call(network, named, (x,)), *points)
        # The logits of the same pass serve the loss: their gradient has to be right as well.
        return penalty.discriminator(round) + round.judge.logits(points[0]).sin().mean()

    assert torch.autograd.gradcheck(cost, values)


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
        judge = Judge(lambda x: functional_call(base, parameters, (x,)))
        return R1(Constant(1.0)).cost(judge.gradient(x), 0.0)

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


@pytest.mark.parametrize("kind", [nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d])
def test_a_discriminator_with_batch_normalization_has_a_penalty(kind: type[nn.Module]) -> None:
    axes = {nn.BatchNorm1d: 0, nn.BatchNorm2d: 2, nn.BatchNorm3d: 3}[kind]
    size = 2**axes
    network = nn.Sequential(nn.Unflatten(1, (3, *(2,) * axes)), kind(3), nn.Flatten(), nn.Linear(3 * size, 1))
    judge = Judge(network, trace=lambda x: pure(network, {}, x), keep=lambda buffers: keep(network, buffers))
    x = torch.randn(5, 3 * size, generator=torch.Generator().manual_seed(0))
    assert R1(Constant(1.0)).cost(judge.gradient(x), 0.0).item() > 0


def test_logits_leave_bfloat16_before_they_are_compared() -> None:
    assert Judge(lambda x: x.bfloat16()).logits(torch.zeros(2, 1)).dtype is torch.float32
