"""How many threads, which precision, which layout: what the machine at hand decides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from allmodes.models.base import GenerativeModel

SMALL = 500_000
"""Weights below which one processor thread is hardly slower than several, and on a busy machine much faster."""


def computes_in_bf16(device: torch.device) -> bool:
    """Whether the hardware multiplies in bfloat16; emulated, it is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Run a block with that many processor threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def threads_for(model: GenerativeModel) -> int:
    """One for a small model, all there are for a large one."""
    small = sum(p.numel() for p in model.parameters()) < SMALL * model.copies
    return 1 if small else torch.get_num_threads()


def place(model: GenerativeModel, device: torch.device) -> None:
    """Move a model to a device, its convolutions' weights in the layout in which they are fastest: channels last."""
    model.to(device)
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


@contextmanager
def visiting(model: GenerativeModel, device: torch.device) -> Iterator[None]:
    """Run a block with a model on a device, and bring it home."""
    home = next(model.parameters()).device
    place(model, device)
    try:
        yield
    finally:
        place(model, home)
