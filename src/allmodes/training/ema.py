"""The exponential moving average of the weights that samples come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from allmodes.models.base import GenerativeModel
from allmodes.schedule import Number

STATISTICS = ("running_mean", "running_var")
"""Names of the buffers that are averaged too."""


class Average:
    r"""Averages the weights of the players that are `averaged`, over a time that grows with the training.

    .. math:: \bar\theta \leftarrow \beta \bar\theta + (1 - \beta) \theta, \quad \beta = 2^{-1 / (1 + h i)}

    with the step i, counted from 0, and the half-life h as a share of the steps so far: early weights are forgotten
    whatever the length of the training. Running statistics of batch normalizations are averaged like weights, since
    those of the present weights do not fit the average.

    References:
        Analyzing and Improving the Training Dynamics of Diffusion Models (Karras et al., 2024), section 3.1, averages
        whose length grows with the training, https://arxiv.org/abs/2312.02696
    """

    def __init__(self, model: GenerativeModel, half_life: float) -> None:
        self.half_life = half_life
        moved = {id(p) for player in model.players if player.averaged for p in player.module.parameters()}
        self.live: dict[str, Tensor] = {name: p for name, p in model.named_parameters() if id(p) in moved}
        kept = {id(b) for player in model.players if player.averaged for b in player.module.buffers()}
        for name, buffer in model.named_buffers():
            if id(buffer) in kept and name.endswith(STATISTICS):
                self.live[name] = buffer
        self.mean = {name: p.detach().clone() for name, p in self.live.items()}

    def share(self, step: int) -> float:
        """What the weights after a step, counted from 0, are worth in the average: 1 - beta."""
        return 1 - 0.5 ** (1 / (1 + self.half_life * step))

    def update(self, share: Number) -> None:
        """Take in the present weights at their share."""
        with torch.no_grad():
            for name, mean in self.mean.items():
                mean.lerp_(self.live[name], share)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model has the averaged weights inside the block and its own again after it."""
        own = {name: p.detach().clone() for name, p in self.live.items()}
        self._write(self.mean)
        try:
            yield
        finally:
            self._write(own)

    def _write(self, weights: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self.live.items():
                parameter.copy_(weights[name])

    def load(self, mean: Mapping[str, Tensor]) -> None:
        """Continue from an average, by parameter's name."""
        for name, value in self.mean.items():
            value.copy_(mean[name])
