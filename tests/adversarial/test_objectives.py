"""Objectives: the formulas of the papers, in float64, and what their gradients do where a sample is bad."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from allmodes.adversarial.distances import Hinge, LeastSquares, Wasserstein
from allmodes.adversarial.objectives import (
    Minimax,
    NonSaturating,
    Objective,
    RelativisticAverage,
    RelativisticPairing,
    ZeroSum,
)

Array = np.ndarray
ALL = [
    Minimax(),
    ZeroSum(),
    NonSaturating(),
    RelativisticPairing(),
    RelativisticAverage(),
    LeastSquares(0.1, 0.9, 1.2),
    Hinge(),
    Wasserstein(),
]
IDS = ["minimax", "zero-sum", "non-saturating", "pairing", "average", "least-squares", "hinge", "wasserstein"]
PROBABILITIES = ALL[:5]


def sigmoid(t: Array) -> Array:
    return 1 / (1 + np.exp(-t))


def value_of_the_game(real: Array, fake: Array) -> float:
    return -np.log(sigmoid(real)).mean() - np.log(1 - sigmoid(fake)).mean()


FORMULAS: list[tuple[Callable[[Array, Array], float], Callable[[Array, Array], float]]] = [
    (value_of_the_game, lambda real, fake: np.log(1 - sigmoid(fake)).mean()),
    (value_of_the_game, lambda real, fake: -value_of_the_game(real, fake)),
    (value_of_the_game, lambda real, fake: -np.log(sigmoid(fake)).mean()),
    (
        lambda real, fake: np.log(1 + np.exp(-(real - fake))).mean(),
        lambda real, fake: np.log(1 + np.exp(-(fake - real))).mean(),
    ),
    (
        lambda real, fake: -np.log(sigmoid(real - fake.mean())).mean() - np.log(1 - sigmoid(fake - real.mean())).mean(),
        lambda real, fake: -np.log(sigmoid(fake - real.mean())).mean() - np.log(1 - sigmoid(real - fake.mean())).mean(),
    ),
    (
        lambda real, fake: 0.5 * ((real - 0.9) ** 2).mean() + 0.5 * ((fake - 0.1) ** 2).mean(),
        lambda real, fake: 0.5 * ((fake - 1.2) ** 2).mean(),
    ),
    (
        lambda real, fake: np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean(),
        lambda real, fake: -fake.mean(),
    ),
    (lambda real, fake: fake.mean() - real.mean(), lambda real, fake: -fake.mean()),
]


def average(real: Array, fake: Array) -> tuple[Array, Array]:
    """Gradients of the relativistic average's discriminator by real and by fake logits."""
    above, below = sigmoid(real - fake.mean()) - 1, sigmoid(fake - real.mean())
    return above - below.mean(), below - above.mean()


# Of the discriminator's loss by real and by fake logits, and of the generator's by fake ones; all times n.
GRADIENTS: list[Callable[[Array, Array], tuple[Array, Array, Array]]] = [
    lambda real, fake: (sigmoid(real) - 1, sigmoid(fake), -sigmoid(fake)),
    lambda real, fake: (sigmoid(real) - 1, sigmoid(fake), -sigmoid(fake)),
    lambda real, fake: (sigmoid(real) - 1, sigmoid(fake), sigmoid(fake) - 1),
    lambda real, fake: (-sigmoid(fake - real), sigmoid(fake - real), -sigmoid(real - fake)),
    lambda real, fake: (*average(real, fake), average(fake, real)[0]),
    lambda real, fake: (real - 0.9, fake - 0.1, fake - 1.2),
    lambda real, fake: (-1.0 * (real < 1), 1.0 * (fake > -1), -np.ones_like(fake)),
    lambda real, fake: (-np.ones_like(real), np.ones_like(fake), -np.ones_like(fake)),
]


@pytest.fixture
def logits() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    real, fake = 3 * torch.randn(2, 50, generator=generator, dtype=torch.float64)
    return real.requires_grad_(), fake.requires_grad_()


@pytest.mark.parametrize(("objective", "formulas"), list(zip(ALL, FORMULAS, strict=True)), ids=IDS)
def test_losses_are_the_papers_formulas(
    objective: Objective,
    formulas: tuple[Callable[[Array, Array], float], Callable[[Array, Array], float]],
    logits: tuple[Tensor, Tensor],
) -> None:
    for loss, formula in zip((objective.discriminator, objective.generator), formulas, strict=True):
        expected = formula(*(t.detach().numpy() for t in logits))
        assert loss(*logits).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("objective", "closed_form"), list(zip(ALL, GRADIENTS, strict=True)), ids=IDS)
