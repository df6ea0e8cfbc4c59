"""Initialization: signals keep their size on their way through the network."""

from __future__ import annotations

import torch
from torch import nn

from allmodes.networks.init import orthogonal, rectified
from allmodes.networks.mlp import MLP


def test_rectified_signals_keep_their_size_through_many_layers() -> None:
    torch.manual_seed(0)
    network = rectified(MLP(256, 256, (256,) * 8, nn.ReLU))
    x = torch.randn(512, 256)
    assert 0.5 < network(x).square().mean().item() < 2


def test_orthogonal_rows_are_of_length_one_and_at_right_angles() -> None:
    layer = nn.Conv2d(3, 5, 3)
    orthogonal(layer)
    w = layer.weight.detach().flatten(1)
    torch.testing.assert_close(w @ w.T, torch.eye(5), atol=1e-5, rtol=0)
