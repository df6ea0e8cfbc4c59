"""What the benchmarks share: where a table was measured, Markdown, and timing in alternating rounds."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch


def arguments(script_docstring: str | None) -> argparse.ArgumentParser:
    """A parser with the flag that every benchmark takes."""
    parser = argparse.ArgumentParser(
        description=script_docstring, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--out", type=Path, help="write the table to this file too")
    return parser


def processor() -> str:
    """The processor's model, as the operating system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    said = dict(map(str.strip, line.split(":", 1)) for line in reversed(lines) if ":" in line)
    return f"{said['model name']}, family {said['cpu family']}" if "cpu family" in said else platform.machine()


def surroundings(threads: str) -> str:
    """When, on what and with what a table was measured."""
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    cpu = f"{processor()} ({torch.backends.cpu.get_cpu_capability()}), {os.cpu_count()} cores"
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC on {cpu}{gpu}; torch {torch.__version__}; threads: {threads}."
    )


def markdown(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows under the names of their keys; numbers to the right."""
    keys = list(rows[0])
    rule = [":--" if key == keys[0] else "--:" for key in keys]
    lines = [keys, rule, *([row.get(key, "") for key in keys] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def publish(out: Path | None, title: str, where: str, *parts: str) -> None:
    """Print a table with its title, and write it where the flag says."""
    text = "\n\n".join((f"# {title}", where, *parts)) + "\n"
    print(text)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """The raw figures of a table, beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=1) + "\n")


def environment(threads: int) -> dict[str, str]:
    """This process's environment for a child whose libraries have so many threads."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return os.environ | dict.fromkeys(names, str(threads))


def say(line: str) -> None:
    """A line on standard error: the benchmark is alive."""
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", file=sys.stderr, flush=True)


def rounds(work: Mapping[str, Callable[[int], None]], count: int, seconds: float) -> dict[str, list[float]]:
    """Steps per second of each piece of work in each round.

    All take their turns in every round, so that a change of the machine's pace meets them alike.

    Arguments:
        work: by name, a function that does so many steps.
        count: rounds.
        seconds: that a turn lasts, about.
    """
    steps = {}
    for name, run in work.items():
        run(3)
        run(some := max(1, round(min(seconds, 1.0) * 3 / timed(run, 3) / 2)))
        steps[name] = max(1, round(seconds * some / timed(run, some)))
    paces: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(count):
        for name, run in work.items():
            paces[name].append(steps[name] / timed(run, steps[name]))
    return paces


def timed(run: Callable[[int], None], steps: int) -> float:
    """Seconds that the steps take, to the end of what a GPU does for them."""
    begun = time.perf_counter()
    run(steps)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - begun


def ratio(fast: Sequence[float], slow: Sequence[float]) -> str:
    """Median, smallest and largest of the ratios of the rounds."""
    ratios = [a / b for a, b in zip(fast, slow, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def data_folder(name: str) -> Path:
    """The folder of a data set that is brought along, in the one that ALLMODES_DATA names."""
    root = os.environ.get("ALLMODES_DATA")
    if not root or not (found := Path(root) / name).is_dir():
        raise SystemExit(f"set ALLMODES_DATA to the folder that holds {name}/ with its idx files")
    return found
