"""The commands.

Each prints for people or, with --json, one JSON object as the last line of standard output. An error is one line on
standard error; the exit status is 2 for the user's mistake, 1 for ours, 128 plus the signal's number after a signal.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from tyro.conf import Positional, UseAppendAction, arg, subcommand
from tyro.constructors import PrimitiveConstructorSpec

from allmodes.errors import UserError


def _optional(kind: type, metavar: str, spoken: str) -> Any:
    """A flag that may be left out, shown by what it takes and with an error that says so."""

    def read(words: list[str]) -> Any:
        try:
            return kind(words[0])
        except ValueError:
            raise ValueError(f"{words[0]!r} is not {spoken}") from None

    return Annotated[
        kind | None,
        PrimitiveConstructorSpec(
            nargs=1,
            metavar=metavar,
            instance_from_str=read,
            is_instance=lambda value: value is None or isinstance(value, kind),
            str_from_instance=lambda value: [str(value)],
        ),
        arg(help_behavior_hint=""),
    ]


if TYPE_CHECKING:
    Text = str | None
    Whole = int | None
else:
    Text, Whole = _optional(str, "TEXT", "text"), _optional(int, "N", "a whole number")
Pairs = Annotated[tuple[str, ...], arg(metavar="NAME=VALUE"), UseAppendAction]
Columns = Annotated[tuple[str, ...], arg(metavar="COLUMN"), UseAppendAction]


@dataclass
class Common:
    """What every command takes."""

    json: bool = False
    """Print one JSON object as the last line."""
    debug: bool = False
    """Show the traceback of an error."""


@dataclass
class DataFlags(Common):
    """What every command that reads data takes."""

    data: Text = None
    """A built-in set (see: allmodes datasets) or a path: .npy, .npz, .csv, .h5, .parquet, idx, a folder of pictures."""
    label: Text = None
    """Column or array of the file that names the class."""
    condition: Columns = ()
    """Column or array of the file that is a continuous condition; may be repeated."""
    resize: Whole = None
    """Scale images to this many rows and columns."""

    def load(self) -> Any:
        """The data that the flags name, None where they name none."""
        from allmodes.data.dataset import load_data

        if self.data is None:
            if self.label or self.condition or self.resize:
                raise UserError("--label, --condition and --resize belong to a file; name it with --data PATH")
            return None
        return load_data(self.data, label=self.label, condition=self.condition, resize=self.resize)


@dataclass
class Train(DataFlags):
    """Train a generative model; the run's folder holds all that happened and resumes after a stop."""

    recipe: Text = None
    """What to train and how (see: allmodes recipes). Default: r3gan."""
    steps: Whole = None
    """Training steps, instead of the recipe's number."""
    seed: Whole = None
    """Of weights, noise and the order of the data. Default: 0."""
    out: Text = None
    """Folder of the run. Default: runs/DATA-RECIPE-sSEED."""
    set: Pairs = ()
    """A setting of the recipe; may be repeated."""
    resume: bool = False
    """Continue the run in --out, or in the default folder, where it stopped."""
    device: Text = None
    """cpu or cuda. Default: a GPU if there is one."""
    checkpoint_every: Whole = None
    """Steps between checkpoints. Default: a twentieth of the training."""

    def __call__(self) -> dict[str, Any]:
        from allmodes.training.train import train

        if self.resume and (self.label or self.condition or self.resize):
            raise UserError("--resume takes the data from the run; leave --label, --condition and --resize out")
        begun = time.perf_counter()

        with _progress("training") as advance:

            def report(step: int, steps: int, numbers: Any) -> None:
                advance(step, steps, "  ".join(f"{k} {v:.3g}" for k, v in numbers.items() if k.endswith(".loss")))

            run = train(
                self.recipe,
                self.data if self.resume else self.load(),
                steps=self.steps,
                seed=self.seed,
                out=self.out,
                settings=_pairs("--set", self.set),
                resume=self.resume,
                device=self.device,
                checkpoint_every=self.checkpoint_every,
                report=report,
                note=_warn,
            )
        seconds = time.perf_counter() - begun
        trained = max((line.get("seconds", 0.0) for line in run.metrics), default=0.0)
        result = {
            "run": str(run.folder),
            "recipe": run.plan.recipe,
            "data": run.plan.data["name"],
            "steps": run.step,
            "seconds": round(seconds, 3),
            "steps_per_second": round(run.step / trained, 2) if trained else 0.0,
            "verdict": run.verdict,
        }
        if not self.json:
            _say(f"{run.verdict}: {run.reason}")
            _say(f"{run.step} steps, {result['steps_per_second']} a second; everything is in {run.folder}")
            _say(f"samples: allmodes sample {run.folder} -n 1000")
        return result


@dataclass
class Sample(Common):
    """Draw samples from a run, in the units of its data."""

    run: Positional[str] = tyro.MISSING
    """Folder of the run."""
    n: Annotated[int, arg(name="n", aliases=("-n",))] = 1000
    """How many."""
    condition: Pairs = ()
    """A class or continuous value to ask for, in recipes with conditions; may be repeated."""
    seed: int = 0
    """The same seed gives the same samples."""
    out: Text = None
    """File: .npy .npz .csv .h5 .parquet, or .png for images. Default: RUN/samples/n-N-seed-S.npy."""

    def __call__(self) -> dict[str, Any]:
        import hashlib

        from allmodes.data.write import check_suffix, write_samples
        from allmodes.training.run import load

        run = load(self.run)
        out = Path(self.out or run.folder / "samples" / f"n-{self.n}-seed-{self.seed}.npy")
        check_suffix(out)
        condition = _pairs("--condition", self.condition)
        begun = time.perf_counter()
        x = run.sample(self.n, condition or None, self.seed)
        seconds = time.perf_counter() - begun
        write_samples(out, x, run.event, run.event.condition(self.n, condition) if condition else None)
        if not self.json:
            _say(f"{self.n} samples of shape {list(run.event.shape)} in {out}")
        sha256 = hashlib.sha256(out.read_bytes()).hexdigest()
        return {"out": str(out), "n": self.n, "seconds": round(seconds, 3), "sha256": sha256}


