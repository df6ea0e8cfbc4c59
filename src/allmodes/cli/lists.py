"""`allmodes recipes` and `allmodes datasets`: what there is."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from allmodes.cli.flags import Common
from allmodes.cli.terminal import columns, say

if TYPE_CHECKING:
    from allmodes.recipes import Entry

KEYS = ("name", "year", "paper", "family", "summary")


@dataclass
class Recipes(Common):
    """List the recipes: what there is to train, each with its paper."""

    name: Annotated[Positional[str | None], arg(metavar="[NAME]", help_behavior_hint="")] = None
    """Tell all of this recipe, also what can be set with --set; FILE.py:FUNCTION is a recipe of yours."""

    def __call__(self) -> list[dict[str, Any]]:
        from allmodes.recipes import entry, recipes

        if self.name is not None:
            one = entry(self.name)
            if not self.json:
                _tell(one)
            return [_row(one) | {"settings": one.settings}]
        entries = list(recipes().values())
        if not self.json:
            _list(entries)
        return [_row(one) for one in entries]


def _row(entry: Entry) -> dict[str, Any]:
    return {key: getattr(entry, key) for key in KEYS}


def _list(entries: Sequence[Entry]) -> None:
    """A block a leaf of the tree of generative models, the GANs first, and in it the default."""
    from allmodes.comparison.pictures import LEAVES
    from allmodes.tables import table
    from allmodes.training.train import DEFAULT_RECIPE

    *others, gans = LEAVES.items()
    for leaf, families in (gans, *others):
        inside = [entry for entry in entries if entry.family in families]
        rows = [
            {
                "name": f"{entry.name} (default)" if entry.name == DEFAULT_RECIPE else entry.name,
                "year": entry.year,
                "what": f"{entry.summary}\n{entry.paper}",
            }
            for entry in sorted(inside, key=lambda entry: entry.name != DEFAULT_RECIPE)
        ]
        block = table(rows, ("name", "year", "what"))
        block.show_header = False
        block.columns[0].min_width = max(len(entry.name) for entry in entries)
        say(f"{' '.join(leaf.split())} ({', '.join(families)})")
        say(block)
        say("")
    say("allmodes recipes NAME tells all of one, also its settings.")


def _tell(entry: Entry) -> None:
    say(f"{entry.name} ({entry.year}), {entry.paper}\n")
    for line in _lines(inspect.getdoc(entry.function) or ""):
        say(textwrap.fill(line, columns(), subsequent_indent="        " if line.startswith(" ") else ""))
    say("")
    for name, value in entry.settings.items():
        say(f"--set {name}=" + ("...  (chosen by the data, or off, unless it is set)" if value is None else str(value)))


def _lines(docstring: str) -> list[str]:
    """A line a paragraph, and one for each argument, whose description goes on eight spaces from the left."""
    return re.sub(r"(?<=\S)\n(?=\S)|\n {8}", " ", docstring).splitlines()


@dataclass
class Datasets(Common):
    """List the data that come with the package."""

    def __call__(self) -> list[dict[str, Any]]:
        from allmodes.data.builtin import datasets
        from allmodes.tables import table

        rows = datasets()
        if not self.json:
            shown = [row | {"shape": " x ".join(map(str, row["shape"]))} for row in rows]
            say(table(shown, ("name", "shape", "n", "summary")))
        return rows
