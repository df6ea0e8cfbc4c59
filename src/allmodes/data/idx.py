"""idx files, the format of MNIST: a type, a shape, and big-endian numbers."""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path

import numpy as np

from allmodes.data.contents import Contents, damaged, reading

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def is_idx(head: bytes) -> bool:
    """Whether a file that starts with these bytes is idx: two zeros, a type, a number of axes."""
    return len(head) >= 4 and head[:2] == b"\0\0" and head[2] in _TYPES and 1 <= head[3] <= 8


def read_idx(path: Path) -> Contents:
    """Images or numbers from an idx file, plain or gzipped.

    For a file named *images*idx3* the sibling *labels*idx1*, plain or gzipped, gives the labels.
    """
    x = _array(path)
    sibling = _labels_of(path)
    labels = None if sibling is None else _array(sibling)
    return Contents(x=x, labels=labels, levels=256 if x.dtype == np.uint8 and x.ndim > 2 else 0)


def image_file(folder: Path) -> Path | None:
    """The idx file of images in a folder, the training images where there are several; None where there is none."""
    found = sorted(path for path in folder.iterdir() if "images" in path.name and "idx3" in path.name)
    training = [path for path in found if "train" in path.name]
    return next(iter(training + found), None)


def _labels_of(path: Path) -> Path | None:
    if "images" not in path.name or "idx3" not in path.name:
        return None
    name = path.name.replace("images", "labels").replace("idx3", "idx1")
    plain = name.removesuffix(".gz")
    siblings = [path.with_name(other) for other in (name, plain, f"{plain}.gz")]
    return next((sibling for sibling in siblings if sibling.exists()), None)


def _array(path: Path) -> np.ndarray:
    with reading(path):
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    if not is_idx(data[:4]):
        raise damaged(path, "not an idx file")
    axes = data[3]
    start = 4 + 4 * axes
    if len(data) < start:
        raise damaged(path, "the header is cut off")
    shape = struct.unpack(f">{axes}I", data[4:start])
    kind = np.dtype(_TYPES[data[2]])
    size = math.prod(shape) * kind.itemsize
    if len(data) - start != size:
        raise damaged(path, f"{len(data) - start:,} of {size:,} bytes of data")
    return np.frombuffer(data, kind, offset=start).reshape(shape).astype(kind.newbyteorder("="))