@dataclass
class Study(DataFlags):
    """Train many seeds of one recipe at once and show the distribution of what comes out."""

    recipe: str = "r3gan"
    """What to train and how (see: allmodes recipes)."""
    seeds: int = 32
    """How many."""
    steps: Whole = None
    """Training steps, instead of the recipe's number."""
    set: Pairs = ()
    """A setting of the recipe; may be repeated."""
    device: Text = None
    """cpu or cuda. Default: a GPU if there is one."""

    def __call__(self) -> dict[str, Any]:
        from allmodes.tables import study_table
        from allmodes.training.study import study

        with _progress(f"{self.seeds} seeds") as advance:
            found = study(
                self.recipe,
                "ring" if self.data is None else self.load(),
                seeds=self.seeds,
                steps=self.steps,
                settings=_pairs("--set", self.set),
                device=self.device,
                report=lambda done, total: advance(done, total, ""),
                note=_warn,
            )
        if not self.json:
            _say(study_table([found]))
        return found.to_dict()


@dataclass
class Recipes(Common):
    """List the recipes: what there is to train, each with its paper."""

    def __call__(self) -> list[dict[str, Any]]:
        from allmodes.recipes import recipes
        from allmodes.tables import table

        keys = ("name", "year", "paper", "family", "summary")
        rows = [{key: getattr(entry, key) for key in keys} for entry in recipes().values()]
        if not self.json:
            shown = [row | {"paper": row["paper"].replace("https://arxiv.org/abs/", "arXiv:")} for row in rows]
            _say(table(shown, ("name", "year", "paper", "summary")))
            for entry in recipes().values():
                _say(f"{entry.name} --set " + " ".join(f"{k}={v}" for k, v in entry.settings.items()))
        return rows


@dataclass
class Datasets(Common):
    """List the data that come with the package."""

    def __call__(self) -> list[dict[str, Any]]:
        from allmodes.data.builtin import datasets
        from allmodes.tables import table

        rows = datasets()
        if not self.json:
            shown = [row | {"shape": " x ".join(map(str, row["shape"]))} for row in rows]
            _say(table(shown, ("name", "shape", "n", "summary")))
        return rows


COMMANDS: dict[str, type[Common]] = {
    "train": Train,
    "sample": Sample,
    "study": Study,
    "recipes": Recipes,
    "datasets": Datasets,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit with its status."""
    argv = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in argv
    try:
        if argv == ["--version"]:
            from importlib.metadata import version

            print(f"allmodes {version('allmodes')}")
            return
        command = _parse(argv)
        with contextlib.redirect_stdout(sys.stdout if os.environ.get("RANK", "0") == "0" else io.StringIO()):
            result = command()
            if command.json:
                print(json.dumps(result))
    except UserError as error:
        _fail(str(error), 2, debug)
    except KeyboardInterrupt:
        _fail("interrupted", 130, debug)
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:
        if (signal := getattr(error, "signal", None)) is not None:
            _fail(str(error), 128 + signal, debug)
        _fail(f"{type(error).__name__}: {_joined(str(error))} (a fault of allmodes; --debug shows where)", 1, debug)


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
            raise UserError(_one_line(complaint.getvalue())) from None
        raise


def _one_line(box: str) -> str:
    """What a framed complaint says first, and the flag that it suggests."""
    lines = [" ".join(line.strip("│╭╮╰╯ ").split()) for line in box.splitlines()[1:-1]]
    said = " ".join(itertools.takewhile(lambda line: set(line) != {"─"}, lines))
    if "Perhaps you meant:" in lines:
        said += f"; did you mean {lines[lines.index('Perhaps you meant:') + 1].split()[0]}?"
    elif "Available subcommands" in box:
        said += f"; the commands are {', '.join(COMMANDS)}"
    return f"{said.removeprefix('Error parsing ').rstrip('.')}; --help lists what there is"


def _fail(message: str, status: int, debug: bool) -> None:
    if debug:
        import traceback

        traceback.print_exc()
    print(f"allmodes: {message}", file=sys.stderr)
    sys.exit(status)


def _joined(text: str) -> str:
    return " ".join(text.split())


def _warn(line: str) -> None:
    print(f"allmodes: warning: {line}", file=sys.stderr)


def _pairs(flag: str, words: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE words as a mapping."""
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals and value):
            raise UserError(f"{flag} {word}: write {flag} NAME=VALUE")
        pairs[name] = value
    return pairs


def _say(what: Any) -> None:
    from rich.console import Console

    Console(highlight=False, markup=False, soft_wrap=isinstance(what, str)).print(what)


@contextlib.contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """A bar on a terminal's standard error; a line each tenth of the way anywhere else."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        tenths: set[int] = set()

        def line(done: int, total: int, text: str) -> None:
            if (tenth := 10 * done // total) not in tenths:
                tenths.add(tenth)
                print(f"{what}: {done} of {total} steps  {text}".rstrip(), file=sys.stderr, flush=True)

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


if __name__ == "__main__":
    main()
