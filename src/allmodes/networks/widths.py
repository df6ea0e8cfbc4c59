"""Widths of distributions, which networks give by their logarithm."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

NARROWEST = -7.0
"""Smallest logarithm, in the networks' units: a number that never changes has no unbounded density."""


def bounded(log_width: Tensor) -> Tensor:
    """The logarithm kept above the smallest; unlike a clamp it lets what is below come back.

    >>> import torch
    >>> bounded(torch.tensor([-20.0, 0.0])).round(decimals=2).tolist()
    [-7.0, 0.0]
    """
    return NARROWEST + softplus(log_width - NARROWEST)
