"""The end of image generators: numbers within its bounds, and gradients beyond them."""

from __future__ import annotations

import pytest
import torch

from allmodes.networks.clip import LeakyClip


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_numbers_stay_within_the_bounds_and_a_hundredth_of_the_gradient_passes(dtype: torch.dtype) -> None:
    x = torch.tensor([-3.0, -1.0, 0.25, 1.0, 2.0], dtype=dtype, requires_grad=True)
    y = LeakyClip()(x)
    assert y.tolist() == [-1.0, -1.0, 0.25, 1.0, 1.0]
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == pytest.approx([0.01, 1.0, 1.0, 1.0, 0.01], rel=0.01)


def test_infinity_ends_at_a_bound_and_what_is_no_number_stays_so() -> None:
    x = LeakyClip()(torch.tensor([-torch.inf, torch.inf, torch.nan]))
    assert x[:2].tolist() == [-1, 1]
    assert x[2].isnan()
