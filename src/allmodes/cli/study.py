"""`allmodes study`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allmodes.cli.flags import DataFlags, Pairs, Text, Whole, pairs
from allmodes.cli.terminal import progress, say, warn


@dataclass
class Study(DataFlags):
    """Train many seeds of one recipe at once and show the distribution of what comes out."""

    recipe: str = "r3gan"
    """What to train and how (see: allmodes recipes), or FILE.py:FUNCTION."""
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
