"""Spectral normalization: weights whose largest singular value is one."""

from __future__ import annotations

from typing import ClassVar, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils.parametrize import register_parametrization

Network = TypeVar("Network", bound=nn.Module)
FIRST_ITERATIONS = 15
NORMALIZED = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.Embedding)


class Spectral(nn.Module):
    r"""A weight over its largest singular value, which power iteration finds.

    .. math:: v \leftarrow W^T u / \|W^T u\|, \quad u \leftarrow W v / \|W v\|, \quad \bar W = W / u^T W v

    with W as a matrix of one row an output. Each pass in training goes on from the last one's u. A pass in evaluation
    makes the same iteration and keeps nothing of it, so that it leaves no trace and fits averaged weights too.

    References:
        Spectral Normalization for GANs (Miyato et al., 2018), algorithm 1, https://arxiv.org/abs/1802.05957
    """

    writes: ClassVar = True
    u: Tensor

    def __init__(self, weight: Tensor, axis: int) -> None:
        super().__init__()
        self.axis = axis
        matrix = self._matrix(weight.detach())
        self.register_buffer("u", normalize(torch.randn(len(matrix)), dim=0))
        if not weight.is_meta:
            for _ in range(FIRST_ITERATIONS):
                self.u.copy_(self._singular(matrix)[0])

    def forward(self, weight: Tensor) -> Tensor:
        # In bfloat16 the singular value would be off by as much as the optimizer moves it.
        with torch.autocast(weight.device.type, enabled=False):
            matrix = self._matrix(weight)
            with torch.no_grad():
                u, v = self._singular(matrix)
                if self.training:
                    self.u.copy_(u)
            return weight / torch.dot(u, matrix @ v)

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.axis, 0).flatten(1)

    def _singular(self, matrix: Tensor) -> tuple[Tensor, Tensor]:
        """The singular vectors after one more iteration: [outputs], [inputs]."""
        v = normalize(matrix.T @ self.u, dim=0)
        return normalize(matrix @ v, dim=0), v


def spectral(network: Network) -> Network:
    """The network with every affine map, convolution and embedding in it normalized; initialize its weights before."""
    for layer in list(network.modules()):
        if isinstance(layer, NORMALIZED):
            # ConvTranspose2d has its outputs on the second axis of its weight.
            axis = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
            register_parametrization(layer, "weight", Spectral(layer.weight, axis))
    return network
