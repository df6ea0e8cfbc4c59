"""Latents: mean 0, variance 1, and the shape of their distribution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scipy import stats

from allmodes.adversarial.latents import Latent, Normal, Uniform
from allmodes.random import Rng, StackedRng


@pytest.mark.parametrize(
    ("latent", "distribution"),
    [(Normal(3), stats.norm()), (Uniform(3), stats.uniform(-(3**0.5), 2 * 3**0.5))],
    ids=["normal", "uniform"],
)
def test_draws_follow_the_distribution_that_has_mean_0_and_variance_1(
    latent: Latent, distribution: stats.rv_continuous
) -> None:
    z = latent.draw(4000, Rng(0))
    assert z.shape == (4000, 3)
    assert distribution.mean() == pytest.approx(0)
    assert distribution.var() == pytest.approx(1)
    for axis in z.T:
        assert stats.kstest(axis.numpy(), distribution.cdf).pvalue > 0.001


@pytest.mark.parametrize("latent", [Normal(3), Uniform(3)], ids=["normal", "uniform"])
def test_stacked_draws_are_each_models_own(latent: Latent) -> None:
    drawn = latent.draw(5, StackedRng([Rng(1), Rng(2)]))
    assert drawn.shape == (2, 5, 3)
    for row, seed in zip(drawn, (1, 2), strict=True):
        assert row.equal(latent.draw(5, Rng(seed)))


@pytest.mark.parametrize("threshold", [0.1, 1.0, 3.0])
@pytest.mark.parametrize(
    ("latent", "distribution"),
    [(Normal(3), stats.truncnorm), (Uniform(3), lambda low, high: stats.uniform(low, high - low))],
    ids=["normal", "uniform"],
)
def test_truncated_draws_are_those_that_drawing_again_would_give(
    latent: Latent, distribution: Callable[[float, float], Any], threshold: float
) -> None:
    edge = min(threshold, 3**0.5) if isinstance(latent, Uniform) else threshold
    z = latent.truncated(threshold).draw(4000, Rng(0))
    assert z.abs().max() <= threshold
    for axis in z.T:
        assert stats.kstest(axis.numpy(), distribution(-edge, edge).cdf).pvalue > 0.001
    assert latent.truncated(0.5).truncated(2.0).draw(5, Rng(0)).equal(latent.truncated(0.5).draw(5, Rng(0)))
