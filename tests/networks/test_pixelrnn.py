"""The skew that turns diagonals into columns."""

from __future__ import annotations

import torch

from allmodes.networks.pixelrnn import skewed, unskewed


def test_skewing_moves_each_row_and_back() -> None:
    x = torch.arange(2 * 3 * 4 * 2.0).reshape(2, 3, 4, 2, 1)
    moved = skewed(x)
    assert moved.shape == (6, 2, 3, 2, 1)
    for row in range(3):
        assert moved[row : row + 4, :, row].equal(x[:, row].transpose(0, 1))
        assert moved[:row, :, row].abs().sum() == moved[row + 4 :, :, row].abs().sum() == 0
    assert unskewed(moved, 4).equal(x)
