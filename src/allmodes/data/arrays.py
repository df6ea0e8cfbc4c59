"""Named arrays: .npy, .npz and HDF5 files."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from tokenize import TokenError

import numpy as np

from allmodes.data.contents import Contents, damaged, extra, reading, require_names
from allmodes.errors import UserError, repeated, short

DATA_KEYS = ("x", "data", "images", "samples", "arr_0")
LABEL_KEYS = ("labels", "label", "y")
MAPPED_BYTES = 2**28

# What numpy, zipfile and h5py were seen to raise for wrong bytes, besides the errors of `reading`.
_WRONG_BYTES = (ValueError, TypeError, OverflowError, RuntimeError, KeyError, TokenError)


def read_npy(path: Path) -> Contents:
    """One array; memory-mapped, copy on write, from 256 MiB."""
    return Contents(x=_load_npy(path))


def read_npz(path: Path, label: str | None, condition: Sequence[str]) -> Contents:
    """Arrays by key, without unpickling; see `from_arrays` for which key is what."""
    with reading(path):
        try:
            file = np.load(path, allow_pickle=False)
        except _WRONG_BYTES as error:
            raise damaged(path, "not a zip archive of arrays") from error
        with file:
            arrays = {key: _member(path, file, key) for key in file.files}
    return from_arrays(path, arrays, label, condition)


def read_h5(path: Path, label: str | None, condition: Sequence[str]) -> Contents:
    """Data sets of an HDF5 file by name; see `from_arrays` for which name is what."""
    h5py = extra("h5py", path)
    arrays: dict[str, np.ndarray] = {}

    def visit(name: str, node: object) -> None:
        if isinstance(node, h5py.Dataset):
            if node.external or node.is_virtual:  # type: ignore[attr-defined]
                raise _elsewhere(path, name)
            text = h5py.check_string_dtype(node.dtype)  # type: ignore[attr-defined]
            arrays[name] = np.asarray(node.asstr()[()] if text else node[()])  # type: ignore[attr-defined, index]

    def away(name: str, link: object) -> str | None:
        return name if isinstance(link, h5py.ExternalLink) else None

    with reading(path), h5py.File(path, "r") as file:
        try:
            if linked := file.visititems_links(away):
                raise _elsewhere(path, linked)
            file.visititems(visit)
        except _WRONG_BYTES as error:
            raise damaged(path, error) from error
    return from_arrays(path, arrays, label, condition)


def from_arrays(path: Path, arrays: Mapping[str, np.ndarray], label: str | None, condition: Sequence[str]) -> Contents:
    """Tell named arrays apart.

    - labels: `label`, or the first of labels, label, y that is no condition.
    - continuous conditions: those named in `condition`, or "conditions" [n, k], whose names "variables" may hold.
    - examples: the only array left, or the first of x, data, images, samples, arr_0; "columns" may name its columns.

    Raises:
        UserError: for a key that is not there, or where the examples cannot be told.
    """
    require_names("array", path, arrays, label, condition)
    label_key = label or next((key for key in LABEL_KEYS if key in arrays and key not in condition), None)
    value_keys = list(condition) or [key for key in ("conditions",) if key in arrays]
    rest = [key for key in arrays if key not in (label_key, *value_keys, "variables", "columns")]
    x_key = rest[0] if len(rest) == 1 else next((key for key in DATA_KEYS if key in rest), None)
    if x_key is None:
        held = short(", ".join(sorted(arrays))) or "no arrays"
        raise UserError(
            f"{path} holds {held}, and none is named {', '.join(DATA_KEYS)}; "
            f"rename the examples to 'x', or pass that array to load_data"
        )
    values = [_block(path, key, arrays[key], arrays[x_key]) for key in value_keys]
    if condition:
        pairs = zip(condition, values, strict=True)
        variables = tuple(name for key, block in pairs for name in _names(key, block.shape[1]))
    else:
        variables = _titles(path, arrays, "variables", sum(block.shape[1] for block in values))
    return Contents(
        x=arrays[x_key],
        labels=None if label_key is None else arrays[label_key],
        values=np.concatenate(values, 1) if values else None,
        label=label or "class",
        variables=variables,
        columns=_titles(path, arrays, "columns", arrays[x_key].shape[-1] if arrays[x_key].ndim else 0),
    )


def _block(path: Path, key: str, values: np.ndarray, x: np.ndarray) -> np.ndarray:
    if values.ndim not in (1, 2) or values.shape[:1] != x.shape[:1]:
        raise UserError(
            f"{path}: condition {key!r} has shape {values.shape}, the examples {x.shape}; give [n] or [n, k]"
        )
    return values.reshape(len(values), -1)


def _names(key: str, width: int) -> list[str]:
    return [key] if width == 1 else [f"{key}{i + 1}" for i in range(width)]


def _titles(path: Path, arrays: Mapping[str, np.ndarray], key: str, width: int) -> tuple[str, ...]:
    """The names that an array holds, one for each column; none where it is not there."""
    if key not in arrays:
        return ()
    if arrays[key].shape != (width,):
        raise UserError(f"{path}: {key!r} has shape {arrays[key].shape}; give one name for each of {width} columns")
    titles = tuple(str(text) for text in arrays[key])
    if twice := repeated(titles):
        raise UserError(f"{path}: {key!r} holds {twice!r} twice; give every column a name of its own")
    return titles


def _elsewhere(path: Path, name: str) -> UserError:
    return UserError(f"{path}: {name!r} lies in another file, which is not looked into; copy its numbers into this one")


def _load_npy(path: Path) -> np.ndarray:
    with reading(path), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a header that Python 2 wrote
        mode = "c" if path.stat().st_size >= MAPPED_BYTES else None
        try:
            return np.load(path, mmap_mode=mode, allow_pickle=False)
        except _WRONG_BYTES as error:
            raise _bad_array(path, "the array", error) from error


def _member(path: Path, file: Mapping[str, np.ndarray], key: str) -> np.ndarray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array = file[key]
    except _WRONG_BYTES as error:
        raise _bad_array(path, repr(key), error) from error
    if not isinstance(array, np.ndarray):
        raise damaged(path, f"{key!r} is no array")
    return array


def _bad_array(path: Path, what: str, error: Exception) -> UserError:
    if "object" in str(error).lower():
        return UserError(
            f"{path}: {what} holds Python objects, which are not unpickled; "
            f"save it as numbers, array.astype(float), or as names, array.astype(str)"
        )
    return damaged(path, error)
