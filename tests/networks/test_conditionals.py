"""Conditionals of a site: masses that sum to one, draws that follow them, mixtures that never lose a digit."""

from __future__ import annotations

import itertools

import pytest
import torch
from scipy.stats import chi2, logistic, norm
from torch import Tensor

from allmodes.errors import UserError
from allmodes.event import Event, Support
from allmodes.networks.conditionals import Conditional, conditional_for
from allmodes.networks.discrete import Bernoulli, Categorical
from allmodes.networks.mixtures import GaussianMixture, LogisticMixture
from allmodes.networks.widths import bounded

DISCRETE = [
    Bernoulli(),
    Bernoulli(3),
    Categorical(1),
    Categorical(5),
    LogisticMixture(1, 2, 1),
    LogisticMixture(1, 3, 256),
    LogisticMixture(3, 2, 5),
]


def parameters(site: Conditional, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(site.parameters, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def states(site: Conditional) -> Tensor:
    levels = getattr(site, "levels")  # noqa: B009
    return torch.tensor(list(itertools.product(range(levels), repeat=site.channels))).double()


@pytest.mark.parametrize("scale", [0.1, 3.0, 30.0])
@pytest.mark.parametrize("site", DISCRETE, ids=str)
def test_masses_sum_to_one(site: Conditional, scale: float) -> None:
    every = states(site)
    log_p = site.log_prob(every, parameters(site, scale).expand(len(every), -1))
    assert float(log_p.exp().sum()) == pytest.approx(1, abs=1e-12)
    assert log_p.isfinite().all()


@pytest.mark.parametrize("site", DISCRETE, ids=str)
def test_draws_follow_the_masses(site: Conditional) -> None:
    every, n = states(site), 50_000
    p = site.log_prob(every, parameters(site).expand(len(every), -1)).exp()
    noise = torch.rand(n, site.noises, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    drawn = site.draw(parameters(site).expand(n, -1), noise)
    assert drawn.shape == (n, site.channels)
    levels = getattr(site, "levels")  # noqa: B009
    index = (drawn.long() * levels ** torch.arange(site.channels - 1, -1, -1)).sum(-1)
    counts = torch.bincount(index, minlength=len(every)).double()
    common = n * p > 5
    statistic = float(((counts - n * p) ** 2 / (n * p))[common].sum())
    assert chi2.sf(statistic, max(1, int(common.sum()) - 1)) > 0.001 or int(common.sum()) == 1


def test_one_component_is_the_textbooks_distribution() -> None:
    y = torch.linspace(-3, 3, 13, dtype=torch.float64)
    numbers = torch.tensor([0.0, 0.4, -0.7], dtype=torch.float64)
    scale = bounded(numbers[2]).exp().item()
    ours = GaussianMixture(1, 1).log_prob(y[:, None], numbers.expand(13, -1))
    assert ours.numpy() == pytest.approx(norm.logpdf(y, 0.4, scale), abs=1e-6)
    levels = torch.arange(9, dtype=torch.float64)
    ours = LogisticMixture(1, 1, 9).log_prob(levels[:, None], numbers.expand(9, -1)).exp()
    edges = (2 * (torch.arange(8) + 0.5) / 8 - 1).double()
    sums = logistic.cdf(edges, 0.4, scale)
    theirs = torch.diff(torch.tensor([0.0, *sums, 1.0], dtype=torch.float64))
    torch.testing.assert_close(ours, theirs)


def test_a_level_far_out_has_its_logarithm_in_single_precision() -> None:
    """A difference of two cumulative probabilities would be zero there, and its clipped logarithm wrong."""
    numbers = torch.tensor([0.0, -1.0, -5.0])
    log_p = LogisticMixture(1, 1, 256).log_prob(torch.tensor([[200.0], [100.0]]), numbers.expand(2, -1))
    exact = LogisticMixture(1, 1, 256).log_prob(
        torch.tensor([[200.0], [100.0]]).double(), numbers.double().expand(2, -1)
    )
    assert (log_p < -100).all()
    torch.testing.assert_close(log_p.double(), exact, rtol=1e-5, atol=0)


def test_channels_of_a_mixture_follow_each_other() -> None:
    site = GaussianMixture(2, 1)
    numbers = torch.tensor([0.0, 0.0, 0.0, -3.0, -3.0, 20.0])  # the second's mean is the first times tanh(20) = 1
    noise = torch.rand(4000, 3, generator=torch.Generator().manual_seed(0))
    drawn = site.draw(numbers.expand(4000, -1), noise)
    assert float(torch.corrcoef(drawn.T)[0, 1]) == pytest.approx(0.5**0.5, abs=0.03)
    torch.testing.assert_close(drawn[:, 1].std() / drawn[:, 0].std(), torch.tensor(2.0).sqrt(), rtol=0.03, atol=0)


@pytest.mark.parametrize(
    ("event", "channels", "kind"),
    [
        (Event((4,), Support.BINARY), 1, Bernoulli),
        (Event((4,), Support.LEVELS, 17), 1, Categorical),
        (Event((4,), Support.LEVELS, 256), 1, LogisticMixture),
        (Event((4,), Support.LEVELS, 17), 3, LogisticMixture),
        (Event((4,)), 1, GaussianMixture),
        (Event((4,), Support.NON_NEGATIVE), 2, GaussianMixture),
    ],
)
def test_the_conditional_suits_the_event(event: Event, channels: int, kind: type) -> None:
    site = conditional_for(event, channels)
    assert type(site) is kind
    assert site.channels == channels
    if kind in (Bernoulli, Categorical):
        with pytest.raises(UserError, match=r"--set components=4: .* no mixture"):
            conditional_for(event, channels, 4)
    else:
        assert conditional_for(event, channels, 4).parameters < site.parameters


def test_every_number_that_a_network_gives_for_a_colour_counts() -> None:
    given = torch.randn(1, LogisticMixture(3, 2, 5).parameters, generator=torch.Generator().manual_seed(0)).double()
    given.requires_grad_()
    LogisticMixture(3, 2, 5).log_prob(torch.tensor([[1.0, 3.0, 2.0]], dtype=torch.float64), given).sum().backward()
    assert given.grad is not None
    assert given.grad.all()
