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

FULL_RATE = 1000
"""Inputs up to which a map learns at the optimizer's whole rate."""


class MaskedLinear(nn.Module):
    """An affine map some of whose weights count as zero, by a mask that comes with each call and touches no weight.

    Adam moves every weight by one size, and the output by that times the inputs: beyond `FULL_RATE` inputs the weights
    are kept in larger units, so that the output moves no more.

    Arguments:
        active: inputs that a mask leaves, where it leaves out some for all outputs; `inputs` if left out.
        informed: whether the map knows its mask, through weights of the constant 1 under the same mask. Other than in
            the paper their sum is divided by the root of their number, which learned MNIST sooner than a quarter of
            the sum or the mean.

    References:
        MADE (Germain et al., 2015), equations 8 and 9, and section 4.3 for the constant, https://arxiv.org/abs/1502.03509
        Tensor Programs V (Yang et al., 2022), table 3, for rates by width, https://arxiv.org/abs/2203.03466
    """

    def __init__(self, inputs: int, outputs: int, *, active: int | None = None, informed: bool) -> None:
        super().__init__()
        seen = max(1, inputs if active is None else active)
        self.root = math.sqrt(seen)
        bound = 1 / self.root
        self.unit = min(1.0, FULL_RATE / seen)
        self.weight = nn.Parameter(torch.empty(outputs, inputs).uniform_(-bound / self.unit, bound / self.unit))
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound))
        self.informant = nn.Parameter(torch.zeros(outputs, inputs)) if informed else None

    def masked_bias(self, mask: Tensor) -> Tensor:
        """The bias under a mask, [outputs, inputs] -> [outputs]."""
        return self.bias if self.informant is None else self.bias + (self.informant * mask).sum(1) / self.root

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return torch.addmm(self.masked_bias(mask), x, (self.weight * mask).T, alpha=self.unit)


