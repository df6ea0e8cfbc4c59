"""Self-attention: nothing at first, then a mean over all pixels with the right weights."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import max_pool2d

from allmodes.networks.attention import SelfAttention


@pytest.mark.parametrize("size", [(4, 4), (5, 9)])
def test_it_begins_as_the_identity_and_keeps_the_shape(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    attention, x = SelfAttention(16), torch.randn(2, 16, *size)
    assert attention(x).equal(x)
    attention.gamma.data.fill_(1.0)
    assert attention(x).shape == x.shape
    assert not torch.allclose(attention(x), x)


def test_each_pixel_gets_the_papers_sum() -> None:
    torch.manual_seed(0)
    attention, x = SelfAttention(8).double(), torch.randn(1, 8, 4, 6).double()
    attention.gamma.data.fill_(0.7)
    keys, values = max_pool2d(attention.f(x), 2).flatten(2)[0], max_pool2d(attention.h(x), 2).flatten(2)[0]
    queries = attention.g(x).flatten(2)[0]
    expected = torch.empty(8, 24).double()
    for j in range(24):
        s = torch.stack([keys[:, i] @ queries[:, j] for i in range(6)])
        beta = s.exp() / s.exp().sum()
        expected[:, j] = attention.v.weight[:, :, 0, 0] @ (values * beta).sum(1)
    torch.testing.assert_close(attention(x), x + 0.7 * expected.view(1, 8, 4, 6))


def test_every_parameter_has_a_gradient_once_the_gate_is_open() -> None:
    torch.manual_seed(0)
    attention = SelfAttention(8)
    attention.gamma.data.fill_(0.1)
    attention(torch.randn(2, 8, 4, 4)).square().sum().backward()
    for name, parameter in attention.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name
