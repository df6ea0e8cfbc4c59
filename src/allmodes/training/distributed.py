"""One process or many: who this one is, and how gradients become those of the whole batch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from allmodes.errors import UserError


@dataclass(frozen=True)
class World:
    """This process among all those that train together.

    Arguments:
        rank: its number.
        size: how many there are.
        local: its number on its machine, which chooses its GPU.
    """

    rank: int = 0
    size: int = 1
    local: int = 0

    def average_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Replace each gradient by its mean over the processes, in one flat all_reduce.

        No DDP wrapper: it fails where a move's backward reaches some parameters through the penalty alone.
        """
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is up in any process; all must ask at the same step."""
        if self.size == 1:
            return flag
        raised = torch.tensor(float(flag), device=device)
        dist.all_reduce(raised, dist.ReduceOp.MAX)
        return bool(raised.item())

    def wait(self) -> None:
        """Until every process is here."""
        if self.size > 1:
            dist.barrier()


ALONE = World()


def started() -> World:
    """Who this process is by the variables that torchrun sets; alone where WORLD_SIZE is 1 or not set.

    Raises:
        UserError: for a variable that is lacking or wrong.
    """
    size = _variable("WORLD_SIZE", 1, default="1")
    if size == 1:
        return ALONE
    return World(_variable("RANK", 0, size - 1), size, _variable("LOCAL_RANK", 0, size - 1, default="0"))


def _variable(name: str, low: int, high: int | None = None, *, default: str | None = None) -> int:
    text = os.environ.get(name, default)
    if text is None:
        raise _lacking(name)
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if value < low or (high is not None and value > high):
        there = f"at least {low}" if high is None else f"from {low} to {high}"
        raise UserError(
            f"{name}={text}: must be a whole number {there}; unset it, or start the processes with torchrun"
        )
    return value


def _lacking(name: str) -> UserError:
    return UserError(f"{name} is not set, and WORLD_SIZE is; start the processes with torchrun, or unset WORLD_SIZE")


@contextmanager
def world() -> Iterator[World]:
    """The processes that torchrun started, or this one alone."""
    here = started()
    if here.size == 1:
        yield ALONE
        return
    already = dist.is_initialized()
    if not already:
        if "MASTER_ADDR" not in os.environ:
            raise _lacking("MASTER_ADDR")
        _variable("MASTER_PORT", 0, 2**16 - 1)
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield World(dist.get_rank(), dist.get_world_size(), here.local)
    finally:
        if not already:
            dist.destroy_process_group()
