"""The types that numbers are held in, and what float32 does not hold: too fine differences, too large numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from allmodes.data.chunks import chunks
from allmodes.errors import UserError

RESOLVED = 2**24
"""Numbers of a data set that are looked at for whether float32 tells them apart."""
COARSE = 0.05
"""Steps of float32 over the standard deviation from which on it does not."""
ROUNDED = 1e-12
"""Standard deviation over size below which a number is the same in all examples, but for float64's rounding."""

_DTYPES = {torch.uint8: np.uint8, torch.int32: np.int32, torch.float32: np.float32}


def require_resolution(name: str, x: np.ndarray, kind: str, names: Sequence[str]) -> None:
    """See that float32, in which x [n, *shape] will be held, tells its numbers apart.

    Arguments:
        name: of the data, in errors.
        kind: what one number of an example is, "column" or "condition".
        names: of the numbers, where they have some.

    Raises:
        UserError: for the first number whose differences are lost.
    """
    if x.dtype.itemsize <= (4 if x.dtype.kind == "f" else 2):
        return
    head = np.asarray(x[: max(1, RESOLVED // x[0].size)], np.float64).reshape(-1, x[0].size)
    with np.errstate(all="ignore"):
        largest, spread = np.abs(head).max(0), head.std(0)
        varies = spread > ROUNDED * largest
        coarse = np.flatnonzero(varies & (np.spacing(largest.astype(np.float32)) > COARSE * spread))
    if len(coarse):
        i = int(coarse[0])
        raise UserError(
            f"{name}: {_called(kind, names, i)} lies near {largest[i]:.3g} and varies by {spread[i]:.2g}, which "
            "float32 cannot tell apart; subtract an offset from it, or leave it out"
        )


def to_tensor(x: np.ndarray, dtype: torch.dtype) -> Tensor:
    """X in one of the three types that data are held in; shared with the array where it has that type already."""
    x = np.ascontiguousarray(x, _DTYPES[dtype])
    return torch.from_numpy(x if x.flags.writeable else x.copy())


def to_floats(name: str, x: np.ndarray, kind: str, names: Sequence[str]) -> Tensor:
    """X [n, *shape] in float32; the other arguments as in `require_resolution`.

    Raises:
        UserError: for a number that is finite and too large for that, with its row.
    """
    try:
        with np.errstate(over="raise", invalid="ignore"):
            return to_tensor(x, torch.float32)
    except FloatingPointError:
        row, i, value = next(_beyond(x))
    raise UserError(
        f"{name}: {_called(kind, names, i)} is {value:.3g} in row {row}, beyond float32's largest number 3.4e+38; "
        "rescale it, or drop the row"
    )


def _beyond(x: np.ndarray) -> Iterator[tuple[int, int, float]]:
    """Row, place in the example and value of finite numbers that float32 does not hold, x [n, *shape]."""
    for start, part in chunks(x):
        rows = part.reshape(len(part), -1)
        for row, i in np.argwhere(np.isfinite(rows) & (np.abs(rows) > np.finfo(np.float32).max)):
            yield start + int(row), int(i), float(rows[row, i])


def _called(kind: str, names: Sequence[str], i: int) -> str:
    """What errors call the i-th number of an example."""
    return f"{kind} {names[i]!r}" if names else f"number {i} of an example"
