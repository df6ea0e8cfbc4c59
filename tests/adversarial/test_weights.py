"""What is held against weights: BigGAN's off-diagonal form, and the bound of the first Wasserstein GAN."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from allmodes.adversarial.round import Round
from allmodes.adversarial.weights import Clip, Orthogonal
from allmodes.networks.mlp import MLP
from allmodes.networks.stack import stack

RoundOf = Callable[..., Round]


@pytest.mark.usefixtures("float64")
def test_the_cost_is_the_sum_of_squared_products_of_different_filters(round_of: RoundOf) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Linear(3, 4), nn.Conv2d(2, 3, 2), nn.ConvTranspose2d(2, 5, 2), nn.BatchNorm2d(3), nn.Embedding(4, 6)
    )
    expected = 0.0
    for filters in (network[0].weight, network[1].weight.flatten(1), network[2].weight.transpose(0, 1).flatten(1)):
        expected += sum((a @ b).item() ** 2 for i, a in enumerate(filters) for j, b in enumerate(filters) if i != j)
    x = torch.zeros(1, 3)
    round = round_of(lambda x: x, x, x, networks={"generator": network, "discriminator": nn.Linear(3, 1)})
    assert Orthogonal(beta=0.1).generator(round).item() == pytest.approx(0.1 * expected, rel=1e-12)
    assert Orthogonal(beta=0.1).discriminator(round) is None
    assert Orthogonal("discriminator").discriminator(round).item() == 0.0  # one filter has no other
    assert Orthogonal("discriminator").generator(round) is None


@pytest.mark.usefixtures("float64")
def test_of_a_stack_it_is_the_mean_of_its_members(round_of: RoundOf) -> None:
    torch.manual_seed(0)
    members, x = [MLP(2, 3, (4,)) for _ in range(4)], torch.zeros(1, 2)
    costs = [Orthogonal().generator(round_of(lambda x: x, x, x, networks={"generator": m})) for m in members]
    whole = Orthogonal().generator(round_of(lambda x: x, x, x, networks={"generator": stack(members)}))
    assert whole.item() == pytest.approx(torch.stack(costs).mean().item(), rel=1e-12)


def test_orthogonal_rows_of_any_length_cost_nothing(round_of: RoundOf) -> None:
    layer, x = nn.Linear(3, 3), torch.zeros(1, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.diag(torch.tensor([1.0, 5.0, 0.1])))
    assert Orthogonal().generator(round_of(lambda x: x, x, x, networks={"generator": layer})).item() == pytest.approx(
        0, abs=1e-7
    )


def test_clipping_puts_weights_outside_on_the_bound_and_leaves_those_inside() -> None:
    layer = nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.5, -0.004]]))
        layer.bias.copy_(torch.tensor([-3.0]))
    Clip(0.01)(layer)
    assert layer.weight.tolist() == [pytest.approx([0.01, -0.004])]
    assert layer.bias.tolist() == pytest.approx([-0.01])
