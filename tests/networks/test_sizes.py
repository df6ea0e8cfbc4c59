"""Sizes of maps: halved down to four, and no pixel left out on the way."""

from __future__ import annotations

from itertools import pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import interpolate

from allmodes.networks.sizes import halve, halvings


@given(rows=st.integers(1, 200), columns=st.integers(1, 200))
def test_halvings_go_down_to_four_to_seven_on_the_shorter_side(rows: int, columns: int) -> None:
    sizes = halvings(rows, columns)
    assert sizes[0] == (rows, columns)
    assert min(sizes[-1]) < 8
    assert min(sizes[-1]) >= min(4, rows, columns)
    assert all(large[0] // 2 == small[0] for large, small in pairwise(sizes))


def test_half_the_size_is_bilinear_interpolation_where_both_sides_are_even() -> None:
    x = torch.randn(2, 3, 6, 8)
    torch.testing.assert_close(halve(x), interpolate(x, (3, 4), mode="bilinear"))


@given(rows=st.integers(2, 9), columns=st.integers(2, 9))
def test_every_pixel_counts_in_half_the_size(rows: int, columns: int) -> None:
    x = torch.ones(1, 1, rows, columns, requires_grad=True)
    y = halve(x)
    assert y.shape == (1, 1, rows // 2, columns // 2)
    torch.testing.assert_close(y, torch.ones_like(y))
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert (gradient > 0).all()
