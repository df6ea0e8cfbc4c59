"""What a reader hands over, and the mistakes that all readers share."""

from __future__ import annotations

import importlib
import zipfile
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from allmodes.data.modes import Modes
from allmodes.errors import UserError, repeated, short, unknown
from allmodes.event import Layout


@dataclass(frozen=True, eq=False)
class Contents:
    """Numbers as they were found, before it is settled what they mean.

    Arguments:
        x: the examples, [n, *shape], any numeric type.
        labels: class of each example, [n] integers or names; None where there are none.
        values: continuous conditions, [n, k]; None where there are none.
        label: what the class is called.
        classes: names of all classes, where labels are indices into them; empty where labels name
            themselves.
        variables: names of the continuous conditions.
        columns: names of a table's columns.
        levels: how many levels a number has, where the source says so (256 for 8-bit pictures); 0 where it does not.
        layout: which axes are an image's, where the source says so; None where it does not.
        modes: the true modes, where they are known.
    """

    x: np.ndarray
    labels: np.ndarray | None = None
    values: np.ndarray | None = None
    label: str = "class"
    classes: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    levels: int = 0
    layout: Layout | None = None
    modes: Modes | None = None


class NoSuchName(UserError):
    """A file has no column or array of a name that was asked for.

    Arguments:
        name: which.
    """

    def __init__(self, message: object, name: str) -> None:
        super().__init__(str(message))
        self.name = name


def listed(names: str | Sequence[str]) -> list[str]:
    """Names that a user gives, of which one may stand alone.

    >>> listed("energy"), listed(("energy", "angle"))
    (['energy'], ['energy', 'angle'])
    """
    return [names] if isinstance(names, str) else list(names)


def require_names(
    kind: str, where: Path | str, names: Collection[str], label: str | None, condition: Sequence[str]
) -> None:
    """See that a file or a data frame holds the label and the conditions that were asked for, each once.

    Arguments:
        kind: "column" or "array".
        where: the file, or what the data frame is called in errors.
        names: what there is.

    Raises:
        NoSuchName: for one that is not there.
        UserError: for a label that is a condition too, or a condition that is given twice.
    """
    for name in ([label] if label else []) + list(condition):
        if name not in names:
            raise NoSuchName(unknown(f"{kind} of {where}", name, names), name)
    if (twice := repeated(condition)) is not None:
        raise UserError(f"{kind} {twice!r} is given twice as a condition; pass it once")
    if label in condition:
        raise UserError(f"{kind} {label!r} cannot be both the label and a condition; pass it once")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a file is read into one line that names the file.

    Raises:
        UserError: where it may not be read, is not there, or is damaged.
    """
    try:
        yield
    except PermissionError:
        raise UserError(f"no permission to read {path}; give it with: chmod u+r {path}") from None
    except FileNotFoundError:
        raise UserError(f"{path} is not there; check the path") from None
    except MemoryError as error:
        raise UserError(
            f"{path} is damaged, or larger than the memory ({short(error) or 'it is full'}); copy it again, or save "
            "its examples as .npy, of which a part is read at a time"
        ) from error
    except (EOFError, OSError, SyntaxError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise damaged(path, error) from error


def damaged(path: Path, why: object) -> UserError:
    """The error for a file that ends too early or whose bytes are wrong."""
    return UserError(f"{path} is truncated or damaged ({short(why)}); copy or download it again")


def extra(module: str, path: Path) -> ModuleType:
    """An optional library, imported when a file needs it.

    Raises:
        UserError: where it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        library = module.partition(".")[0]
        raise UserError(f"{path} needs {library}, which is not installed: pip install 'allmodes[files]'") from None
