"""The folders that runs are in: made, found free, and held by the process that trains."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from allmodes.atomic import explained, write_new
from allmodes.errors import UserError
from allmodes.training.plan import Plan
from allmodes.training.run import Run


class Taken(UserError):
    """A folder holds another run."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} holds another run; choose another --out, or continue that run with --resume --out {folder}"
        )


def create(folder: Path, plan: Plan) -> Run:
    """Begin a run in an empty or new folder.

    Raises:
        UserError: where the folder holds a run already, or something else.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is not an empty folder; choose another --out")
    there = {path.name for path in folder.iterdir() if not path.name.startswith(".")} if folder.exists() else set()
    if "run.json" in there:
        raise Taken(folder)
    if there:
        raise UserError(f"{folder} is not an empty folder; choose another --out")
    if not write_new(folder / "run.json", lambda file: file.write(plan.to_json())):
        raise Taken(folder)
    return Run(folder, plan)


def free_folder(folder: Path) -> Path:
    """The folder, or the first of folder-2, folder-3, ... that is not there yet."""
    number, free = 1, folder
    while free.exists():
        number += 1
        free = folder.with_name(f"{folder.name}-{number}")
    return free


def create_beside(folder: Path, plan: Plan) -> Run:
    """Begin a run in the folder or, where that is taken, also by a process that begins now, in one with a number."""
    while True:
        try:
            return create(free_folder(folder), plan)
        except Taken:
            continue


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Inside the block no other process trains the run; the system lets go if this one dies.

    Raises:
        UserError: where another process does.
    """
    if os.name != "posix":
        yield
        return
    import fcntl

    with explained(folder):
        here = os.open(folder, os.O_RDONLY)  # not its run.json, which is replaced by a longer plan
        try:
            try:
                fcntl.flock(here, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(f"another process is training {folder}; wait for it, or choose another --out") from None
            yield
        finally:
            os.close(here)
