"""The logistic distribution: its draws, and its mass between two ends."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def standard_logistic(uniform: Tensor) -> Tensor:
    """Standard logistic numbers from uniform ones on [0, 1), whose 0 is taken for the smallest number above it."""
    edge = torch.finfo(uniform.dtype).eps / 2
    return torch.logit(uniform.clamp(edge, 1 - edge))


def log_mass(lower: Tensor, upper: Tensor, width: Tensor, first: Tensor, last: Tensor) -> Tensor:
    r"""The logarithm of the mass between two ends, :math:`\log(\sigma(b) - \sigma(a))`.

    By :math:`\sigma(b) - \sigma(a) = \sigma(b) \sigma(-a) (1 - e^{a - b})`, in which nothing cancels.

    Arguments:
        lower, upper: a and b, in units of the scale.
        width: b - a, which their difference gives with fewer digits.
        first, last: where there is no lower, no upper end.
    """
    below, above = torch.where(first, 0.0, logsigmoid(-lower)), torch.where(last, 0.0, logsigmoid(upper))
    return below + above + torch.where(first | last, 0.0, torch.log(-torch.expm1(-width)))
