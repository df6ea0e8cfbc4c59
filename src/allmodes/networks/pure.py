"""A network as a function: what a pass in training writes into its buffers comes out beside the result."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from allmodes.networks.normalization import OVER_THE_BATCH


def written(network: nn.Module) -> dict[str, Tensor]:
    """The buffers that a pass in training writes, by name: running means, singular vectors.

    They are those of torch's batch normalizations, and of layers that have an attribute `writes` that is true.
    """
    return {
        f"{prefix}.{name}" if prefix else name: buffer
        for prefix, module in network.named_modules()
        if getattr(module, "writes", isinstance(module, OVER_THE_BATCH))
        for name, buffer in module.named_buffers(recurse=False)
    }


def pure(network: nn.Module, weights: dict[str, Tensor], *inputs: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """A pass with these weights that changes nothing, and what it would have written.

    `torch.func.grad` refuses to write into tensors from outside.
    """
    buffers = {name: buffer.clone() for name, buffer in written(network).items()}
    return functional_call(network, {**weights, **buffers}, inputs), buffers


@torch.no_grad()
def keep(network: nn.Module, buffers: dict[str, Tensor]) -> None:
    """Write what a pass would have written."""
    for name, buffer in written(network).items():
        buffer.copy_(buffers[name])
