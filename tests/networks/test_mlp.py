"""Fully connected networks: shapes, waves."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from allmodes.networks.mlp import MLP, FourierFeatures


@pytest.mark.parametrize("leading", [(), (4,), (2, 4), (3, 2, 4)])
def test_an_mlp_keeps_leading_axes_and_treats_each_row_alone(leading: tuple[int, ...]) -> None:
    network = MLP(5, 2, (8, 8)).double()
    x = torch.randn(*leading, 5, dtype=torch.float64)
    y = network(x)
    assert y.shape == (*leading, 2)
    rows = torch.stack([network(row) for row in x.reshape(-1, 5)])
    torch.testing.assert_close(y.reshape(-1, 2), rows, rtol=1e-12, atol=1e-12)


def test_an_mlp_is_affine_maps_with_activations_between() -> None:
    network = MLP(3, 2, (4, 5), nn.Tanh)
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [(3, 4), (4, 5), (5, 2)]
    x = torch.randn(6, 3)
    expected = linear[2](linear[1](linear[0](x).tanh()).tanh())
    assert network(x).equal(expected)


def test_fourier_features_are_the_formula() -> None:
    features = FourierFeatures(2, 6, 50.0).double()
    x = torch.randn(3, 7, 2, dtype=torch.float64)
    found = features(x)
    assert found.shape == (3, 7, features.outputs) == (3, 7, 14)
    assert found[..., :2].equal(x)
    lengths = features.k.norm(dim=0)
    torch.testing.assert_close(lengths, torch.logspace(0, 1.69897000433, 6).double(), rtol=1e-6, atol=0)
    for j in range(6):
        phase = (x * features.k[:, j]).sum(-1)
        for column, wave in ((2 + j, phase.sin()), (8 + j, phase.cos())):
            torch.testing.assert_close(found[..., column], wave / lengths[j].sqrt(), rtol=1e-6, atol=1e-6)


def test_fourier_features_are_the_same_each_time_and_start_an_mlp() -> None:
    assert FourierFeatures(2, 6, 50.0).k.equal(FourierFeatures(2, 6, 50.0).k)
    network = MLP(2, 1, (8,), first=FourierFeatures(2, 6, 50.0))
    assert network(torch.randn(3, 2)).shape == (3, 1)
    assert sum(p.numel() for p in network.parameters()) == 14 * 8 + 8 + 8 + 1