def test_gradients_are_the_closed_forms(
    objective: Objective,
    closed_form: Callable[[Array, Array], tuple[Array, Array, Array]],
    logits: tuple[Tensor, Tensor],
) -> None:
    found = (
        *torch.autograd.grad(objective.discriminator(*logits), logits),
        *torch.autograd.grad(objective.generator(*logits), logits[1:]),
    )
    for gradient, expected in zip(found, closed_form(*(t.detach().numpy() for t in logits)), strict=True):
        np.testing.assert_allclose(gradient.numpy() * len(gradient), expected, atol=1e-6)


def pull(objective: Objective, fake: float) -> float:
    """How strongly the generator is pushed to raise the logit of one sample, against a real logit of 0."""
    logit = torch.tensor([fake], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(objective.generator(torch.zeros(1, dtype=torch.float64), logit), logit)
    return -gradient.item()


@pytest.mark.parametrize("objective", ALL, ids=IDS)
def test_every_generator_wants_higher_logits(objective: Objective) -> None:
    assert all(pull(objective, fake) > 0 for fake in (-10.0, 0.0, 1.0))


def test_where_a_sample_is_bad_minimax_stalls_and_the_others_push() -> None:
    bad = -20.0
    assert pull(Minimax(), bad) < 1e-8
    assert pull(NonSaturating(), bad) == pytest.approx(1, abs=1e-8)
    assert pull(RelativisticPairing(), bad) == pytest.approx(1, abs=1e-8)


def test_pairing_is_the_same_game_for_both_players(logits: tuple[Tensor, Tensor]) -> None:
    real, fake = logits
    pairing = RelativisticPairing()
    assert pairing.generator(real, fake).item() == pairing.discriminator(fake, real).item()
    shifted = pairing.discriminator(real + 5, fake + 5)
    assert shifted.item() == pytest.approx(pairing.discriminator(real, fake).item(), rel=1e-12)


@pytest.mark.parametrize("objective", ALL, ids=IDS)
def test_paired_says_whether_the_generators_loss_looks_at_real_examples(
    objective: Objective, logits: tuple[Tensor, Tensor]
) -> None:
    (gradient,) = torch.autograd.grad(
        objective.generator(*logits), logits[:1], allow_unused=True, materialize_grads=True
    )
    assert bool(gradient.any()) == objective.paired


@pytest.mark.parametrize("objective", ALL, ids=IDS)
def test_a_stacks_loss_is_the_mean_of_its_members(objective: Objective, logits: tuple[Tensor, Tensor]) -> None:
    real, fake = (t.reshape(5, 10) for t in logits)
    for loss in (objective.discriminator, objective.generator):
        members = torch.stack([loss(*pair) for pair in zip(real, fake, strict=True)])
        assert loss(real, fake).item() == pytest.approx(members.mean().item(), rel=1e-12)


@pytest.mark.parametrize("objective", PROBABILITIES, ids=IDS[:5])
def test_huge_logits_stay_finite(objective: Objective) -> None:
    huge = torch.tensor([-1e30, 1e30])
    for real, fake in ((huge, huge.flip(0)), (huge, huge)):
        assert objective.discriminator(real, fake).isfinite()
        assert objective.generator(real, fake).isfinite()


@pytest.mark.parametrize("objective", [Minimax(0.1), NonSaturating(0.1)])
def test_one_sided_smoothing_moves_the_target_of_real_examples_alone(
    objective: Objective, logits: tuple[Tensor, Tensor]
) -> None:
    real, fake = (t.detach().numpy() for t in logits)
    expected = (
        -(0.9 * np.log(sigmoid(real)) + 0.1 * np.log(1 - sigmoid(real))).mean() - np.log(1 - sigmoid(fake)).mean()
    )
    assert objective.discriminator(*logits).item() == pytest.approx(expected, rel=1e-12)
    best = torch.tensor([np.log(0.9 / 0.1)], dtype=torch.float64, requires_grad=True)
    loss = objective.discriminator(best, torch.zeros(1, dtype=torch.float64))
    assert torch.autograd.grad(loss, best)[0].item() == pytest.approx(0, abs=1e-12)  # D(x) = 0.9


def test_the_wasserstein_estimate_is_the_loss_with_its_sign_turned(logits: tuple[Tensor, Tensor]) -> None:
    numbers = Wasserstein().numbers(*logits)
    assert numbers["wasserstein_estimate"].item() == pytest.approx(-Wasserstein().discriminator(*logits).item())
    assert not any("loss" in name or "nats" in name for name in numbers)