class MADENetwork(nn.Module):
    r"""Masked layers from all numbers to the conditionals of all, under one of several masks.

    Each number has a position in the order, each hidden unit a degree m: it sees positions up to m.

    .. math:: M^W_{kd} = 1[m(k) \ge p(d)], \quad M^V_{dk} = 1[p(d) > m(k)], \quad M^A_{de} = 1[p(d) > p(e)]

    Arguments:
        sites: D.
        parameters: P, numbers for a site's conditional.
        widths: of the hidden layers.
        masks: how many there are; drawn once, from seed 0.
        orders: how many orders the masks take in turn; the first is the data's own if there is only one.
        dropped: share of each hidden layer that a mask leaves out, other units in each, while the degrees are the same
            in all; 0: each mask has degrees of its own, as in the paper. Units know a mask where it changes the order
            or their degrees.

    References:
        MADE (Germain et al., 2015), section 4, https://arxiv.org/abs/1502.03509
        Dropout (Srivastava et al., 2014), of which those masks are a fixed choice,
        https://jmlr.org/papers/v15/srivastava14a.html
    """

    positions: Tensor
    degrees: Tensor

    def __init__(
        self,
        sites: int,
        parameters: int,
        widths: Sequence[int],
        masks: int = 1,
        orders: int = 1,
        dropped: float = 0.0,
    ) -> None:
        super().__init__()
        self.sites, self.numbers, self.widths, self.masks = sites, parameters, tuple(widths), masks
        informed = orders > 1 or (masks > 1 and not dropped)
        absent = [int(dropped * width) for width in widths]
        active = [sites, *(width - left_out for width, left_out in zip(widths, absent, strict=True))]
        *hidden, output = (
            MaskedLinear(a, b, active=seen, informed=informed)
            for (a, b), seen in zip(pairwise([sites, *widths, sites * parameters]), active, strict=True)
        )
        self.layers, self.output = nn.ModuleList(hidden), output
        bound = 1 / math.sqrt(sites)
        self.direct = nn.Parameter(torch.empty(sites * parameters, sites).uniform_(-bound, bound))
        positions, degrees = _draw(sites, widths, masks, orders)
        if dropped:
            degrees = _without(degrees[0].repeat(masks, 1), widths, absent, sites)
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
        """Of the hidden layers, the output and the direct connections; ones and zeros of the weights' type."""
        kind = self.direct.dtype
        position = self.positions.index_select(0, mask.reshape(1))[0]
        degrees = self.degrees.index_select(0, mask.reshape(1))[0].split(self.widths)
        below = [position, *degrees[:-1]]
        hidden = [(m[:, None] >= before[None, :]).to(kind) for m, before in zip(degrees, below, strict=True)]
        site = position.repeat_interleave(self.numbers)[:, None]
        return hidden, (site > degrees[-1][None, :]).to(kind), (site > position[None, :]).to(kind)

    @torch.no_grad()
    def draw(self, mask: int, noise: Tensor, site: Conditional) -> tuple[Tensor, Tensor]:
        """Examples, each hidden unit of which is computed once: when the last number that it sees is known.

        What is known adds at once to the sums of all that sees it, so that D steps together cost what one pass does,
        where a pass for each number would cost D.

        Arguments:
            noise: uniform, [n, D, U].

        Returns:
            The examples, [n, D], and the numbers of their conditionals, [n, D, P].
        """
        plan = self._sorted(mask)
        n, P, ends = len(noise), self.numbers, self.sites * self.numbers
        # What sees a number directly lies in one piece at each step: outputs from first to last, then first hidden
        # units from last to first.
        seeing = plan.bias[:, None].repeat(1, n)  # [D P + H, n]
        deeper = [bias[:, None].repeat(1, n) for bias in plan.deeper_biases]  # [H, n] each
        outputs, hidden = seeing[:ends], seeing[ends:]
        noises = noise[:, plan.order].transpose(0, 1).contiguous().unbind()
        y = []
        for d, numbers in enumerate(outputs.view(-1, P, n).transpose(1, 2).unbind()):
            y.append(site.draw(numbers, noises[d]))
            first, last = (d + 1) * P, len(seeing) - plan.counts[0][d]
            seeing[first:last].addcmul_(plan.inputs[d, first:last], site.features(y[-1]).T)
            for layer, weight in enumerate(plan.weights):
                begin, end = plan.counts[layer][d], plan.counts[layer][d + 1]
                if end == begin:
                    continue
                if layer == 0:
                    begin, end = len(hidden) - end, len(hidden) - begin
                h = (deeper[layer - 1] if layer else hidden)[begin:end].relu()
                if layer < len(deeper):
                    below = plan.counts[layer + 1][d]
                    deeper[layer][below:].addmm_(weight[begin:end, below:].T, h)
                else:
                    outputs[first:].addmm_(weight[begin:end, first:].T, h)
        back = plan.order.argsort()
        return torch.stack(y)[back, :, 0].T, outputs.view(-1, P, n)[back].permute(2, 0, 1)

    def _sorted(self, mask: int) -> _Sorted:
        """Sites by position and hidden units by degree: what a mask leaves is what comes later, and needs no mask."""
        order = self.positions[mask].argsort()
        outputs = (order[:, None] * self.numbers + torch.arange(self.numbers, device=order.device)).flatten()
        degrees = self.degrees[mask].split(self.widths)
        by_degree = [m.argsort(descending=layer == 0) for layer, m in enumerate(degrees)]
        by_degree = [units[m[units] < self.sites] for units, m in zip(by_degree, degrees, strict=True)]  # no idle ones
        informed = self.output.informant is not None
        masks = self._masks(torch.tensor(mask, device=order.device)) if informed else None
        weights, biases = [], []
        for index, (layer, before, after) in enumerate(
            zip([*self.layers, self.output], [order, *by_degree], [*by_degree, outputs], strict=True)
        ):
            assert isinstance(layer, MaskedLinear)
            weights.append(_rearranged(layer.weight * layer.unit, before, after))
            bias = layer.masked_bias([*masks[0], masks[1]][index]) if masks else layer.bias
            biases.append(bias[after])
        counts = [torch.bincount(m, minlength=self.sites).cumsum(0).tolist() for m in degrees]
        return _Sorted(
            order=order,
            inputs=torch.cat([_rearranged(self.direct, order, outputs), weights[0]], 1).unsqueeze(2),
            bias=torch.cat([biases[-1], biases[0]]),
            weights=weights[1:],
            deeper_biases=biases[1:-1],
            counts=[[0, *ends] for ends in counts],
        )


@dataclass(frozen=True)
class _Sorted:
    """Weights, [from, to]: sites by position, hidden units by degree, those of the first layer from the highest.

    Arguments:
        order: the sites, [D].
        inputs: from the sites to the outputs and the first hidden layer, [D, D P + H, 1].
        bias: of both, [D P + H].
        weights: from each hidden layer to the next, the last to the outputs, [H, D P].
        deeper_biases: of the hidden layers after the first.
        counts: of each hidden layer, how many units have a degree below d, for d from 0 to D.
    """

    order: Tensor
    inputs: Tensor
    bias: Tensor
    weights: list[Tensor]
    deeper_biases: list[Tensor]
    counts: list[list[int]]


def _rearranged(weight: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """[to, from] -> [from, to], in new orders of both."""
    return weight.index_select(0, after).T.contiguous().index_select(0, before)


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


def _without(degrees: Tensor, widths: Sequence[int], absent: Sequence[int], sites: int) -> Tensor:
    """Degrees, [masks, all hidden units], of which some of each layer and mask are D instead, which no site sees.

    A unit of a deeper layer may be left without any below it that it sees; it gives its bias.
    """
    generator = torch.Generator().manual_seed(1)
    for mask in degrees:
        for layer, count in zip(mask.split(list(widths)), absent, strict=True):
            layer[torch.randperm(len(layer), generator=generator)[:count]] = sites
    return degrees
