"""Layers that compare examples."""

from __future__ import annotations

import pytest
import torch

from allmodes.networks.minibatch import MinibatchDiscrimination, MinibatchStd, Pack


def test_packing_joins_neighbours_in_their_order() -> None:
    x = torch.arange(12.0).reshape(6, 2)
    assert Pack(3)(x).equal(x.reshape(2, 6))
    assert Pack(1)(x).equal(x)
    stacked = torch.stack([x, -x])
    assert Pack(2)(stacked).equal(torch.stack([Pack(2)(x), Pack(2)(-x)]))


def test_packed_images_have_the_channels_of_all() -> None:
    x = torch.arange(4 * 3 * 2 * 2.0).reshape(4, 3, 2, 2)
    packed = Pack(2, axes=3)(x)
    assert packed.shape == (2, 6, 2, 2)
    assert packed[1, 3:].equal(x[3])


@pytest.mark.parametrize("axes", [1, 3])
def test_minibatch_deviation_is_the_mean_over_numbers_of_the_groups_deviation(axes: int) -> None:
    shape = (5,) if axes == 1 else (5, 2, 3)
    x = torch.randn(8, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = MinibatchStd(4, axes)(x)
    assert y.shape == (8, 6, *shape[1:])
    assert y[:, :5].equal(x)
    for i in range(8):
        group = x[i % 2 :: 2]
        expected = group.std(0, unbiased=False).mean().item()
        assert y[i, 5].flatten().tolist() == pytest.approx([expected] * y[i, 5].numel(), rel=1e-6)


def test_a_collapsed_batch_shows_a_deviation_of_zero() -> None:
    assert MinibatchStd(4, 1)(torch.ones(8, 3))[:, 3].max() < 1e-3


def test_a_batch_that_is_no_multiple_of_the_group_is_one_group() -> None:
    y = MinibatchStd(4, 1)(torch.tensor([[0.0], [1.0], [2.0]]))
    assert y[:, 1].tolist() == pytest.approx([(2 / 3) ** 0.5] * 3)


def test_minibatch_discrimination_is_the_papers_sum_over_the_others() -> None:
    torch.manual_seed(0)
    layer, x = MinibatchDiscrimination(3, kernels=2, dimensions=4).double(), torch.randn(5, 3).double()
    y = layer(x)
    m = (x @ layer.tensor.weight.T).reshape(5, 2, 4)
    for i in range(5):
        for b in range(2):
            expected = sum(torch.exp(-(m[i, b] - m[j, b]).abs().sum()).item() for j in range(5) if j != i)
            assert y[i, 3 + b].item() == pytest.approx(expected, rel=1e-12)
    assert y[:, :3].equal(x)
