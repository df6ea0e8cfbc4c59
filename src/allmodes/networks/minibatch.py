"""Layers in which a discriminator compares examples: a set of samples shows a collapse that no single one shows."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from allmodes.networks.normalization import OVER_THE_BATCH


class Pack(nn.Module):
    """Joins every m consecutive examples into one, [..., n, d, *rest] -> [..., n / m, m d, *rest].

    Put before a discriminator with m times the inputs, which then judges m examples at once.

    Arguments:
        m: examples in a pack; 1 changes nothing. The batch must be a multiple of it.
        axes: of one example, 1 for points, 3 for images, whose channels are joined.

    References:
        PacGAN (Lin et al., 2017), section 2, https://arxiv.org/abs/1712.04086
    """

    def __init__(self, m: int, axes: int = 1) -> None:
        super().__init__()
        self.m, self.axes = m, axes

    def forward(self, x: Tensor) -> Tensor:
        split = x.dim() - self.axes
        n, d = x.shape[split - 1 : split + 1]
        return x.reshape(*x.shape[: split - 1], n // self.m, self.m * d, *x.shape[split + 1 :])


def mixes(network: nn.Module) -> bool:
    """Whether what a network says of an example depends on the others of its batch.

    It does where a layer is one of torch's batch normalizations, or has an attribute `mixes` that is true.
    """
    return any(getattr(module, "mixes", isinstance(module, OVER_THE_BATCH)) for module in network.modules())


class MinibatchStd(nn.Module):
    """One more channel or feature: how much examples differ within groups of the batch.

    The standard deviation over the group of every number of the input, averaged to one number a group:
    [n, d, *rest] -> [n, d + 1, *rest].

    Arguments:
        group: examples in a group, strided, n / group apart; where n is no multiple of it the batch is one group.
        axes: of one example, 1 for features, 3 for images.

    References:
        Progressive Growing of GANs (Karras et al., 2018), section 3, https://arxiv.org/abs/1710.10196
    """

    mixes: ClassVar = True

    def __init__(self, group: int = 4, axes: int = 3) -> None:
        super().__init__()
        self.group, self.axes = group, axes

    def forward(self, x: Tensor) -> Tensor:
        leading, n = x.shape[: -self.axes - 1], x.shape[-self.axes - 1]
        group = self.group if n % self.group == 0 else n
        y = x.reshape(*leading, group, n // group, -1)
        variance = (y - y.mean(-3, keepdim=True)).square().mean(-3)
        spread = (variance + 1e-8).sqrt().mean(-1)  # [..., n / group]
        spread = spread.unsqueeze(-2).expand(*leading, group, n // group).reshape(*leading, n)
        spread = spread.reshape(*leading, n, *(1 for _ in range(self.axes)))
        rest = x.shape[x.dim() - self.axes + 1 :]
        return torch.cat([x, spread.expand(*leading, n, 1, *rest)], -self.axes)


class MinibatchDiscrimination(nn.Module):
    r"""Features of each example's likeness to the others of its batch, [n, inputs] -> [n, inputs + kernels].

    .. math:: M_i = f(x_i) T, \quad c_{ijb} = \exp(-\|M_{ib} - M_{jb}\|_1), \quad o_{ib} = \sum_{j \ne i} c_{ijb}

    Arguments:
        kernels: rows b of M.
        dimensions: numbers in a row.

    References:
        Improved Techniques for Training GANs (Salimans et al., 2016), section 3.2, https://arxiv.org/abs/1606.03498
    """

    mixes: ClassVar = True

    def __init__(self, inputs: int, kernels: int = 16, dimensions: int = 8) -> None:
        super().__init__()
        self.kernels, self.dimensions = kernels, dimensions
        self.tensor = nn.Linear(inputs, kernels * dimensions, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        m = self.tensor(x).unflatten(-1, (self.kernels, self.dimensions))
        distance = (m.unsqueeze(-3) - m.unsqueeze(-4)).abs().sum(-1)  # [..., n, n, kernels]
        likeness = torch.exp(-distance).sum(-2) - 1  # without the example itself
        return torch.cat([x, likeness], -1)
