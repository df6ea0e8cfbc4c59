"""Fully connected networks whose hidden units are random."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from allmodes.random import Rng


class NoisyMLP(nn.Module):
    """Affine maps, [n, inputs] -> [n, outputs], with Gaussian noise before and after the tangent of every hidden unit.

    Arguments:
        widths: of the hidden layers.
        noise: its standard deviation; 0 for none.

    References:
        Deep Generative Stochastic Networks Trainable by Backprop (Bengio et al., 2013), section 5,
        https://arxiv.org/abs/1306.1091
    """

    def __init__(self, inputs: int, outputs: int, widths: Sequence[int], noise: float) -> None:
        super().__init__()
        self.noise = noise
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise((inputs, *widths, outputs)))

    def forward(self, x: Tensor, rng: Rng) -> Tensor:
        *hidden, last = self.layers
        for layer in hidden:
            x = self._shaken(self._shaken(layer(x), rng).tanh(), rng)
        return last(x)

    def _shaken(self, x: Tensor, rng: Rng) -> Tensor:
        return x + self.noise * rng.normal(*x.shape).to(x) if self.noise else x
