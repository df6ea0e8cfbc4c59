"""What tests of several families ask for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from scipy.stats import kstest
from torch import Tensor

from allmodes.models.base import GenerativeModel
from allmodes.random import Rng
from allmodes.testing.checks import chi_squared


@pytest.fixture
def follow() -> Callable[..., None]:
    """Asserts that samples of bits follow masses: chi-squared over all states.

    The p-values of 20 seeds are uniform, and that of all counts together, which sees smaller errors, is not small.
    """

    def check(model: GenerativeModel, mass: Tensor, n: int = 2000) -> None:
        """Masses of all states, [2^D], the first bit the highest."""
        place = 2 ** torch.arange(model.event.size - 1, -1, -1)
        drawn = [model.sample(n, rng=Rng(seed)).flatten(1).long() @ place for seed in range(20)]
        counts = [torch.bincount(index, minlength=len(mass)).double() for index in drawn]
        p_values = [chi_squared(count, mass.double()) for count in counts]
        assert kstest(p_values, "uniform").pvalue > 0.001
        assert chi_squared(torch.stack(counts).sum(0), mass.double()) > 1e-4

    return check
