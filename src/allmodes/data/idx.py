"""idx files, the format of MNIST: a type, a shape, and big-endian numbers."""

from __future__ import annotations

import gzip
import math
import struct
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from allmodes.data.chunks import CHUNK_BYTES
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
    found = sorted(path for path in folder.iterdir() if _holds_images(path) and path.is_file())
    training = [path for path in found if "train" in path.name]
    return next(iter(training + found), None)


def _holds_images(path: Path) -> bool:
    return "images" in path.name and "idx3" in path.name


def _labels_of(path: Path) -> Path | None:
    if not _holds_images(path):
        return None
    name = path.name.replace("images", "labels").replace("idx3", "idx1")
    plain = name.removesuffix(".gz")
    siblings = [path.with_name(other) for other in (name, plain, f"{plain}.gz")]
    return next((sibling for sibling in siblings if sibling.is_file()), None)


def _array(path: Path) -> np.ndarray:
    with reading(path), path.open("rb") as raw:
        file = gzip.GzipFile(fileobj=raw) if raw.peek(2).startswith(b"\x1f\x8b") else raw
        head = file.read(4)
        if not is_idx(head):
            raise damaged(path, "not an idx file")
        lengths = file.read(4 * head[3])
        if len(lengths) < 4 * head[3]:
            raise damaged(path, "the header is cut off")
        shape = struct.unpack(f">{head[3]}I", lengths)
        kind = np.dtype(_TYPES[head[2]])
        size = math.prod(shape) * kind.itemsize
        data = _read(file, size)
        if file.read(1):
            raise damaged(path, f"more than {size:,} bytes of data")
    if len(data) < size:
        raise damaged(path, f"{len(data):,} of {size:,} bytes of data")
    return np.frombuffer(data, kind).reshape(shape).astype(kind.newbyteorder("="))


def _read(file: BufferedIOBase, size: int) -> bytearray:
    """So many bytes, or all where there are fewer; of a size that the file does not have no memory is taken."""
    data = bytearray()
    while part := file.read(min(CHUNK_BYTES, size - len(data))):
        data += part
    return data
