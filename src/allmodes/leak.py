"""Numbers kept between bounds, whose gradient finds a way back from beyond them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

LEAK = 0.01
"""Share that passes beyond a bound of a gradient that leads back."""


def leaky_clamp(x: Tensor, low: float | None, high: float | None) -> Tensor:
    """`x.clamp(low, high)`, any shape, with a hundredth of a gradient that leads back from beyond a bound.

    One that leads further away passes none: nothing would come of it but ever larger numbers.

    >>> x = torch.tensor([-9.0, -9.0, 0.5], requires_grad=True)
    >>> leaky_clamp(x, -1, 1).backward(torch.tensor([-1.0, 1.0, 1.0]))
    >>> x.grad
    tensor([-0.0100,  0.0000,  1.0000])
    """
    return _LeakyClamp.apply(x, low, high)


class _LeakyClamp(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, low: float | None, high: float | None) -> Tensor:
        return x.clamp(low, high)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(inputs[0], output)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore
        (g,), (x, clamped) = grad_outputs, ctx.saved_tensors
        back = g * (x - clamped) > 0  # what is below is to be raised, what is above lowered
        return torch.where(x == clamped, g, LEAK * g * back), None, None
