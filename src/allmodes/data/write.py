"""Samples to files, whole or not at all."""

from __future__ import annotations

import codecs
import io
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from allmodes.atomic import require_folder, write_whole
from allmodes.data.contents import extra
from allmodes.data.labels import as_numpy
from allmodes.data.transforms import standard
from allmodes.errors import UserError, path_of, repeated
from allmodes.event import Condition, Event

PICTURED = (1, 3, 4)
"""Channels of an image that a picture can hold."""
SIDE = 600
"""About so many pixels wide or high is a picture of small images: each of their pixels becomes several."""
GAP = 150
"""Grey between images, so that black ones stay apart."""


def keeps_conditions(path: Path) -> bool:
    """Whether the format of a file holds more than samples."""
    return path.suffix.lower() not in (".npy", ".png")


def pictured(event: Event) -> bool:
    """Whether examples are images that a picture can hold."""
    return event.image is not None and event.image[0] in PICTURED


def check_writable(path: str | os.PathLike[str], event: Event) -> None:
    """Whether `write_samples` can write such a file: to be asked before an hour of sampling.

    Raises:
        UserError: for a suffix that is not known or not for such examples, or a folder that cannot be written.
    """
    path = path_of(path)
    suffix = path.suffix.lower()
    if suffix not in WRITERS:
        raise UserError(f"cannot write {path}: unknown suffix; give one of {', '.join(WRITERS)}")
    if suffix == ".png":
        _require_picture(event)
    if suffix in (".csv", ".parquet"):
        _require_table(path, event)
    require_folder(path.parent)


def write_samples(path: str | os.PathLike[str], x: Any, event: Event, condition: Condition | None = None) -> None:
    """Write samples in the format that the suffix names.

    - .npy: x alone.
    - .npz, .h5: x, labels (names of the classes), conditions [n, k] and variables (their names), columns.
    - .csv, .parquet: one column for each column of a table, variable and label, each of another name; tables only.
    - .png: all samples in one picture, small ones enlarged; images only.

    `load_data` reads all but the picture back.

    Arguments:
        path: the file; what was there is replaced at once, when all is written.
        x: [n, *shape], numpy or torch.
        event: what one sample is.
        condition: what was asked of them.

    Raises:
        UserError: for a suffix that is not known, samples that the format cannot hold, or a full disk.
    """
    check_writable(path, event)
    path = path_of(path)
    arrays = _arrays(as_numpy(x), event, condition or Condition())
    fill = WRITERS[path.suffix.lower()](path, arrays, event)
    write_whole(path, fill)


_Fill = Callable[[BinaryIO], object]


def _arrays(x: np.ndarray, event: Event, condition: Condition) -> dict[str, np.ndarray]:
    arrays = {"x": x}
    if condition.labels is not None:
        arrays["labels"] = np.array(event.classes)[as_numpy(condition.labels)]
    if condition.values is not None:
        arrays |= {"conditions": as_numpy(condition.values), "variables": np.array(event.variables)}
    if event.columns:
        arrays["columns"] = np.array(event.columns)
    return arrays


def _npy(path: Path, arrays: dict[str, np.ndarray], event: Event) -> _Fill:
    return lambda file: np.save(file, arrays["x"], allow_pickle=False)


def _npz(path: Path, arrays: dict[str, np.ndarray], event: Event) -> _Fill:
    return lambda file: np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]


def _h5(path: Path, arrays: dict[str, np.ndarray], event: Event) -> _Fill:
    h5py = extra("h5py", path)
    # In memory first: HDF5 reports a full disk, met while it closes a file, as an error of its own.
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array.astype(object) if array.dtype.kind == "U" else array)
    return lambda file: file.write(buffer.getbuffer())


def _require_table(path: Path, event: Event) -> None:
    if len(event.shape) != 1:
        raise UserError(
            f"{path.suffix} holds tables, one number a cell, and a sample here has shape {event.shape}; "
            f"write .npy, .npz or .h5"
        )
    if (twice := repeated([*_titles(event), *_asked(event)])) is not None:
        raise UserError(
            f"{path.suffix} would have two columns named {twice!r}; write .npz or .h5, which keep them apart"
        )


