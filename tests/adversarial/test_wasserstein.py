"""What a critic with a gradient penalty says of distributions whose distance is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from allmodes.adversarial.distances import Wasserstein
from allmodes.adversarial.penalties import GP
from allmodes.adversarial.round import Round
from allmodes.networks.mlp import MLP

RoundOf = Callable[..., Round]


def estimate(shift: float, round_of: RoundOf) -> float:
    """Of a critic trained between N(0, I) and the same shifted along one axis: their Wasserstein-1 distance.

    In two dimensions: in one, a slope of 1 with the wrong sign could not turn without passing 0, which costs more.
    """
    torch.manual_seed(0)
    along = torch.tensor([shift, 0.0])
    critic = MLP(2, 1, (16, 16), nn.SiLU)
    adam = torch.optim.Adam(critic.parameters(), 1e-2, (0.0, 0.9))
    game, penalty = Wasserstein(), GP(10.0)
    for step in range(200):
        real = torch.randn(128, 2)
        fake = torch.randn(128, 2) + along
        round = round_of(critic, real, fake, seed=step)
        logits = round.judge.logits(real), round.judge.logits(fake)
        adam.zero_grad()
        (penalty.discriminator(round) + game.discriminator(*logits)).backward()
        adam.step()
    x = torch.randn(4000, 2)
    with torch.no_grad():
        return game.numbers(critic(x), critic(x + along))["wasserstein_estimate"].item()


def test_the_estimate_falls_with_the_distance_and_is_near_it(round_of: RoundOf) -> None:
    estimates = [estimate(shift, round_of) for shift in (3.0, 1.5, 0.5)]
    assert estimates == sorted(estimates, reverse=True)
    assert estimates[0] == pytest.approx(3.0, rel=0.25)
    assert estimates[1] == pytest.approx(1.5, rel=0.3)
