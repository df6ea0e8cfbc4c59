"""`allmodes recipes` and `allmodes datasets`: what there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allmodes.cli.flags import Common
from allmodes.cli.terminal import say


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
            say(table(shown, ("name", "year", "paper", "summary")))
            for entry in recipes().values():
                say(f"{entry.name} --set {_settings(entry.settings)}")
            say("Settings in brackets are chosen by the data, or off, unless they are set.")
        return rows


def _settings(defaults: Mapping[str, Any]) -> str:
    """Those with a default as they are typed, then the names of the others."""
    known = " ".join(f"{name}={value}" for name, value in defaults.items() if value is not None)
    others = ", ".join(name for name, value in defaults.items() if value is None)
    return f"{known} (also: {others})" if others else known


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
