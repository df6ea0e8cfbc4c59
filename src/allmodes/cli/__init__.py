"""The commands, a file each.

Each prints for people or, with --json, its result as JSON in the last line of standard output. An error is one line on
standard error; the exit status is 2 for the user's mistake, 1 for ours, 128 plus the signal's number after a signal,
or what a command answers in its `status`.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import re
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import tyro
from tyro.conf import subcommand

from allmodes.cli.audit import Audit
from allmodes.cli.compare import Compare
from allmodes.cli.features import Features
from allmodes.cli.flags import Common
from allmodes.cli.lists import Datasets, Recipes
from allmodes.cli.sample import Sample
from allmodes.cli.study import Study
from allmodes.cli.train import Train
from allmodes.errors import Interrupted, UserError, one_line, said

TORCH_NO_MEMORY = "allocate memory|out of memory|overflow|bad_alloc"
NO_MEMORY = "not enough memory; ask for fewer or smaller examples, a smaller batch or a smaller network"
COMMANDS: dict[str, type[Common]] = {
    "train": Train,
    "sample": Sample,
    "audit": Audit,
    "study": Study,
    "compare": Compare,
    "recipes": Recipes,
    "datasets": Datasets,
    "features": Features,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit with its status."""
    argv = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in argv
    for stream in (sys.stdout, sys.stderr):  # a letter that a terminal has not ends no training
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        if argv == ["--version"]:
            from allmodes.version import version

            print(f"allmodes {version()}")
            return
        command = _parse(argv)
        from allmodes.training.distributed import started

        with contextlib.redirect_stdout(io.StringIO() if started().rank else sys.stdout):
            result = command()
            if command.json:
                from allmodes.plain import plain

                print(json.dumps(plain(result), allow_nan=False))
        if status := command.status(result):
            sys.exit(status)
    except UserError as error:
        _fail(str(error), 2, debug)
    except Interrupted as stopped:
        _fail(str(stopped), 128 + stopped.signal, debug)
    except KeyboardInterrupt:
        _fail("interrupted", 130, debug)
    except MemoryError:
        _fail(NO_MEMORY, 2, debug)
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:
        if isinstance(error, RuntimeError) and re.search(TORCH_NO_MEMORY, str(error)):
            _fail(NO_MEMORY, 2, debug)
        _fail(f"{said(error)} (a fault of allmodes; --debug shows where)", 1, debug)


def _parse(argv: Sequence[str]) -> Any:
    """The command that the words mean; what the parser has against them becomes one line."""
    union: Any = None
    for name, command in COMMANDS.items():
        entry = Annotated[command, subcommand(name)]
        union = entry if union is None else union | entry
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(
                union,
                prog="allmodes",
                description="Train generative models. Know what they miss.",
                args=list(argv) or ["--help"],
                config=(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitSubcommandPrefixes),
            )
    except SystemExit as stop:
        if stop.code:
            raise UserError(_unboxed(complaint.getvalue())) from None
        raise


def _unboxed(box: str) -> str:
    """What a framed complaint says first, and the flag that it suggests; on a terminal it is coloured."""
    box = re.sub(r"\x1b\[[0-9;]*m", "", box)
    lines = [one_line(line.strip("│|╭╮╰╯ ")) for line in box.splitlines()[1:-1]]
    told = itertools.dropwhile(_ruled, lines)
    complaint = " ".join(itertools.takewhile(lambda line: not _ruled(line), told))
    if "Perhaps you meant:" in lines:
        complaint += f"; did you mean {lines[lines.index('Perhaps you meant:') + 1].split()[0]}?"
    elif "Available subcommands" in box:
        complaint += f"; the commands are {', '.join(COMMANDS)}"
    return f"{complaint.removeprefix('Error parsing ').rstrip('.')}; --help lists what there is"


def _ruled(line: str) -> bool:
    return set(line) <= set("─-+")


def _fail(message: str, status: int, debug: bool) -> None:
    if debug:
        import traceback

        traceback.print_exc()
    print(f"allmodes: {message}", file=sys.stderr)
    sys.exit(status)
