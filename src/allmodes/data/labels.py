"""Labels and continuous conditions as users have them, turned into indices and numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from allmodes.errors import UserError


def natural(name: str) -> list[tuple[int, int, str]]:
    """A sort key that puts 9 before 10: img9.png, img10.png."""
    parts = re.split("([0-9]+)", name)
    return [(0, int(part), "") if i % 2 else (1, 0, part.lower()) for i, part in enumerate(parts)] + [(2, 0, name)]


def as_numpy(array: Any, what: str = "the array given") -> np.ndarray:
    """A numpy or torch array, or nested lists, as numpy; nothing is copied where nothing must be.

    Arguments:
        what: the array is called in errors.

    Raises:
        UserError: for lists of unequal length, masked values, and a tensor that is sparse or on the device "meta".
    """
    if isinstance(array, Tensor):
        return _from_torch(array, what)
    try:
        array = np.asanyarray(_written_out(array))
    except ValueError as error:
        raise UserError(f"{what} is ragged; make all rows of one length") from error
    if isinstance(array, np.ma.MaskedArray):
        _require_unmasked(array, what)
        return array.data
    return array


def _from_torch(tensor: Tensor, what: str) -> np.ndarray:
    if tensor.layout is not torch.strided:
        raise UserError(f"{what}: a sparse tensor; pass its .to_dense()")
    if tensor.is_meta:
        raise UserError(f"{what}: a tensor on the device 'meta', which holds no numbers; make it on 'cpu'")
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def _written_out(array: Any) -> Any:
    """A dictionary-encoded column of pyarrow by its values, since numpy gives one of them for a missing one."""
    kind: Any = getattr(array, "type", None)
    return array.cast(kind.value_type) if hasattr(kind, "index_type") else array


def _require_unmasked(array: np.ma.MaskedArray, what: str) -> None:
    mask = np.ascontiguousarray(np.ma.getmaskarray(array)).view(bool)  # of records, a truth value for each field
    if mask.any():
        rows = np.flatnonzero(mask.reshape(array.shape[0] if array.ndim else 1, -1).any(1))
        raise UserError(
            f"{what}: masked values in {len(rows)} rows, the first is row {rows[0]}; drop them or fill them in"
        )


def missing(values: np.ndarray | Sequence[Any]) -> list[int]:
    """Where of n values there is none: None, NaN, NaT or pandas.NA."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return np.flatnonzero(np.isnan(values)).tolist()
    return [row for row, value in enumerate(values) if _is_missing(value)]


def _is_missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas.NA cannot say whether it is equal to itself
        return True
    except ValueError:  # nor can an array
        return False


def encode_labels(labels: Any, n: int) -> tuple[Tensor, tuple[str, ...]]:
    """Labels [n], integers or names, as indices into the sorted names of the classes.

    Integers sort as numbers, names in natural order.

    Returns:
        indices [n] int64, names of the classes.

    Raises:
        UserError: for labels that are real numbers, missing, or not one for each example.
    """
    array = as_numpy(labels, "labels")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.shape != (n,):
        raise UserError(f"labels of shape {array.shape} do not fit {n} examples; give one for each example, [{n}]")
    # A list is searched as it is: among names, numpy writes a NaN as the name 'nan'.
    if rows := missing(labels if isinstance(labels, (list, tuple)) else array):
        raise UserError(
            f"labels are missing in {len(rows)} rows, the first is row {rows[0]}; drop those rows or fill them in"
        )
    if array.dtype.kind == "O" and all(isinstance(value, Integral) and not isinstance(value, bool) for value in array):
        numbers = np.array(array.tolist())
        array = numbers if numbers.dtype.kind in "iu" else array
    if array.dtype.kind == "f" and np.array_equal(array, np.rint(array)) and np.all(np.abs(array) < 2**63):
        array = array.astype(np.int64)
    match array.dtype.kind:
        case "i" | "u":
            found, index = np.unique(array, return_inverse=True)
            return torch.from_numpy(index), tuple(str(value) for value in found)
        case "b" | "U" | "O" | "M":
            names = np.array([str(value) for value in array])
        case "S":
            try:
                names = np.array([value.decode() for value in array])
            except UnicodeDecodeError as error:
                raise UserError(f"labels are bytes that are not UTF-8 ({error.reason}); give them as text") from error
        case _:
            raise UserError("labels are real numbers; classes are integers or names: pass real numbers as conditions")
    found, index = np.unique(names, return_inverse=True)
    order = sorted(range(len(found)), key=lambda i: natural(str(found[i])))
    rank = np.argsort(order)
    return torch.from_numpy(rank[index]), tuple(str(found[i]) for i in order)


def encode_values(conditions: Any, names: tuple[str, ...], n: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Continuous conditions as numbers [n, k], with their names.

    Arguments:
        conditions: name -> [n] numbers, or [n, k], or [n].
        names: for the columns of an array, where they are known; else condition1, condition2, ...

    Raises:
        UserError: for names in place of numbers, or not one row for each example.
    """
    if isinstance(conditions, Mapping):
        names = tuple(str(name) for name in conditions)
        blocks = [_numbers(block, f"condition {name!r}", n) for name, block in conditions.items()]
        for name, block in zip(names, blocks, strict=True):
            if block.shape[1] != 1:
                raise UserError(f"condition {name!r} has {block.shape[1]} numbers an example; give each its own name")
        array = np.concatenate(blocks, 1) if blocks else np.empty((n, 0), np.float32)
    else:
        array = _numbers(conditions, "conditions", n)
    names = names or tuple(f"condition{i + 1}" for i in range(array.shape[1]))
    if len(names) != array.shape[1]:
        raise UserError(f"{len(names)} names ({', '.join(names)}) for {array.shape[1]} conditions; name each one once")
    return array, names


def _numbers(values: Any, what: str, n: int) -> np.ndarray:
    array = as_numpy(values, what)
    if array.dtype.kind not in "biuf":
        raise UserError(f"{what}: values are of type {array.dtype}, not numbers; pass classes as labels")
    if array.ndim not in (1, 2) or len(array) != n:
        raise UserError(f"{what}: shape {array.shape} does not fit {n} examples; give [{n}] or [{n}, k]")
    return array.reshape(n, -1)
