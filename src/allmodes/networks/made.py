"""The masked autoencoder: a dense network without a path from a number to the conditional of one that is not later."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from allmodes.networks.conditionals import Conditional


class MaskedLinear(nn.Module):
    """An affine map some of whose weights count as zero, by a mask that comes with each call and touches no weight.

    Arguments:
        informed: whether the map knows its mask, through weights of the constant 1 under the same mask.

    References:
        MADE (Germain et al., 2015), equations 8 and 9, and section 4.3 for the constant, https://arxiv.org/abs/1502.03509
    """

    def __init__(self, inputs: int, outputs: int, *, informed: bool) -> None:
        super().__init__()
        bound = 1 / math.sqrt(max(1, inputs))
        self.weight = nn.Parameter(torch.empty(outputs, inputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound))
        self.companion = nn.Parameter(torch.zeros(outputs, inputs)) if informed else None

    def masked(self, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Weight and bias under a mask, [outputs, inputs] -> [outputs, inputs], [outputs]."""
        if self.companion is None:
            return self.weight * mask, self.bias
        return self.weight * mask, self.bias + (self.companion * mask).sum(1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return linear(x, *self.masked(mask))


class MADENetwork(nn.Module):
    r"""Masked layers from all numbers to the conditionals of all, under one of several masks.

    Each number has a position in the order, each hidden unit a degree m: it sees positions up to m.

    .. math:: M^W_{kd} = 1[m(k) \ge p(d)], \quad M^V_{dk} = 1[p(d) > m(k)], \quad M^A_{de} = 1[p(d) > p(e)]

    Arguments:
        sites: D.
        parameters: P, numbers for a site's conditional.
        widths: of the hidden layers.
        masks: how many sets of degrees there are; drawn once, from seed 0.
        orders: how many orders the masks take in turn; the first is the data's own if there is only one.

    References:
        MADE (Germain et al., 2015), section 4, https://arxiv.org/abs/1502.03509
    """

    positions: Tensor
    degrees: Tensor

    def __init__(self, sites: int, parameters: int, widths: Sequence[int], masks: int = 1, orders: int = 1) -> None:
        super().__init__()
        self.sites, self.numbers, self.widths, self.masks = sites, parameters, tuple(widths), masks
        informed = masks > 1
        sizes = [sites, *widths]
        self.layers = nn.ModuleList(MaskedLinear(a, b, informed=informed) for a, b in pairwise(sizes))
        self.output = MaskedLinear(sizes[-1], sites * parameters, informed=informed)
        bound = 1 / math.sqrt(sites)
        self.direct = nn.Parameter(torch.empty(sites * parameters, sites).uniform_(-bound, bound))
        positions, degrees = _draw(sites, sizes[1:], masks, orders)
        self.register_buffer("positions", positions)
        self.register_buffer("degrees", degrees)

    def forward(self, v: Tensor, mask: Tensor) -> Tensor:
        """Numbers of the conditionals of all sites, [n, D] -> [n, D, P].

        Arguments:
            mask: which of the masks, an integer scalar.
        """
        hidden, output, direct = self._masks(mask)
        h = v
        for layer, m in zip(self.layers, hidden, strict=True):
            h = layer(h, m).relu()
        p = self.output(h, output) + linear(v, self.direct * direct)
        return p.unflatten(-1, (self.sites, self.numbers))

    def _masks(self, mask: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        """Of the hidden layers, the output and the direct connections."""
        position = self.positions.index_select(0, mask.reshape(1))[0]
        degrees = self.degrees.index_select(0, mask.reshape(1))[0].split(self.widths)
        below = [position, *degrees[:-1]]
        hidden = [m[:, None] >= before[None, :] for m, before in zip(degrees, below, strict=True)]
        site = position.repeat_interleave(self.numbers)[:, None]
        return hidden, site > degrees[-1][None, :], site > position[None, :]

    @torch.no_grad()
    def draw(self, mask: int, noise: Tensor, conditional: Conditional) -> tuple[Tensor, Tensor]:
        """Examples, each hidden unit of which is computed once: when the last number that it sees is known.

        D steps together cost what one pass costs, where a pass for each number would cost D.

        Arguments:
            noise: uniform, [n, D, U].

        Returns:
            The examples, [n, D], and the numbers of their conditionals, [n, D, P].
        """
        plan = self._sorted(mask)
        n, D = noise.shape[:2]
        v = noise.new_zeros(n, D)
        h = [noise.new_zeros(n, width) for width in self.widths]
        y = noise.new_empty(D, n)
        p = noise.new_empty(D, n, self.numbers)
        noises = noise[:, plan.order].transpose(0, 1).contiguous().unbind()
        for d in range(D):
            if d:
                before, known = v, d
                for layer, (weight, bias) in enumerate(plan.layers):
                    first, last = plan.counts[layer][d - 1], plan.counts[layer][d]
                    if last > first:
                        new = torch.addmm(bias[first:last], before[:, :known], weight[:known, first:last])
                        h[layer][:, first:last] = new.relu_()
                    before, known = h[layer], last
                torch.addmm(plan.bias[d], before[:, :known], plan.output[d, :known], out=p[d])
                p[d].addmm_(v[:, :d], plan.direct[d, :d])
            else:
                p[0] = plan.bias[0]
            number = conditional.draw(p[d], noises[d])
            y[d] = number[:, 0]
            v[:, d : d + 1] = conditional.features(number)
        back = plan.order.argsort()
        return y[back].T, p[back].transpose(0, 1)

    def _sorted(self, mask: int) -> _Sorted:
        """Sites in their order and hidden units by degree: what a site or unit sees then comes before it."""
        hidden, output, direct = self._masks(torch.tensor(mask, device=self.positions.device))
        order = self.positions[mask].argsort()
        by_degree = [m.argsort(stable=True) for m in self.degrees[mask].split(self.widths)]
        below = [order, *by_degree[:-1]]
        layers = []
        for layer, m, rows, columns in zip(self.layers, hidden, by_degree, below, strict=True):
            assert isinstance(layer, MaskedLinear)
            weight, bias = layer.masked(m)
            layers.append((weight[rows][:, columns].T.contiguous(), bias[rows]))
        weight, bias = self.output.masked(output)
        shape = (self.sites, self.numbers, -1)
        counts = [
            torch.bincount(m, minlength=self.sites).cumsum(0).tolist() for m in self.degrees[mask].split(self.widths)
        ]
        return _Sorted(
            order=order,
            layers=layers,
            counts=[[0, *ends] for ends in counts],
            output=weight.view(shape)[order][:, :, by_degree[-1]].transpose(1, 2).contiguous(),
            direct=(self.direct * direct).view(shape)[order][:, :, order].transpose(1, 2).contiguous(),
            bias=bias.view(self.sites, self.numbers)[order],
        )


@dataclass(frozen=True)
class _Sorted:
    """Weights under one mask, transposed, rows and columns by position and degree.

    Arguments:
        order: the sites, [D].
        layers: weight [inputs, outputs] and bias of each hidden layer.
        counts: of each hidden layer, how many units have a degree below d, for d from 0 to D.
        output, direct: [D, hidden or D, P].
        bias: [D, P].
    """

    order: Tensor
    layers: list[tuple[Tensor, Tensor]]
    counts: list[list[int]]
    output: Tensor
    direct: Tensor
    bias: Tensor


def _draw(sites: int, widths: Sequence[int], masks: int, orders: int) -> tuple[Tensor, Tensor]:
    """Positions [masks, D] and degrees [masks, all hidden units], both counted from 0.

    A degree is uniform from the lowest of the layer below, so that no unit is cut off, to the last but one position.
    """
    generator = torch.Generator().manual_seed(0)
    order = (
        [torch.arange(sites)] if orders == 1 else [torch.randperm(sites, generator=generator) for _ in range(orders)]
    )
    degrees = []
    for _ in range(masks):
        lowest, row = 0, []
        for width in widths:
            row.append(torch.randint(lowest, max(1, sites - 1), (width,), generator=generator))
            lowest = int(row[-1].min())
        degrees.append(torch.cat(row))
    return torch.stack([order[k % orders] for k in range(masks)]), torch.stack(degrees)
