"""The Parzen window estimate: how generators were compared until 2015. History, and never a ranking."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from allmodes.errors import UserError
from allmodes.score import Kind, Score, digest

WIDTHS = tuple(10 ** (-2 + i / 10) for i in range(31))
"""Standard deviations tried where none are given, in the units of the data: 0.01 to 10."""
_NUMBERS = 2**24


def parzen(samples: Any, x: Any, *, validation: Any, widths: Sequence[float] = WIDTHS) -> Score:
    r"""Log-density of examples under Gaussian bumps at the samples, nats.

    .. math:: \log \hat p(x) = \log \frac{1}{n} \sum_{i=1}^{n} N(x;\, s_i,\, \sigma^2 I)

    with the sigma that makes the validation examples most probable.

    Its kind is an estimate, which ranks nothing, for good reason: with thousands of samples in tens of dimensions it is
    far from the density of the model that drew them, and what scores well on it is not what generates well. The
    centroids of k-means, which are no images, beat real images (Theis et al., 2015, section 3.2;
    benchmarks/parzen.py shows it on the digits).

    Arguments:
        samples: of any generator, [n, *shape], numpy or torch.
        x: examples to score, [m, *shape].
        validation: examples to choose sigma by, [k, *shape], none of them in x.
        widths: values of sigma to choose from, in the units of the data.

    Raises:
        UserError: for shapes that do not agree, no samples, or widths that are not positive.

    References:
        Generative Adversarial Nets (Goodfellow et al., 2014), section 5, https://arxiv.org/abs/1406.2661
        A note on the evaluation of generative models (Theis et al., 2015), https://arxiv.org/abs/1511.01844
    """
    given = {"samples": samples, "x": x, "validation": validation}
    tensors = {name: torch.as_tensor(value) for name, value in given.items()}
    shape = tensors["samples"].shape[1:]
    for name, tensor in tensors.items():
        if not len(tensor) or tensor.shape[1:] != shape:
            raise UserError(
                f"{name} has shape {tuple(tensor.shape)} and the samples {tuple(tensors['samples'].shape)}; "
                "give at least one example each, all of one shape"
            )
    if not widths or not all(0 < width < math.inf for width in widths):
        raise UserError(f"widths {tuple(widths)}: give standard deviations above 0")
    centres, examples, others = (tensor.double().flatten(1) for tensor in tensors.values())
    sigma = max(widths, key=lambda width: float(_log_density(centres, others, width).mean()))
    halves = [_log_density(half, examples, sigma).mean() for half in (centres[::2], centres[1::2]) if len(half)]
    return Score(
        value=_log_density(centres, examples, sigma),
        kind=Kind.ESTIMATE,
        standard_error=float(abs(halves[0] - halves[-1])) / 2,
        budget=len(centres),
        measure="lebesgue",
        data=digest(tensors["x"]),
        size=centres.shape[1],
    )


def _log_density(centres: Tensor, x: Tensor, sigma: float) -> Tensor:
    """[n, d] and [m, d] -> [m]."""
    n, d = centres.shape
    parts = []
    for part in x.split(max(1, _NUMBERS // n)):
        square = torch.cdist(part, centres, compute_mode="donot_use_mm_for_euclid_dist").square()
        parts.append(torch.logsumexp(-square / (2 * sigma**2), 1))
    return torch.cat(parts) - math.log(n) - d / 2 * math.log(2 * math.pi * sigma**2)