def _titles(event: Event) -> tuple[str, ...]:
    """What the columns of a sample are called: by themselves, or by a word that no condition begins with."""
    word = "column"
    while any(name.startswith(word) for name in _asked(event)):
        word = f"sample_{word}"
    return event.columns or tuple(f"{word}{i + 1}" for i in range(event.size))


def _asked(event: Event) -> list[str]:
    """What the columns of conditions and of classes are called."""
    return [*event.variables, *([event.label] if event.classes else [])]


def _require_picture(event: Event) -> None:
    if not pictured(event):
        raise UserError(
            f".png shows images of 1, 3 or 4 channels, and a sample here has shape {event.shape}; "
            "write .npy, .npz or .h5"
        )


def _columns(path: Path, arrays: dict[str, np.ndarray], event: Event) -> dict[str, np.ndarray]:
    table = dict(zip(_titles(event), arrays["x"].T, strict=True))
    if "conditions" in arrays:
        table |= dict(zip(event.variables, arrays["conditions"].T, strict=True))
    if "labels" in arrays:
        table[event.label] = arrays["labels"]
    return table


def _csv(path: Path, arrays: dict[str, np.ndarray], event: Event) -> _Fill:
    import csv

    table = _columns(path, arrays, event)
    # The text of a numpy float32 is the shortest that reads back as the same float32.
    texts = [column.astype(str) for column in table.values()]

    def fill(file: BinaryIO) -> None:
        writer = csv.writer(codecs.getwriter("utf-8")(file))
        writer.writerow(table)
        writer.writerows(zip(*texts, strict=True))

    return fill


def _parquet(path: Path, arrays: dict[str, np.ndarray], event: Event) -> _Fill:
    pyarrow, parquet = extra("pyarrow", path), extra("pyarrow.parquet", path)
    columns = _columns(path, arrays, event)
    table = pyarrow.table({name: np.ascontiguousarray(column) for name, column in columns.items()})
    return lambda file: parquet.write_table(table, file)


def _png(path: Path, arrays: dict[str, np.ndarray], event: Event) -> _Fill:
    from PIL import Image

    pixels = grid_picture(arrays["x"], event)
    scale = max(1, round(SIDE / max(pixels.shape[:2])))
    picture = Image.fromarray(pixels.repeat(scale, 0).repeat(scale, 1))
    return lambda file: picture.save(file, "PNG")


def grid_picture(x: np.ndarray, event: Event) -> np.ndarray:
    """Images [n, *shape] side by side in a nearly square picture with grey gaps of one pixel.

    Grey is in `standard` units: the levels of bytes and bits keep their scale; other numbers, which may span decades,
    are stretched from the smallest of all to the largest, on a scale that is logarithmic beyond the median.

    Returns:
        [rows, columns] or [rows, columns, 3 or 4], uint8.

    Raises:
        UserError: for events that are not images of 1, 3 or 4 channels.
    """
    _require_picture(event)
    assert event.image is not None
    channels, rows, columns = event.image
    examples = torch.from_numpy(np.ascontiguousarray(x))
    maps = standard(event).fit(examples)(examples).numpy().transpose(0, 2, 3, 1)
    pixels = (127.5 * (maps + 1)).round().clip(0, 255).astype(np.uint8)
    across = math.ceil(math.sqrt(len(x)))
    down = math.ceil(len(x) / across)
    picture = np.full((down * (rows + 1) - 1, across * (columns + 1) - 1, channels), GAP, np.uint8)
    for i, image in enumerate(pixels):
        top, left = i // across * (rows + 1), i % across * (columns + 1)
        picture[top : top + rows, left : left + columns] = image
    return picture[..., 0] if channels == 1 else picture


WRITERS: dict[str, Callable[[Path, dict[str, np.ndarray], Event], _Fill]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".csv": _csv,
    ".h5": _h5,
    ".hdf5": _h5,
    ".parquet": _parquet,
    ".png": _png,
}
