"""Many small networks as one: equal modules become one module whose weights have a leading axis.

S networks of a few thousand weights keep no machine busy; one batched matrix product over [S, n, features] does.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.nn.modules.dropout import _DropoutNd

NARROW = (1, *range(4, 16))
"""Inputs or outputs with which a product was seen to be rounded in another way than its rows in a batched one."""


class NotStackable(Exception):
    """A module has parameters that no batched form is known for; the message names its class."""


class StackedLinear(nn.Module):
    """S affine maps, each on its own row: [S, n, inputs] -> [S, n, outputs].

    On a CPU they are S separate layers to the last bit where inputs and outputs are below 16 or multiples of 16.
    Weights lie as in `nn.Linear`, [S, outputs, inputs], so that a batched product adds in the order of a single one.
    Narrow layers are an exception: with one input or output a single product is one of a matrix and a vector, and with
    a few the gradient of the weights is added in another order. There each row has its own product, on a CPU, where a
    launch costs little.
    """

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach() for layer in layers]))
        if layers[0].bias is None:
            self.register_parameter("bias", None)
        else:
            self.bias = nn.Parameter(torch.stack([layer.bias.detach() for layer in layers]))
        few, many = sorted(self.weight.shape[1:])
        self._narrow = few in NARROW or many < 16

    def forward(self, x: Tensor) -> Tensor:
        if self._narrow and x.device.type == "cpu":
            biases = [None] * len(x) if self.bias is None else self.bias.unbind()
            return torch.stack([linear(*row) for row in zip(x.unbind(), self.weight.unbind(), biases, strict=True)])
        if self.bias is None:
            return torch.bmm(x, self.weight.mT)
        return torch.baddbmm(self.bias[:, None], x, self.weight.mT)


Module = TypeVar("Module", bound=nn.Module)


def stack(modules: Sequence[Module]) -> Module:
    """One module that does what S equal modules do, each on its own row of the leading axis.

    Linear layers are stacked; layers without parameters are taken over, so they must broadcast over leading axes.

    Raises:
        NotStackable: for another layer with parameters, torch's dropout, or buffers that differ between the modules.
    """
    return cast(Module, _stacked(modules, {}))


def _stacked(modules: Sequence[nn.Module], made: dict[int, Any]) -> nn.Module:
    """The stack of some modules.

    Arguments:
        made: what was stacked already, by the identity of the first of each; a module that is known in several places,
            or to what is no module, stays one.
    """
    first = modules[0]
    if id(first) in made:
        return made[id(first)]
    if type(first) is nn.Linear:  # a subclass may do more than a product, such as mask its weights
        made[id(first)] = StackedLinear(cast(Sequence[nn.Linear], modules))
        return made[id(first)]
    if any(True for _ in first.parameters(recurse=False)):
        raise NotStackable(f"{type(first).__name__} has parameters without a batched form")
    if isinstance(first, _DropoutNd):
        raise NotStackable(f"{type(first).__name__} draws from torch's global generator, of which a stack has one")
    for name, buffer in first.named_buffers(recurse=False):
        if not all(torch.equal(buffer, other.get_buffer(name)) for other in modules):
            raise NotStackable(f"buffer {name!r} of {type(first).__name__} differs between the models")
    if len(list(first.children())) < len(first._modules):
        raise NotStackable(f"{type(first).__name__} has one layer in two places")
    for name, _ in first.named_children():
        _stacked([module.get_submodule(name) for module in modules], made)
    return copy.deepcopy(first, made)  # in which the children's places are taken by what was made of them
