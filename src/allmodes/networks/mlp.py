"""Fully connected networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class FourierFeatures(nn.Module):
    r"""The input beside waves of it, [..., n, inputs] -> [..., n, inputs + 2 waves].

    .. math:: x, \; |k_j|^{-1/2} \sin(k_j \cdot x), \; |k_j|^{-1/2} \cos(k_j \cdot x)

    Wave numbers are spaced evenly in their logarithm from 1 to `highest`; directions are drawn once, from seed 0.

    References:
        Fourier Features Let Networks Learn High Frequency Functions (Tancik et al., 2020),
        https://arxiv.org/abs/2006.10739
    """

    k: Tensor
    amplitude: Tensor

    def __init__(self, inputs: int, waves: int, highest: float) -> None:
        super().__init__()
        self.outputs = inputs + 2 * waves
        length = torch.logspace(0, math.log10(highest), waves)
        direction = torch.nn.functional.normalize(
            torch.randn(inputs, waves, generator=torch.Generator().manual_seed(0)), dim=0
        )
        self.register_buffer("k", direction * length)
        self.register_buffer("amplitude", length.rsqrt())

    def forward(self, x: Tensor) -> Tensor:
        phase = x @ self.k
        return torch.cat([x, self.amplitude * phase.sin(), self.amplitude * phase.cos()], dim=-1)


class MLP(nn.Sequential):
    """Affine maps with an activation between them, [..., n, inputs] -> [..., n, outputs].

    Arguments:
        widths: of the hidden layers.
        activation: makes the layer that follows each hidden affine map.
        first: what comes before the first affine map; it has `outputs`, the number of features that it makes.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        widths: Sequence[int],
        activation: Callable[[], nn.Module] = lambda: nn.LeakyReLU(0.2),
        first: FourierFeatures | None = None,
    ) -> None:
        layers: list[nn.Module] = [] if first is None else [first]
        sizes = [inputs if first is None else first.outputs, *widths]
        for a, b in pairwise(sizes):
            layers += [nn.Linear(a, b), activation()]
        super().__init__(*layers, nn.Linear(sizes[-1], outputs))
