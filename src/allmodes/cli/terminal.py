"""What commands show people: lines, tables, progress."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from allmodes.errors import Remark

WIDE = 160
"""Columns of a table in a file or a pipe, where nothing says how many fit."""


def warn(line: str) -> None:
    """A warning, or a remark, on standard error."""
    print(f"allmodes: {'note' if isinstance(line, Remark) else 'warning'}: {line}", file=sys.stderr)


def say(what: Any) -> None:
    """What a person reads, on standard output."""
    from rich.console import Console
    from rich.text import Text

    Console(highlight=False, markup=False, soft_wrap=isinstance(what, (str, Text)), width=columns()).print(what)


def columns() -> int:
    """How many columns standard output has."""
    from rich.console import Console

    console = Console()
    return console.width if console.is_terminal else max(console.width, WIDE)


@contextlib.contextmanager
def progress(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """A bar on a terminal's standard error; a line each tenth of the way anywhere else."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        last = (0, -1)

        def line(done: int, total: int, text: str) -> None:
            nonlocal last
            if (now := (total, 10 * done // total)) != last:
                last = now
                print(f"{what} ({done} of {total} done): {text}".rstrip(": "), file=sys.stderr, flush=True)

        yield line
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=None, text="")
        yield lambda done, total, text: progress.update(task, completed=done, total=total, text=text)
