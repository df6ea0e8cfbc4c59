"""`allmodes features`: in what an audit can compare examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allmodes.cli.flags import Common
from allmodes.cli.terminal import say

OWN = (
    {
        "name": "module:function",
        "default": "",
        "summary": "your function of examples [n, *shape] that returns [n, d], or your torch module",
    },
    {"name": "inception:FILE", "default": "", "summary": "Inception v3 with the weights in a file of yours"},
)


@dataclass
class Features(Common):
    """List the features in which an audit compares examples.

    They decide more than the tests do.
    """

    def __call__(self) -> list[dict[str, Any]]:
        from allmodes.audit.features import FEATURES
        from allmodes.tables import table

        rows = [{"name": name, "default": kind.default, "summary": kind.summary} for name, kind in FEATURES.items()]
        rows += OWN
        if not self.json:
            shown = [row | {"default for": row["default"]} for row in rows]
            say(table(shown, ("name", "default for", "summary")))
        return rows
