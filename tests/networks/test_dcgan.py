"""DCGAN's networks: any image size, every parameter used, no bias under a normalization that removes it."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from allmodes.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from allmodes.networks.layout import FromMaps, ToMaps
from allmodes.networks.strided import Doubling, Halving

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
    generator = DCGANGenerator(image, 6, 2, normalized=normalized)
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
    return [layer for layer in network.layers if not isinstance(layer, (FromMaps, ToMaps))]


@pytest.mark.parametrize("image", [(1, 4, 4), (3, 28, 28), (3, 64, 64), (8, 16, 16)])
@pytest.mark.parametrize("normalized", [True, False])
def test_a_layer_has_a_bias_exactly_if_no_normalization_takes_it_away(
    image: tuple[int, int, int], normalized: bool
) -> None:
    seen = 0
    # Width 8: one of the hidden maps has as many channels as the last of the images here.
    for network in (
        DCGANGenerator(image, 6, 8, normalized=normalized),
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


def test_the_networks_of_the_papers_figure_1_have_its_numbers_of_weights() -> None:
    """Width 128, 100 latents: 4 x 4 x 1024, 8 x 8 x 512, 16 x 16 x 256, 32 x 32 x 128, 64 x 64 x 3, and its mirror."""
    with torch.device("meta"):
        generator = DCGANGenerator((3, 64, 64), 100, 128)
        discriminator = DCGANDiscriminator((3, 64, 64), 128)
    maps = [1024, 512, 256, 128, 3]
    kernels = sum(16 * a * b for a, b in pairwise(maps))
    assert count(generator) == 100 * 16 * 1024 + kernels + 2 * (1024 + 512 + 256 + 128) + 3
    assert count(discriminator) == kernels + 128 + 2 * (256 + 512 + 1024) + 16 * 1024 + 1


def test_the_papers_guidelines_hold() -> None:
    """Section 3 of the paper, the box of guidelines, and section 4's slope and range."""
    generator = layers_of(DCGANGenerator((3, 64, 64), 100, 8))
    discriminator = layers_of(DCGANDiscriminator((3, 64, 64), 8))
    kinds = [[type(layer) for layer in layers] for layers in (generator, discriminator)]
    up, down = [nn.BatchNorm2d, nn.ReLU, Doubling], [Halving, nn.BatchNorm2d, nn.LeakyReLU]
    assert kinds[0] == [nn.Linear, *up * 4, nn.Tanh]
    assert kinds[1] == [Halving, nn.LeakyReLU, *down * 3, nn.Linear]
    for layer in (*generator, *discriminator):
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            assert layer.stride == (2, 2)
        if isinstance(layer, nn.LeakyReLU):
            assert layer.negative_slope == 0.2


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())
