"""A file or folder of data, read by what it holds; its name matters only to refuse what must be unpickled."""

from __future__ import annotations

import gzip
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

from allmodes.data.arrays import read_h5, read_npy, read_npz
from allmodes.data.bits import is_bits, read_bits
from allmodes.data.contents import Contents, NoSuchName, reading
from allmodes.data.idx import image_file, is_idx, read_idx
from allmodes.data.pictures import find_pictures, is_picture, read_pictures
from allmodes.data.tables import read_csv, read_parquet
from allmodes.errors import UserError, path_of

_PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".joblib", ".ckpt")
KNOWN = "a folder of PNG or JPEG pictures, .npy, .npz, .csv, .h5, .parquet, idx or idx.gz, rows of 0 and 1"


def read(
    path: str | os.PathLike[str],
    *,
    label: str | None = None,
    condition: Sequence[str] = (),
    resize: tuple[int, int] | None = None,
) -> Contents:
    """What a file or folder holds.

    Arguments:
        path: see `KNOWN`; a folder may also hold MNIST's idx files.
        label: column or array that names the class.
        condition: columns or arrays that are continuous conditions.
        resize: rows and columns for a folder of pictures; other images are scaled by `load_data`.

    Raises:
        UserError: for a path that is not there, may not be read, is damaged, must be unpickled, or is of no known kind.
    """
    path = path_of(path).absolute()
    with reading(path):
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise UserError(f"{path} is a pipe or a device, which is read once only; save it as a file first")
        if not path.stat().st_size and path.is_file():
            raise UserError(f"{path} is empty (0 bytes); write it again")
        if path.is_dir():
            _refuse_names(path, label, condition)
            return _read_folder(path, resize)
        return _read_file(path, label, condition)


def _refuse_names(path: Path, label: str | None, condition: Sequence[str]) -> None:
    """Raise where columns are named and there are none."""
    names = ([label] if label else []) + list(condition)
    if names:
        raise NoSuchName(f"{path} has no columns and so none named {names[0]!r}; leave it out", names[0])


def _read_folder(folder: Path, resize: tuple[int, int] | None) -> Contents:
    idx = image_file(folder)
    if idx is not None:
        return read_idx(idx)
    if find_pictures(folder):
        return read_pictures(folder, resize)
    raise UserError(f"{folder} holds neither PNG or JPEG pictures nor idx files; give {KNOWN}")


def _read_file(path: Path, label: str | None, condition: Sequence[str]) -> Contents:
    with path.open("rb") as file:
        head = file.read(4096)
    if path.suffix.lower() in _PICKLES or head[0] == 0x80:
        raise _pickle(path)
    if head.startswith(b"\x93NUMPY"):
        _refuse_names(path, label, condition)
        return read_npy(path)
    if head.startswith(b"PK"):
        _refuse_zip(path)
        return read_npz(path, label, condition)
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return read_h5(path, label, condition)
    if head.startswith(b"PAR1"):
        return read_parquet(path, label, condition)
    if is_idx(head) or _is_gzipped_idx(path, head):
        _refuse_names(path, label, condition)
        return read_idx(path)
    if is_picture(head):
        raise UserError(f"{path} is one picture; give the folder that holds all of them: {path.parent}")
    if b"\0" in head or head.startswith(b"\x1f\x8b"):
        raise UserError(f"{path} is of no known kind; give {KNOWN}")
    if is_bits(head):
        _refuse_names(path, label, condition)
        return read_bits(path)
    return read_csv(path, label, condition)


def _pickle(path: Path) -> UserError:
    return UserError(f"{path} must be unpickled, which can run any program; save the numbers as .npy or .npz instead")


def _refuse_zip(path: Path) -> None:
    """Raise for an archive that is not numpy's: torch's hold a pickle."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name.endswith(".pkl") for name in names):
        raise _pickle(path)
    if not all(name.endswith(".npy") for name in names):
        raise UserError(f"{path} is a zip archive but not .npz; unpack it and give the folder or file inside")


def _is_gzipped_idx(path: Path, head: bytes) -> bool:
    if not head.startswith(b"\x1f\x8b"):
        return False
    with gzip.open(path) as file:
        return is_idx(file.read(4))
