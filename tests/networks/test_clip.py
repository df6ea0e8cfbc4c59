"""The end of image generators: what it leaves of numbers beyond it, and of their gradients."""

from __future__ import annotations

import pytest
import torch

from allmodes.networks.clip import LeakyClip


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_a_hundredth_of_what_lies_beyond_is_left_in_training_and_nothing_after(dtype: torch.dtype) -> None:
    x = torch.tensor([-3.0, -1.0, 0.25, 1.0, 2.0], dtype=dtype, requires_grad=True)
    end = LeakyClip()
    y = end(x)
    assert y.tolist() == pytest.approx([-1.02, -1.0, 0.25, 1.0, 1.01])
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == pytest.approx([0.01, 1.0, 1.0, 1.0, 0.01], rel=0.01)
    assert end.eval()(x).tolist() == [-1.0, -1.0, 0.25, 1.0, 1.0]
