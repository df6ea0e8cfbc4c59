"""The end of image generators: numbers within its bounds, and gradients beyond them."""

from __future__ import annotations

import pytest
import torch

from allmodes.networks.clip import LeakyClip


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_numbers_stay_within_the_bounds_and_a_hundredth_of_a_gradient_that_leads_back_passes(
    dtype: torch.dtype,
) -> None:
    for sign, passed in ((1.0, [0.0, 1.0, 1.0, 1.0, 0.01]), (-1.0, [0.01, 1.0, 1.0, 1.0, 0.0])):
        x = torch.tensor([-3.0, -1.0, 0.25, 1.0, 2.0], dtype=dtype, requires_grad=True)
        y = LeakyClip()(x)
        assert y.tolist() == [-1.0, -1.0, 0.25, 1.0, 1.0]
        (sign * y.sum()).backward()
        assert x.grad is not None
        assert (sign * x.grad).tolist() == pytest.approx(passed, rel=0.01)


def test_what_is_asked_to_be_black_for_long_comes_back_at_once() -> None:
    """With a gradient that leads out, too, a thousand steps towards black would take as many back."""
    x = torch.tensor([0.5], requires_grad=True)
    optimizer = torch.optim.Adam([x], 0.01, betas=(0.0, 0.99))
    for aim in (-1.0, 1.0):
        for _ in range(1000):
            optimizer.zero_grad()
            (-aim * LeakyClip()(x)).sum().backward()
            optimizer.step()
        assert abs(float(x.detach()) - aim) < 0.1


def test_infinity_ends_at_a_bound_and_what_is_no_number_stays_so() -> None:
    x = LeakyClip()(torch.tensor([-torch.inf, torch.inf, torch.nan]))
    assert x[:2].tolist() == [-1, 1]
    assert x[2].isnan()
