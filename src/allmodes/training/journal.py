"""The journal of a run, metrics.jsonl: a line of JSON for each look at a training."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from allmodes.atomic import explained, read_file, write_whole
from allmodes.errors import MALFORMED, UserError
from allmodes.plain import fits, plain

LINE = {"step": int, "seconds": float, "reason": str, "verdict": str}
"""Of a line of metrics.jsonl; what else is in it is a number, or null."""


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The whole lines of metrics.jsonl; a last one that a crash cut short is left out.

    Raises:
        UserError: where it holds what was never written there.
    """
    path = folder / "metrics.jsonl"
    try:
        return list(_whole_lines(read_file(path).decode().splitlines() if path.exists() else []))
    except (OSError, *MALFORMED) as error:
        raise UserError(f"{path} cannot be read ({error}); restore it from a copy, or remove what is wrong") from None


def _whole_lines(lines: list[str]) -> Iterator[dict[str, Any]]:
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
        except ValueError:
            return
        if not fits(line, {"step": int}) or not fits(line, {key: LINE.get(key, float | None) for key in line}):
            raise ValueError(f"line {number} is {text[:80]}")
        yield line


class Journal:
    """Appends to metrics.jsonl; on a resumed run, after the lines up to its checkpoint's step."""

    def __init__(self, folder: Path, step: int) -> None:
        kept = [line for line in read_metrics(folder) if line["step"] <= step]
        text = "".join(json.dumps(line) + "\n" for line in kept).encode()
        self.path = folder / "metrics.jsonl"
        write_whole(self.path, lambda file: file.write(text))

    def write(self, line: dict[str, Any]) -> None:
        """Add one line."""
        with explained(self.path), self.path.open("a") as file:
            file.write(json.dumps(plain(line), allow_nan=False) + "\n")

    def flush(self) -> None:
        """See to it that all lines are on the disk."""
        with explained(self.path), self.path.open("a") as file:
            os.fsync(file.fileno())
