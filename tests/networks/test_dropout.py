"""Channels that are left out."""

from __future__ import annotations

import pytest
import torch

from allmodes.networks.dropout import Dropout
from allmodes.random import Rng


def test_whole_channels_are_left_out_and_the_mean_stays() -> None:
    x = torch.ones(2000, 3, 2, 4)
    y = Dropout(0.2)(x, Rng(0))
    assert sorted(y.unique().tolist()) == [0, pytest.approx(1.25)]
    assert y.flatten(2).std(2).max() == 0
    assert y.mean((0, 2, 3)).tolist() == pytest.approx([1, 1, 1], abs=4 * 0.5 / 2000**0.5)
    assert Dropout(0.2)(x[:, :, 0, 0], Rng(0)).equal(y[:, :, 0, 0])


def test_nothing_is_left_out_outside_training_or_drawn_without_dropout() -> None:
    x, rng = torch.ones(5, 3, 2, 2), Rng(0)
    state = rng.state
    assert Dropout(0.9).eval()(x, rng) is x
    assert Dropout(0.0)(x, rng) is x
    assert rng.state.equal(state)
