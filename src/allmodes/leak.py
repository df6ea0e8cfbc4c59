"""Numbers kept between bounds, whose gradient finds a way back from beyond them."""

from __future__ import annotations

import math

from torch import Tensor

LEAK = 0.01
"""Share of a gradient that passes beyond a bound."""


def leaky_clamp(x: Tensor, low: float | None, high: float | None) -> Tensor:
    """`x.clamp(low, high)`, any shape, with a hundredth of its gradient where that has none."""
    x = x.nan_to_num(nan=math.nan)  # from infinity nothing can be taken away
    clamped = x.clamp(low, high)
    beyond = LEAK * (x - clamped)
    return clamped + (beyond - beyond.detach())
