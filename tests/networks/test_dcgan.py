"""DCGAN's networks: any image size, every parameter used, no bias under a normalization that removes it."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from allmodes.networks.dcgan import DCGANDiscriminator, DCGANGenerator, halvings

images = st.tuples(st.sampled_from([1, 3, 5]), st.integers(4, 64), st.integers(4, 64))


@settings(max_examples=40)
@given(image=images, normalized=st.booleans())
@example(image=(1, 4, 4), normalized=True)
@example(image=(3, 64, 64), normalized=True)
@example(image=(5, 7, 63), normalized=False)
def test_images_of_any_size_come_out_and_go_in_and_every_parameter_learns(
    image: tuple[int, int, int], normalized: bool
) -> None:
    torch.manual_seed(0)
    generator = DCGANGenerator(image, 6, 2, normalized=normalized, output=nn.Tanh())
    discriminator = DCGANDiscriminator(image, 2, normalized=normalized)
    x = generator(torch.randn(3, 6))
    assert x.shape == (3, *image)
    logits = discriminator(x)
    assert logits.shape == (3, 1)
    # Odd weights: a plain sum is what a normalization's output cannot change.
    (logits.flatten() * torch.tensor([1.0, -3.0, 5.0])).sum().backward()
    for name, parameter in (*generator.named_parameters(), *discriminator.named_parameters()):
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def layers_of(network: DCGANGenerator | DCGANDiscriminator) -> list[nn.Module]:
    return [layer for layer in network.layers if not isinstance(layer, (nn.Flatten, nn.Unflatten))]


@pytest.mark.parametrize("image", [(1, 4, 4), (3, 28, 28), (3, 64, 64), (8, 16, 16)])
@pytest.mark.parametrize("normalized", [True, False])
def test_a_layer_has_a_bias_exactly_if_no_normalization_takes_it_away(
    image: tuple[int, int, int], normalized: bool
) -> None:
    seen = 0
    # Width 8: one of the hidden maps has as many channels as the last of the images here.
    for network in (
        DCGANGenerator(image, 6, 8, normalized=normalized, output=nn.Tanh()),
        DCGANDiscriminator(image, 8, normalized=normalized),
    ):
        layers = layers_of(network)
        for layer, following in zip(layers, [*layers[1:], None], strict=True):
            if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
                assert (layer.bias is None) == isinstance(following, nn.BatchNorm2d)
                seen += 1
        assert any(isinstance(layer, nn.BatchNorm2d) for layer in layers) == (normalized and min(image[1:]) >= 16) or (
            isinstance(network, DCGANGenerator) and normalized and min(image[1:]) >= 8
        )
    assert seen >= 2


@given(rows=st.integers(1, 200), columns=st.integers(1, 200))
def test_halvings_go_down_to_four_to_seven_on_the_shorter_side(rows: int, columns: int) -> None:
    sizes = halvings(rows, columns)
    assert sizes[0] == (rows, columns)
    assert min(sizes[-1]) < 8
    assert min(sizes[-1]) >= min(4, rows, columns)
    assert all(large[0] // 2 == small[0] for large, small in pairwise(sizes))
