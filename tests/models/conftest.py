"""What tests of several families ask for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from scipy.stats import chi2, kstest
from torch import Tensor

from allmodes.models.base import GenerativeModel
from allmodes.random import Rng


@pytest.fixture
def follow() -> Callable[..., None]:
    """Asserts that samples of bits follow masses: chi-squared over all states, uniform p-values over 20 seeds."""

    def check(model: GenerativeModel, mass: Tensor, n: int = 2000) -> None:
        """Masses of all states, [2^D], the first bit the highest."""
        expected, p_values = n * mass.double(), []
        place = 2 ** torch.arange(model.event.size - 1, -1, -1)
        for seed in range(20):
            index = (model.sample(n, rng=Rng(seed)).flatten(1).long() * place).sum(-1)
            counts = torch.bincount(index, minlength=len(expected))
            p_values.append(chi2.sf(float(((counts - expected) ** 2 / expected).sum()), len(expected) - 1))
        assert kstest(p_values, "uniform").pvalue > 0.001

    return check
