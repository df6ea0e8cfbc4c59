"""Networks that read conditions off examples."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from allmodes.adversarial.labels import Auxiliary, Constrainer, misread
from allmodes.adversarial.round import Round
from allmodes.event import Condition, Event
from allmodes.networks.conditional import ConditionVector

RoundOf = Callable[..., Round]
EVENT = Event((5,), classes=("a", "b", "c"), variables=("v", "w"))
CONDITION = Condition(torch.tensor([0, 2, 1]), torch.tensor([[0.1, 0.2], [0.3, -0.4], [1.0, 2.0]]))


def expected(read: torch.Tensor) -> float:
    assert CONDITION.labels is not None
    assert CONDITION.values is not None
    cross_entropy = nn.functional.cross_entropy(read[:, :3], CONDITION.labels)
    return (cross_entropy + (read[:, 3:] - CONDITION.values).square().sum(1).mean()).item()


def test_misreading_is_the_cross_entropy_and_the_squared_error() -> None:
    read = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    wanted = ConditionVector(EVENT)(CONDITION)
    assert misread(read, wanted, 3).item() == pytest.approx(expected(read), rel=1e-6)
    assert misread(read[:, 3:], wanted[:, 3:], 0).item() == pytest.approx(
        (read[:, 3:] - wanted[:, 3:]).square().sum(1).mean().item()
    )


def test_both_players_of_an_auxiliary_classifier_pay_for_what_it_misreads(round_of: RoundOf) -> None:
    real, fake = torch.randn(2, 3, 6, generator=torch.Generator().manual_seed(0))
    round = round_of(lambda x: x, real, fake, condition=CONDITION)  # the discriminator's outputs are x itself
    penalty = Auxiliary(ConditionVector(EVENT), 3, weight=0.5)
    on_real, on_fake = 0.5 * expected(real[:, 1:]), 0.5 * expected(fake[:, 1:])
    assert penalty.discriminator(round).item() == pytest.approx(on_real + on_fake, rel=1e-6)
    assert penalty.generator(round).item() == pytest.approx(on_fake, rel=1e-6)


def test_a_constrainer_learns_from_real_examples_and_charges_the_difference(round_of: RoundOf) -> None:
    real, fake = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(1))
    fake.requires_grad_()
    constrainer = Constrainer(nn.Identity(), ConditionVector(EVENT), 3, kappa=2.0)
    assert constrainer.loss(real, CONDITION).item() == pytest.approx(expected(real), rel=1e-6)
    cost = constrainer.generator(round_of(lambda x: x, real, fake, condition=CONDITION))
    assert cost.item() == pytest.approx(2 * abs(expected(real) - expected(fake)), rel=1e-5)
    assert torch.autograd.grad(cost, fake)[0].any()
    same = constrainer.generator(round_of(lambda x: x, real, real, condition=CONDITION))
    assert same.item() == 0
