"""Initialization: signals keep their size on their way through the network."""

from __future__ import annotations

import torch
from torch import nn

from allmodes.networks.init import rectified
from allmodes.networks.mlp import MLP


def test_rectified_signals_keep_their_size_through_many_layers() -> None:
    torch.manual_seed(0)
    network = rectified(MLP(256, 256, (256,) * 8, nn.ReLU))
    x = torch.randn(512, 256)
    assert 0.5 < network(x).square().mean().item() < 2
