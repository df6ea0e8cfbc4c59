"""A decoder's distributions: they sum or integrate to one, and samples follow them."""

from __future__ import annotations

import pytest
import torch

from allmodes.networks.likelihoods import Bernoulli, DiscretizedLogistic, Gaussian
from allmodes.networks.widths import NARROWEST
from allmodes.random import Rng, StackedRng

pytestmark = pytest.mark.usefixtures("float64")


@pytest.mark.parametrize("levels", [2, 3, 17, 256])
@pytest.mark.parametrize("width", [-20.0, -4.0, 0.0, 3.0])
def test_masses_of_levels_sum_to_one_and_samples_follow_them(levels: int, width: float) -> None:
    likelihood = DiscretizedLogistic(levels)
    y = torch.linspace(-1, 1, levels)[:, None]
    for place in (-1.5, -0.3, 0.9):
        parameters = torch.tensor([place, width])
        log_mass = likelihood.log_density(y, parameters.expand(levels, 2))
        assert torch.isfinite(log_mass).all()
        assert log_mass.exp().sum().item() == pytest.approx(1, abs=1e-9)
        drawn = likelihood.draw(parameters.expand(4000, 2), Rng(0)).flatten()
        level = ((drawn + 1) / 2 * (levels - 1)).round().clamp(0, levels - 1).long()
        counts = torch.bincount(level, minlength=levels)
        expected = 4000 * log_mass.exp()
        often = expected > 5
        chi_squared = ((counts - expected).square() / expected)[often].sum()
        assert chi_squared < often.sum() + 5 * (2 * often.sum()).sqrt() + 10


def test_masses_of_levels_are_differences_of_the_logistic_distribution() -> None:
    likelihood, y = DiscretizedLogistic(5), torch.linspace(-1, 1, 5)[:, None]
    parameters = torch.tensor([0.2, -1.0]).expand(5, 2)
    scale = (NARROWEST + torch.nn.functional.softplus(torch.tensor(-1.0 - NARROWEST))).exp()
    edges = torch.tensor([-torch.inf, -0.75, -0.25, 0.25, 0.75, torch.inf])
    expected = torch.sigmoid((edges - 0.2) / scale).diff()
    torch.testing.assert_close(likelihood.log_density(y, parameters).exp(), expected)


def test_a_gaussian_integrates_to_one_and_its_samples_have_its_moments() -> None:
    parameters = torch.tensor([0.7, -0.5])
    line = torch.linspace(-20, 20, 40_001)
    density = Gaussian().log_density(line[:, None], parameters.expand(len(line), 2)).exp()
    assert torch.trapezoid(density, line).item() == pytest.approx(1, abs=1e-9)
    variance = torch.trapezoid(density * (line - 0.7).square(), line)
    drawn = Gaussian().draw(parameters.expand(50_000, 2), Rng(0))
    assert drawn.mean().item() == pytest.approx(0.7, abs=0.02)
    assert drawn.var().item() == pytest.approx(variance.item(), rel=0.03)


def test_bits_have_the_probability_of_their_logit_once() -> None:
    """A logit is not passed through the sigmoid twice: 3 means 0.95, not 0.72."""
    y = torch.tensor([[0.0], [1.0]])
    mass = Bernoulli().log_density(y, torch.full((2, 1), 3.0)).exp()
    torch.testing.assert_close(mass, torch.stack([torch.sigmoid(torch.tensor(-3.0)), torch.sigmoid(torch.tensor(3.0))]))
    drawn = Bernoulli().draw(torch.full((20_000, 1), 3.0), Rng(0))
    assert drawn.unique().tolist() == [0, 1]
    assert drawn.mean().item() == pytest.approx(0.9526, abs=0.01)


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(), DiscretizedLogistic(4)])
def test_stacked_models_draw_each_their_own(likelihood: Bernoulli | Gaussian | DiscretizedLogistic) -> None:
    parameters = torch.zeros(2, 30, likelihood.parameters * 3)
    drawn = likelihood.draw(parameters, StackedRng([Rng(0), Rng(1)]))
    assert drawn.shape == (2, 30, 3)
    assert torch.equal(drawn[1], likelihood.draw(parameters[1], Rng(1)))
