"""Attention of each pixel of a map to all others."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d


class SelfAttention(nn.Module):
    r"""A map plus what each of its pixels gathers from all others, [n, channels, rows, columns] -> the same.

    .. math:: \beta_{ji} = \text{softmax}_i(f(x_i)^T g(x_j)), \quad y_j = x_j + \gamma \, v(\sum_i \beta_{ji} h(x_i))

    f, g, h and v are maps of single pixels; gamma begins at zero. f and h look at the map at half its size, which costs
    a quarter and, in the authors' code as in BigGAN's, is how the paper's figures were made.

    References:
        Self-Attention GANs (Zhang et al., 2018), section 3, https://arxiv.org/abs/1805.08318
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow, half = max(1, channels // 8), max(1, channels // 2)
        self.f = nn.Conv2d(channels, narrow, 1, bias=False)
        self.g = nn.Conv2d(channels, narrow, 1, bias=False)
        self.h = nn.Conv2d(channels, half, 1, bias=False)
        self.v = nn.Conv2d(half, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.g(x), max_pool2d(self.f(x), 2), max_pool2d(self.h(x), 2)
        # [n, channels, rows, columns] -> [n, pixels, channels]; the paper does not divide by the root of the channels.
        query, key, value = (part.flatten(2).mT for part in (query, key, value))
        gathered = (query @ key.mT).softmax(-1) @ value
        return x + self.gamma * self.v(gathered.mT.unflatten(-1, x.shape[-2:]))
