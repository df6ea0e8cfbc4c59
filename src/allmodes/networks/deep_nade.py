"""The network of an order-agnostic NADE: any numbers that are known, and which, to the conditionals of all others."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class DeepNADENetwork(nn.Module):
    r"""Conditionals of numbers given any set of others, whose mask is an input beside them.

    .. math:: h_1 = (W (m \odot v) + U m + c)_+, \quad h_l = (W_l h_{l-1} + b_l)_+, \quad p_d = V_d h_L + b_d

    Arguments:
        sites: D.
        parameters: P, numbers for a site's conditional.
        width: H, units of each hidden layer.
        layers: hidden layers.

    References:
        A Deep and Tractable Density Estimator (Uria et al., 2013), sections 3 and 4, https://arxiv.org/abs/1310.1757
    """

    def __init__(self, sites: int, parameters: int, width: int, layers: int) -> None:
        super().__init__()
        bound = 1 / sites**0.5
        self.W = nn.Parameter(torch.empty(sites, width).uniform_(-bound, bound))
        self.U = nn.Parameter(torch.empty(sites, width).uniform_(-bound, bound))
        self.c = nn.Parameter(torch.zeros(width))
        self.inner = nn.ModuleList(nn.Linear(width, width) for _ in range(layers - 1))
        bound = 1 / width**0.5
        self.V = nn.Parameter(torch.empty(sites, parameters, width).uniform_(-bound, bound))
        self.b = nn.Parameter(torch.zeros(sites, parameters))

    def forward(self, v: Tensor, known: Tensor) -> Tensor:
        """Numbers of the conditionals of all sites given the known ones, [n, D] and mask [n, D] -> [n, D, P]."""
        a = (v * known) @ self.W + known @ self.U + self.c
        return nn.functional.linear(self.hidden(a), self.V.flatten(0, 1), self.b.flatten()).unflatten(-1, self.b.shape)

    def hidden(self, a: Tensor) -> Tensor:
        """The last hidden layer from the first one's sums, [..., H] -> [..., H]."""
        h = a.relu()
        for layer in self.inner:
            h = layer(h).relu()
        return h

    def at(self, a: Tensor, site: Tensor) -> Tensor:
        """Numbers of the conditional of one site for each of k rows of states, [k, n, H] and [k] -> [k, n, P]."""
        return torch.baddbmm(self.b[site].unsqueeze(1), self.hidden(a), self.V[site].transpose(1, 2))

    def take(self, a: Tensor, site: Tensor, v: Tensor) -> Tensor:
        """The first layer's sums with one site more known, [k, n, H], [k] and [k, n, 1] -> [k, n, H]."""
        return a + v * self.W[site].unsqueeze(1) + self.U[site].unsqueeze(1)
