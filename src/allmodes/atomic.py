"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from allmodes.errors import UserError, path_of

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Full(UserError):
    """A full disk, met while a file was written; what was there before is as it was.

    Arguments:
        path: the file.
        then: what to do when there is room.
    """

    def __init__(self, path: Path, then: str = "run it again") -> None:
        super().__init__(
            f"no space left on the device while writing {path}; nothing was overwritten; free some space and {then}"
        )
        self.path = path


def write_whole(
    path: str | os.PathLike[str], write: Callable[[BinaryIO], object], *, called: Path | None = None
) -> None:
    """Write a file under a temporary name in its folder, flush it to the disk, then give it its name.

    A reader sees the old file or the new one, never a part. Folders on the way are made. When `write` or the disk
    fails, the temporary file is removed and a file that was there before is left as it was.

    Arguments:
        path: the file to write.
        write: puts the bytes into the open binary file that it is given (readable and seekable too).
        called: what errors call it, where its folder has a temporary name.

    Raises:
        Full: where the disk is full.
        UserError: where the folder cannot be written, or `path` is a folder.
    """
    path = Path(path)
    with _written(path, write, called) as temporary:
        os.replace(temporary, path)


def write_new(path: str | os.PathLike[str], write: Callable[[BinaryIO], object]) -> bool:
    """`write_whole` where no file of that name is; of two processes at once, one does.

    Returns:
        Whether this one did.
    """
    path = Path(path)
    with _written(path, write) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError:  # a drive without hard links
            if path.exists():
                return False
            os.replace(temporary, path)
    return True


@contextmanager
def _written(path: Path, write: Callable[[BinaryIO], object], called: Path | None = None) -> Iterator[Path]:
    """The file under a temporary name beside its own, on the disk; the block gives it its name, or it is removed."""
    temporary = path.with_name(_temporary(path.name, secrets.token_hex(4)))
    with explained(called or path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("x+b") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)
        flush_folder(path.parent)


def read_file(path: Path) -> bytes:
    """What a file holds.

    Raises:
        OSError: also for what is no file, such as a pipe, from which nothing would ever come.
    """
    if path.exists() and not path.is_file():
        raise OSError("it is not a file")
    return path.read_bytes()


def sweep(folder: Path, names: str) -> None:
    """Remove what killed processes left of files that they were writing in a folder.

    Arguments:
        names: a pattern of the files' names, which nobody may be writing now.
    """
    for torn in folder.glob(_temporary(names, 8 * "[0-9a-f]")):
        torn.unlink(missing_ok=True)


def _temporary(name: str, token: str) -> str:
    return f".{name}.{token}.tmp"


def require_folder(path: str | os.PathLike[str]) -> Path:
    """A folder that is there or can be made: to be asked for before the work whose results go there.

    Raises:
        UserError: where a file is in its place or on the way, or it may not be written.
    """
    folder = path_of(path)
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise UserError(f"cannot write {folder}: {there} is a file; choose another place")
    if not os.access(there, os.W_OK):
        raise UserError(f"cannot write {folder}: no permission to write in {there}; choose another place")
    return folder


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Inside the block, what the system says against writing `path` becomes a `UserError` of one line."""
    try:
        yield
    except OSError as error:
        raise _explain(path, error) from error


def flush_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where the system can: some drives refuse, and the file is whole anyway."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _explain(path: Path, error: OSError) -> UserError:
    if error.errno in _FULL:
        return Full(path)
    return UserError(f"cannot write {path}: {error.strerror or error}; nothing was overwritten; choose another place")
