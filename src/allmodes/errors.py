"""The user's mistakes, told in one line."""

from __future__ import annotations

import errno
import operator
import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import SupportsIndex, TypeVar

Item = TypeVar("Item")
NAME_BYTES = 255
"""Of the longest name that a file can have."""


MALFORMED = (LookupError, TypeError, ValueError, RecursionError)
"""What is raised where a file of a run is read that is not as it was written."""


class UserError(Exception):
    """A mistake the user can mend: the message names what is wrong and what to do, in one line.

    The command line prints it without a traceback and exits with status 2.
    """


class Note(UserWarning):
    """What is odd about what the user gave, and no obstacle."""


class Remark(str):
    """A line that is good to know, about nothing odd."""


def warn(line: str) -> None:
    """Tell the user by Python's warnings, which name the line of the user's that led here; of a remark nothing."""
    if isinstance(line, Remark):
        return
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("allmodes."):
        frame, level = frame.f_back, level + 1
    warnings.warn(line, Note, stacklevel=level)


class Interrupted(Exception):
    """A signal ended a training between two steps; the run is saved, and the message says how to resume it.

    Arguments:
        signal: its number.
    """

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(message)
        self.signal = signal


def unknown(what: str, word: object, known: Iterable[str]) -> UserError:
    """The error for a name that is not in a list, with the nearest names that are.

    >>> print(unknown("recipe", "r3gam", ["r3gan", "dcgan"]))
    unknown recipe 'r3gam'; did you mean 'r3gan'? Known: dcgan, r3gan
    """
    names = sorted(known)
    near = get_close_matches(str(word), names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return UserError(f"unknown {what} {word!r}; {hint}Known: {short(', '.join(names), 2000)}")


def whole(given: SupportsIndex, flag: str) -> int:
    """A whole number that a user gave, of Python's, numpy's or torch's kind, as one of Python's.

    Raises:
        UserError: for anything else, also a number with a point.

    >>> import numpy as np
    >>> whole(np.int64(3), "--steps")
    3
    """
    try:
        return operator.index(given)
    except TypeError:
        raise UserError(f"{flag} {one_line(repr(given))}: must be a whole number") from None


def path_of(given: str | os.PathLike[str]) -> Path:
    """A path that a user gave, with a home folder in place of ~; whether something is there is not asked.

    Raises:
        UserError: for the home of a user that there is not, or a name that no file can have.
    """
    path = Path(given)
    try:
        path = path.expanduser()
        long = _too_long(path)
    except RuntimeError:
        raise UserError(f"{short(path)}: no home folder {short(path.parts[0])} is known; give the whole path") from None
    except ValueError as error:
        raise UserError(f"{short(repr(str(path)))} is no path ({error}); give another") from None
    if long:
        raise UserError(f"{short(path)} is too long for a path; a name in it has at most {NAME_BYTES} bytes")
    return path


def _too_long(path: Path) -> bool:
    if any(len(os.fsencode(name)) > NAME_BYTES for name in path.parts):
        return True
    try:
        path.absolute().lstat()
    except OSError as error:
        return error.errno == errno.ENAMETOOLONG
    return False


def repeated(items: Sequence[Item]) -> Item | None:
    """The first of some items that is there more than once.

    >>> repeated(["a", "b", "c", "b"]), repeated([])
    ('b', None)
    """
    return next((item for item in items if items.count(item) > 1), None)


def one_line(text: object) -> str:
    """What something says, without its line breaks."""
    return " ".join(str(text).split())


def short(text: object, most: int = 200) -> str:
    """What something says in one line, cut where it is long.

    >>> short("a damaged file's name", most=9)
    'a damaged ...'
    """
    line = one_line(text)
    return line if len(line) <= most else f"{line[:most]} ..."


def said(error: BaseException) -> str:
    """An exception in one line, with its type."""
    return f"{type(error).__name__}: {one_line(error)}"
