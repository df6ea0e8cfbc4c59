"""What holds of all examples at once, found a piece at a time."""

from __future__ import annotations

import torch
from torch import Tensor

from allmodes.data.chunks import chunks


def not_finite(x: Tensor) -> tuple[int, int]:
    """How many rows hold NaN or infinite numbers, and which is the first; -1 where none does."""
    if not x.is_floating_point():
        return 0, -1
    count, first = 0, -1
    for start, part in chunks(x):
        bad = (~part.isfinite()).flatten(1).any(1)
        if first < 0 and bad.any():
            first = start + int(bad.nonzero()[0])
        count += int(bad.sum())
    return count, first


def holes(x: Tensor) -> list[list[int]]:
    """Where in an example numbers are NaN or infinite in most rows, [n, *shape] -> an index each."""
    bad = torch.stack([(~part.isfinite()).sum(0) for _, part in chunks(x)]).sum(0)
    return (bad > len(x) / 2).nonzero().tolist()


def varying(x: Tensor) -> Tensor:
    """Which numbers of an example are not the same in all of them, [n, *shape] -> [*shape] of truth values."""
    varies = torch.zeros(x.shape[1:], dtype=torch.bool)
    for _, part in chunks(x):
        varies |= (part != x[0]).any(0)
    return varies
