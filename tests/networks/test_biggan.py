"""BigGAN's networks: any image, the papers' sizes, and conditions that matter everywhere they should."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from allmodes.event import Condition, Event
from allmodes.networks.biggan import BigGANDiscriminator, BigGANGenerator
from allmodes.networks.conditional import ConditionVector
from allmodes.networks.normalization import ConditionalBatchNorm

IMAGES = [(1, 8, 8), (3, 12, 10), (2, 9, 33), (1, 32, 32)]


def vector(classes: int, variables: int = 0) -> ConditionVector:
    names = tuple(f"v{k}" for k in range(variables))
    return ConditionVector(Event((1,), classes=tuple(map(str, range(classes))), variables=names))


def networks(image: tuple[int, int, int], classes: int = 4, variables: int = 0) -> tuple[nn.Module, nn.Module]:
    generator = BigGANGenerator(image, vector(classes, variables), width=2, chunk=3, embedding=5)
    discriminator = BigGANDiscriminator(image, vector(classes, variables), width=2)
    for network in (generator, discriminator):
        nn.init.constant_(network.get_parameter(gate(network)), 0.5)
    return generator, discriminator


def gate(network: nn.Module) -> str:
    return next(name for name, _ in network.named_parameters() if name.endswith("gamma"))


@pytest.mark.parametrize("image", IMAGES, ids=str)
def test_images_of_any_size_come_out_and_go_in_and_every_parameter_learns(image: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    generator, discriminator = networks(image, classes=3, variables=2)
    condition = Condition(torch.tensor([0, 1, 2]), torch.randn(3, 2))
    x = generator(torch.randn(3, generator.latent), condition)
    assert x.shape == (3, *image)
    logits = discriminator(x, condition)
    assert logits.shape == (3, 1)
    (logits.flatten() * torch.tensor([1.0, -3.0, 5.0])).sum().backward()
    for name, parameter in (*generator.named_parameters(), *discriminator.named_parameters()):
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


@pytest.mark.parametrize(("width", "total"), [(96, "158.3"), (64, "71.3")])
def test_the_networks_for_128_by_128_have_the_millions_of_weights_of_the_papers_table_1(width: int, total: str) -> None:
    """Its totals leave the shared embedding of the classes out; with it, the author's code has the numbers below."""
    with torch.device("meta"):
        generator = BigGANGenerator((3, 128, 128), vector(1000), width=width)
        discriminator = BigGANDiscriminator((3, 128, 128), vector(1000), width=width)
    counts = [sum(p.numel() for p in network.parameters()) for network in (generator, discriminator)]
    assert generator.latent == 120
    assert f"{(sum(counts) - generator.embedding.weight.numel()) / 1e6:.1f}" == total
    if width == 96:
        assert counts == [70_433_988, 87_982_370]


def test_both_networks_heed_the_class() -> None:
    torch.manual_seed(0)
    generator, discriminator = networks((1, 8, 8))
    generator.eval()
    z, x = torch.randn(1, generator.latent).expand(4, -1), torch.randn(1, 1, 8, 8).expand(4, 1, 8, 8)
    condition = Condition(torch.arange(4))
    for made in (generator(z, condition).flatten(1), discriminator(x, condition)):
        assert torch.pdist(made).min() > 0


def test_every_chunk_of_the_latent_vector_matters() -> None:
    torch.manual_seed(0)
    generator, _ = networks((1, 32, 32))
    generator.eval()
    z = torch.randn(2, generator.latent, requires_grad=True)
    generator(z, Condition(torch.tensor([0, 1]))).square().sum().backward()
    assert z.grad is not None
    assert len(z.grad.split(generator.chunk, 1)) == 4
    assert all(chunk.abs().min() > 0 for chunk in z.grad.split(generator.chunk, 1))


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)


def test_conditional_normalization_has_the_gain_and_the_bias_of_what_it_is_given() -> None:
    torch.manual_seed(0)
    norm = ConditionalBatchNorm(3, 2)
    x, c = 5 + 2 * torch.randn(64, 3, 4, 4), torch.tensor([0.5, -1.0])
    mean, variance = moments(norm(x, c.expand(64, 2)))
    torch.testing.assert_close(mean, norm.bias(c), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(variance, (1 + norm.gain(c)).square(), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(norm.running_mean, 0.1 * moments(x)[0])
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    norm.eval()
    norm(x, c.expand(64, 2))
    assert all(value.equal(before[name]) for name, value in norm.state_dict().items())
