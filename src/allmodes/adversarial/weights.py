"""What is held against the weights themselves: a cost on rows that are not orthogonal, and a bound on their size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from allmodes.adversarial.penalties import Penalty
from allmodes.adversarial.round import Round


@dataclass(frozen=True)
class Orthogonal(Penalty):
    r"""The filters of each layer are held at right angles to each other, whatever their lengths.

    .. math:: R_\beta = \beta \sum_W \|W W^T \odot (1 - I)\|_F^2

    with a filter in each row of W; tables of embeddings and biases go free.

    References:
        Large Scale GAN Training for High Fidelity Natural Image Synthesis (Brock et al., 2018), equation 3,
        https://arxiv.org/abs/1809.11096
    """

    player: Literal["discriminator", "generator"] = "generator"
    beta: float = 1e-4

    def discriminator(self, round: Round) -> Tensor | None:
        return self._cost(round) if self.player == "discriminator" else None

    def generator(self, round: Round) -> Tensor | None:
        return self._cost(round) if self.player == "generator" else None

    def _cost(self, round: Round) -> Tensor:
        costs = []
        for w in matrices(round.networks[self.player]):
            # All squared products sum to the same in W W^T and in W^T W: the smaller one is made. In bfloat16 what is
            # left of them without the squared lengths would be lost.
            with torch.autocast(w.device.type, enabled=False):
                products = w @ w.mT if w.shape[-2] <= w.shape[-1] else w.mT @ w
                lengths = w.square().sum(-1)
                costs.append(products.square().sum((-2, -1)) - lengths.square().sum(-1))
        return self.beta * torch.stack([cost.mean() for cost in costs]).sum()


def matrices(network: nn.Module) -> Iterator[Tensor]:
    """The weights of its linear and convolutional layers with a filter in each row, [rows, columns].

    Of S stacked networks [S, rows, columns].
    """
    for layer in network.modules():
        # Of a normalized layer what is trained counts, not what is made of it.
        name = "parametrizations.weight.original" if is_parametrized(layer, "weight") else "weight"
        weight = dict(layer.named_parameters()).get(name)
        if isinstance(layer, nn.Embedding) or weight is None or weight.dim() < 2:
            continue
        filters = weight.transpose(0, 1) if isinstance(layer, (nn.ConvTranspose1d, nn.ConvTranspose2d)) else weight
        stacked = weight.dim() == 3 and not isinstance(layer, (nn.Conv1d, nn.ConvTranspose1d))
        yield filters if stacked else filters.flatten(1)


@dataclass(frozen=True)
class Clip:
    r"""After each of the critic's moves every weight is put back into [-c, c], which bounds its slope.

    References:
        Wasserstein GAN (Arjovsky et al., 2017), algorithm 1, https://arxiv.org/abs/1701.07875
    """

    c: float = 0.01

    def __call__(self, network: nn.Module) -> None:
        """Clip all of the network's parameters in place."""
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.clamp_(-self.c, self.c)
