"""Convolutions of 4x4 that halve the sides of maps, and their transposes, that double them.

Either is the other's gradient with respect to its input. In bfloat16 on a processor two of their pieces are faster in
another form: the gradient of the weights where maps are small, and doubled maps of few channels.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad, pixel_shuffle

KERNEL, STRIDE, MARGIN = 4, 2, 1
SMALL = 64
"""Positions of the smaller maps up to which one matrix product gives the gradient of the weights sooner."""
FEW = 4
"""Channels of the larger maps up to which they are computed at the positions of the smaller ones."""

Odd = tuple[int, int]
"""Whether the larger maps have a row or a column more than twice those of the smaller ones."""


class Halving(nn.Conv2d):
    """Maps to maps of half the sides, [n, inputs, rows, columns] -> [n, outputs, rows // 2, columns // 2]."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__(inputs, outputs, KERNEL, STRIDE, MARGIN, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        if not _in_fewer_digits(input):
            return super().forward(input)
        return _run(_Halved, *_cast(input, self.weight, self.bias))


class Doubling(nn.ConvTranspose2d):
    """Maps to maps of twice the sides, [n, inputs, rows, columns] -> [n, outputs, 2 rows, 2 columns].

    Arguments:
        odd: 1 for a row, and for a column, more than that.
    """

    def __init__(self, inputs: int, outputs: int, *, odd: Odd = (0, 0), bias: bool = True) -> None:
        super().__init__(inputs, outputs, KERNEL, STRIDE, MARGIN, odd, bias=bias)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        if output_size is not None or not _in_fewer_digits(input):
            return super().forward(input, output_size)
        return _run(_Doubled, *_cast(input, self.weight, self.bias), self.output_padding)


def _in_fewer_digits(x: Tensor) -> bool:
    """Whether products of a batch run in the type of autocast, on a processor."""
    return x.device.type == "cpu" and x.dim() == 4 and x.dtype is not torch.float64 and torch.is_autocast_enabled("cpu")


def _cast(*tensors: Tensor | None) -> tuple[Tensor | None, ...]:
    kind = torch.get_autocast_dtype("cpu")
    return tuple(None if x is None else x.to(kind) for x in tensors)


def _run(function: type[_Halved] | type[_Doubled], *inputs: Any) -> Any:
    """A function's value, without its bookkeeping where no gradient will be asked for."""
    return function.apply(*inputs) if torch.is_grad_enabled() else function.forward(*inputs)


def _asked(ctx: Any) -> list[bool]:
    """Of which inputs this pass backwards wants the gradient.

    What a function needs in principle may lead nowhere that is asked for, such as to the discriminator's weights in the
    generator's move.
    """
    needs = list(ctx.needs_input_grad)
    nodes = iter(getattr(ctx, "next_functions", ()))
    for index, needed in enumerate(needs):
        node = next(nodes, (None,))[0]
        if needed and node is not None and not node.name().endswith("AccumulateGrad"):
            needs[index] = torch._C._will_engine_execute_node(node)  # pyright: ignore
    return needs


class _Halved(torch.autograd.Function):
    """Large maps and weights, [small channels, large channels, 4, 4], to small maps."""

    generate_vmap_rule = True

    @staticmethod
    def forward(large: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return conv2d(large, weight, bias, STRIDE, MARGIN)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor | None], output: Tensor) -> None:
        large, weight, _ = inputs
        ctx.save_for_backward(large, weight)
        ctx.odd = large.shape[-2] - STRIDE * output.shape[-2], large.shape[-1] - STRIDE * output.shape[-1]

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore
        (small,), (large, weight) = grad_outputs, ctx.saved_tensors
        of_large, of_weight, of_bias = _asked(ctx)
        return (
            _run(_Doubled, small, weight, None, ctx.odd) if of_large else None,
            *_gradients(large, small, weight, of_weight, of_bias),
        )


class _Doubled(torch.autograd.Function):
    """Small maps and weights, [small channels, large channels, 4, 4], to large maps."""

    generate_vmap_rule = True

    @staticmethod
    def forward(small: Tensor, weight: Tensor, bias: Tensor | None, odd: Odd) -> Tensor:
        if weight.shape[1] > FEW or odd != (0, 0):
            return conv_transpose2d(small, weight, bias, STRIDE, MARGIN, odd)
        biases = None if bias is None else bias.repeat_interleave(STRIDE**2)
        return pixel_shuffle(conv2d(small, _phases(weight), biases, 1, 1), STRIDE)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor | None, Odd], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore
        (large,), (small, weight) = grad_outputs, ctx.saved_tensors
        of_small, of_weight, of_bias, _ = _asked(ctx)
        return (
            _run(_Halved, large, weight, None) if of_small else None,
            _gradients(large, small, weight, of_weight, False)[0],
            large.sum((0, 2, 3)) if of_bias else None,
            None,
        )


def _phases(weight: Tensor) -> Tensor:
    """A 3x3 convolution that gives each position of small maps its 2x2 large ones, [4 large channels, small, 3, 3].

    References:
        Is the deconvolution layer the same as a convolutional layer? (Shi et al., 2016),
        https://arxiv.org/abs/1609.07009
    """
    # Of four taps with a zero at each end, even ones reach the first row from three neighbours, odd ones the second.
    taps = pad(weight, (1, 1, 1, 1)).unflatten(3, (3, 2)).unflatten(2, (3, 2)).flip(2, 4)
    return taps.permute(1, 3, 5, 0, 2, 4).flatten(0, 2)  # from [small, large, neighbour, row, neighbour, column]


def _gradients(
    large: Tensor, small: Tensor, weight: Tensor, of_weight: bool, of_bias: bool
) -> tuple[Tensor | None, Tensor | None]:
    """Of the weights and of the biases of small maps, where they are asked for."""
    if small.shape[-2:].numel() <= SMALL or not (of_weight or of_bias):
        return _product(large, small) if of_weight else None, small.sum((0, 2, 3)) if of_bias else None
    asked = [False, of_weight, of_bias]
    return torch.ops.aten.convolution_backward(
        small, large, weight, [len(weight)], [STRIDE] * 2, [MARGIN] * 2, [1, 1], False, [0, 0], 1, asked
    )[1:]


def _product(large: Tensor, small: Tensor) -> Tensor:
    """The sum over all positions of what is small there times the 4x4 patch of what is large, as one matrix product."""
    channels = large.shape[1]
    padded = pad(large.movedim(1, -1), (0, 0, *[MARGIN] * 4))
    lines = padded.reshape(*padded.shape[:2], -1)  # [n, rows, columns * channels]
    patches = lines.unfold(1, KERNEL, STRIDE).unfold(2, KERNEL * channels, STRIDE * channels)
    product = small.movedim(1, -1).reshape(-1, small.shape[1]).T @ patches.reshape(-1, KERNEL**2 * channels)
    return product.reshape(-1, KERNEL, KERNEL, channels).movedim(-1, 1)
