"""Batch normalization that is told what to make."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

OVER_THE_BATCH = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
"""Torch's normalizations by the statistics of a batch."""


class ConditionalBatchNorm(nn.Module):
    r"""Batch normalization by what is given, [n, channels, *], [n, given] -> [n, channels, *].

    .. math:: y = (1 + W_\gamma c) \frac{x - \mu}{\sigma} + W_\beta c

    Arguments:
        channels: of the map.
        given: length of c, the embedding of the condition with a chunk of the latent.

    References:
        BigGAN (Brock et al., 2018), section 3 and appendix B.1, https://arxiv.org/abs/1809.11096
        Modulating early visual processing by language (de Vries et al., 2017), https://arxiv.org/abs/1707.00683
    """

    mixes: ClassVar = True
    writes: ClassVar = True
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, given: int) -> None:
        super().__init__()
        self.gain = nn.Linear(given, channels, bias=False)
        self.bias = nn.Linear(given, channels, bias=False)
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        y = batch_norm(x, self.running_mean, self.running_var, training=self.training)
        return (1 + self.gain(c))[..., None, None] * y + self.bias(c)[..., None, None]
