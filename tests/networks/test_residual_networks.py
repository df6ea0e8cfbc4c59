"""The residual networks of SNGAN and R3GAN: any image, every parameter, the papers' sizes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from allmodes.event import Condition, Event
from allmodes.networks.biggan import BigGANDiscriminator
from allmodes.networks.conditional import ConditionVector
from allmodes.networks.r3gan import Block, R3GANDiscriminator, R3GANGenerator, stage_widths
from allmodes.networks.residual import GrowingBlock
from allmodes.networks.resnet import ResNetDiscriminator, ResNetGenerator
from allmodes.networks.sizes import halvings

IMAGES = [(1, 8, 8), (3, 12, 10), (5, 9, 33), (2, 28, 28)]
Networks = tuple[nn.Module, nn.Module]


def sngan(image: tuple[int, int, int]) -> Networks:
    return ResNetGenerator(image, 6, 4), ResNetDiscriminator(image, 4)


def r3gan(image: tuple[int, int, int]) -> Networks:
    widths = [8 * (1 + k % 2) for k in range(len(halvings(*image[1:])))]
    networks = R3GANGenerator(image, 6, widths), R3GANDiscriminator(image, widths)
    for block in (part for network in networks for part in network.modules() if isinstance(part, Block)):
        nn.init.normal_(block.narrow.weight, 0.0, 0.1)  # zero, as it begins, it lets no gradient through
    return networks


@pytest.mark.parametrize("image", IMAGES, ids=str)
@pytest.mark.parametrize("make", [sngan, r3gan])
def test_images_of_any_size_come_out_and_go_in_and_every_parameter_learns(
    make: Callable[[tuple[int, int, int]], Networks], image: tuple[int, int, int]
) -> None:
    torch.manual_seed(0)
    generator, discriminator = make(image)
    x = generator(torch.randn(3, 6))
    assert x.shape == (3, *image)
    logits = discriminator(x)
    assert logits.shape == (3, 1)
    (logits.flatten() * torch.tensor([1.0, -3.0, 5.0])).sum().backward()
    for name, parameter in (*generator.named_parameters(), *discriminator.named_parameters()):
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


@pytest.mark.parametrize("make", [sngan, r3gan])
def test_every_pixel_reaches_the_logit(make: Callable[[tuple[int, int, int]], Networks]) -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 2, 17, 11, requires_grad=True)
    make((2, 17, 11))[1](x).backward()
    assert x.grad is not None
    assert x.grad.abs().sum((0, 1)).ne(0).all()


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_sngans_networks_for_32_by_32_have_the_layers_of_the_papers_table_3() -> None:
    with torch.device("meta"):
        generator, discriminator = ResNetGenerator((3, 32, 32), 128, 256), ResNetDiscriminator((3, 32, 32), 128)

    def conv(before: int, after: int, side: int = 3) -> int:
        return before * after * side**2 + after

    block = 2 * conv(256, 256) + conv(256, 256, 1) + 4 * 256
    assert count(generator) == 129 * 4 * 4 * 256 + 3 * block + 2 * 256 + conv(256, 3) == 4_276_739
    first = conv(3, 128) + conv(128, 128) + conv(3, 128, 1)
    plain = 2 * conv(128, 128)
    assert count(discriminator) == first + (plain + conv(128, 128, 1)) + 2 * plain + 129 == 1_053_825
    shrinks = [part.shrinks for part in discriminator.blocks]
    assert shrinks == [True, True, False, False]


def test_r3gans_configuration_e_has_the_millions_of_weights_that_the_paper_states() -> None:
    """Table 2 of 2501.05441, FFHQ at 256 x 256: generator 23.058, discriminator 23.010."""
    image = (3, 256, 256)
    with torch.device("meta"):
        networks = R3GANGenerator(image, 64, stage_widths(image)), R3GANDiscriminator(image, stage_widths(image))
    assert [f"{count(network) / 1e6:.3f}" for network in networks] == ["23.058", "23.010"]


def test_r3gans_signals_keep_their_size_at_any_depth() -> None:
    """Without normalization, the initialization alone does that."""
    torch.manual_seed(0)
    for side in (8, 64):
        widths = [8] * len(halvings(side, side))
        x = R3GANGenerator((3, side, side), 64, widths)(torch.randn(16, 64))
        assert 0.3 < float(x.detach().std()) < 3
        logits = R3GANDiscriminator((3, side, side), widths)(torch.randn(16, 3, side, side))
        assert 0.01 < float(logits.detach().std()) < 3


def test_r3gans_blocks_begin_as_the_identity() -> None:
    x = torch.randn(2, 16, 5, 5)
    assert Block(16, 8)(x).equal(x)


def test_both_convolutions_of_a_growing_block_see_what_is_not_negative() -> None:
    block = GrowingBlock(2, 3, (4, 4), nn.BatchNorm2d).eval()
    seen: list[Tensor] = []
    for layer in (block.first, block.second):
        layer.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    block(torch.randn(5, 2, 2, 2, generator=torch.Generator().manual_seed(0)))
    assert len(seen) == 2
    assert all(x.min() >= 0 for x in seen)


def test_discriminators_add_up_what_is_lit_over_the_image() -> None:
    x = torch.randn(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    plain = ResNetDiscriminator((1, 16, 16), 4)
    torch.testing.assert_close(plain(x), plain.logit(plain.blocks(x).relu().sum((2, 3))))
    told, c = ConditionVector(Event((1,), classes=("a", "b"))), Condition(torch.tensor([0, 1, 0]))
    asked = BigGANDiscriminator((1, 16, 16), told, width=2)
    torch.testing.assert_close(asked(x, c), asked.projection(asked.layers(x).relu().sum((2, 3)), c))
