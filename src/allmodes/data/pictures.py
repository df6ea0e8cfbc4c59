"""Folders of PNG and JPEG pictures, and pictures scaled to another size."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from allmodes.data.contents import Contents, damaged, reading
from allmodes.data.labels import natural
from allmodes.errors import UserError
from allmodes.event import Layout

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_SUFFIXES = (".png", ".jpg", ".jpeg")
_DTYPES = {"1": np.dtype(bool), "L": np.dtype(np.uint8), "I;16": np.dtype(np.uint16)}
_DEEP_GREY = ("I", "I;16", "I;16B", "I;16L")
_DEEP_COLOUR = (b"\x10\2", b"\x10\4", b"\x10\6")
"""Depth and kind of PNGs of which PIL reads half of every number: 16 bits of colour, or of grey with transparency."""
_TURNED = (5, 6, 7, 8)
"""What a camera writes into a picture whose rows are columns."""
_LEVELS = {"1": 0, "I;16": 65_536}


def is_picture(head: bytes) -> bool:
    """Whether a file that starts with these bytes is a PNG or a JPEG."""
    return head.startswith(_MAGIC)


def find_pictures(folder: Path) -> list[Path]:
    """The PNG and JPEG files of a folder and of its sub-folders, in natural order.

    Hidden files are passed over, and what is no file, such as a pipe, of which one would never see the end.
    A link to a folder is followed, unless it leads back to one that it lies in.
    """
    found = []
    for parent, folders, names in os.walk(folder, onerror=_unreadable, followlinks=True):
        above = Path(parent).resolve()
        shown = (name for name in folders if not name.startswith("."))
        onward = (name for name in shown if not above.is_relative_to(Path(parent, name).resolve()))
        folders[:] = sorted(onward, key=natural)
        paths = [Path(parent, name) for name in sorted(names, key=natural) if not name.startswith(".")]
        found += [path for path in paths if _has_picture(path)]
    return found


def _has_picture(path: Path) -> bool:
    if not path.is_file() and path.exists():
        return False
    return path.suffix.lower() in _SUFFIXES or is_picture(_head(path))


def _unreadable(error: OSError) -> None:
    raise error


def read_pictures(folder: Path, resize: tuple[int, int] | None) -> Contents:
    """All pictures of a folder; sub-folders, where there are any, are the classes.

    Grey pictures give [n, rows, columns], colour a last axis of 3, or of 4 with transparency. Pictures
    of 1 bit are binary, those of 8 bits have 256 levels, grey ones of 16 bits 65,536. A palette is looked up. Grey
    among colour becomes colour; 16-bit grey among others is an error, and so is 16-bit colour.

    Arguments:
        resize: rows and columns to scale every picture to; None where all are of one size.

    Raises:
        UserError: for a picture that cannot be read, or two that do not fit together.
    """
    paths = find_pictures(folder)
    modes, sizes = zip(*(_look(path) for path in paths), strict=True)
    mode = _common(paths, modes)
    for path, size in zip(paths, sizes, strict=True):
        if resize is None and size != sizes[0]:
            raise UserError(
                f"pictures differ in size: {paths[0]} has {_by(sizes[0])} rows x columns, {path} has {_by(size)}; "
                f"pass --resize {min(sizes[0])} to scale them all"
            )
    rows, columns = resize or sizes[0]
    channels = () if mode in _DTYPES else (len(mode),)
    x = np.empty((len(paths), rows, columns, *channels), _DTYPES.get(mode, np.dtype(np.uint8)))
    for i, path in enumerate(paths):
        picture = _decode(path, mode)
        x[i] = picture if resize is None else resize_picture(picture, resize)
    return Contents(
        x=x,
        labels=_classes(folder, paths),
        levels=_LEVELS.get(mode, 256),
        layout=Layout.HWC if channels else Layout.HW,
    )


def resize_picture(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture [rows, columns] or [rows, columns, channels] scaled to size (rows, columns) by Lanczos' filter.

    The type stays: integers are rounded, booleans cut at one half. So does the range: the filter's ringing is cut off.
    """
    from PIL import Image

    def scale(channel: np.ndarray) -> np.ndarray:
        plane = Image.fromarray(np.ascontiguousarray(channel, np.float32))
        return np.asarray(plane.resize((size[1], size[0]), Image.Resampling.LANCZOS))

    channels = picture.reshape(*picture.shape[:2], -1)
    scaled = np.stack([scale(channels[..., c]) for c in range(channels.shape[-1])], -1)
    scaled = scaled.reshape(*size, *picture.shape[2:]).clip(picture.min(), picture.max())
    if picture.dtype == bool:
        return scaled > 0.5
    return (scaled.round() if picture.dtype.kind in "iu" else scaled).astype(picture.dtype)


def _head(path: Path) -> bytes:
    with reading(path), path.open("rb") as file:
        return file.read(26)


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


@contextmanager
def _open(path: Path) -> Iterator[ImageFile]:
    """A picture, closed after the block; what PIL has against it is told in one line, and what it warns of is not."""
    from PIL import Image

    with reading(path), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path) as picture:
                yield picture
        except Image.DecompressionBombError:
            raise UserError(f"{path} has more pixels than a picture of a data set has; scale it down first") from None
        except ValueError as error:
            raise damaged(path, error) from error


def _look(path: Path) -> tuple[str, tuple[int, int]]:
    """Mode to read a picture in, and its rows and columns when upright, from the header alone."""
    from PIL import ExifTags

    if (head := _head(path)).startswith(_MAGIC[0]) and head[24:] in _DEEP_COLOUR:
        raise UserError(
            f"{path} has 16 bits a channel, which are read of plain grey alone; convert it to 8 bits, or save the "
            "numbers of all pictures as one array in .npy"
        )
    with _open(path) as picture:
        turned = picture.getexif().get(ExifTags.Base.Orientation, 1) in _TURNED
        size = (picture.width, picture.height) if turned else (picture.height, picture.width)
        if picture.mode in ("1", "L", "RGB", "RGBA"):
            return picture.mode, size
        if picture.mode in _DEEP_GREY:
            return "I;16", size
        transparent = picture.mode in ("LA", "PA") or "transparency" in picture.info
        return "RGBA" if transparent else "RGB", size


def _decode(path: Path, mode: str) -> np.ndarray:
    from PIL import ImageOps

    with _open(path) as picture:
        upright = ImageOps.exif_transpose(picture)
        return np.asarray(upright if upright.mode in (mode, *_DEEP_GREY) else upright.convert(mode))


def _common(paths: Sequence[Path], modes: Sequence[str]) -> str:
    """The one mode that holds pictures of these modes without loss."""
    kinds = set(modes)
    if len(kinds) == 1:
        return modes[0]
    if "I;16" in kinds:
        other = next(i for i, mode in enumerate(modes) if mode != "I;16")
        raise UserError(
            f"pictures differ in depth: {paths[modes.index('I;16')]} is 16-bit grey, {paths[other]} is {modes[other]}; "
            f"convert them to one kind"
        )
    if kinds == {"1", "L"}:
        return "L"
    return "RGBA" if "RGBA" in kinds else "RGB"


def _classes(folder: Path, paths: Sequence[Path]) -> np.ndarray | None:
    """The sub-folder of each picture, [n] names; None where all lie in the folder itself.

    Raises:
        UserError: where some do and some do not.
    """
    names = [path.relative_to(folder).parent.as_posix() for path in paths]
    if set(names) == {"."}:
        return None
    if "." in names:
        stray = paths[names.index(".")]
        raise UserError(f"{stray} lies beside sub-folders that are classes; move it into one of them")
    return np.array(names)
