"""`allmodes study`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allmodes.cli.flags import Count, DataFlags, Pairs, Text, Whole, Word, pairs
from allmodes.cli.terminal import progress, say, warn


@dataclass
class Study(DataFlags):
    """Train many seeds of a recipe at once; show the distribution of outcomes."""

    recipe: Word = "r3gan"
    """What to train and how (see: allmodes recipes), or FILE.py:FUNCTION. Default: r3gan."""
    seeds: Count = 32
    """How many seeds to train. Default: 32."""
    steps: Whole = None
    """Training steps, instead of the recipe's number."""
    set: Pairs = ()
    """A setting of the recipe (see: allmodes recipes NAME); may be repeated."""
    device: Text = None
    """Where to compute: cpu or cuda. Default: a GPU if there is one."""

    def __call__(self) -> dict[str, Any]:
        from allmodes.tables import study_table
        from allmodes.training.study import study

        data = self.load()
        with progress(f"{self.seeds} seeds") as advance:
            found = study(
                self.recipe,
                data if data is not None else "ring",
                seeds=self.seeds,
                steps=self.steps,
                settings=pairs("--set", self.set),
                device=self.device,
                report=lambda done, total: advance(done, total, ""),
                note=warn,
            )
        if not self.json:
            say(study_table([found]))
        return found.to_dict()
