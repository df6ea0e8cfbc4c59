"""`allmodes compare`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from tyro.conf import Positional, arg

from allmodes.cli.flags import Count, DataFlags, Number, Text, Word
from allmodes.cli.terminal import columns, progress, say, warn


@dataclass
class Compare(DataFlags):
    """Put runs beside each other, or recipes that are trained for the same time."""

    runs: Annotated[Positional[tuple[str, ...]], arg(metavar="[RUN ...]", help_behavior_hint="")] = ()
    """Folders of runs on the same data."""
    recipes: Text = None
    """Recipes to train instead of runs: names with commas between them, or all."""
    budget: Number = None
    """Minutes of training for each recipe."""
    seed: Count = 0
    """The seed of the trainings. Default: 0."""
    out: Word = "comparison"
    """Folder of the pictures, and of the recipes' runs; a run that is there already is used, whatever the budget.
    Default: comparison."""
    device: Text = None
    """Where to compute: cpu or cuda. Default: a GPU if there is one."""

    def __call__(self) -> dict[str, Any]:
        from allmodes.atomic import require_folder
        from allmodes.comparison import compare
        from allmodes.comparison.pictures import save_pictures
        from allmodes.comparison.table import WIDE, comparison_table, explained, findings, verdicts

        out = require_folder(self.out)
        with progress("compare") as advance:
            found = compare(
                *self.runs,
                data=self.load(),
                recipes=self.recipes,
                budget=self.budget,
                out=out,
                seed=self.seed,
                device=self.device,
                report=advance,
                note=warn,
            )
        pictures = save_pictures(out, found)
        if not self.json:
            width = columns()
            shown = comparison_table(found, width)
            say(shown)
            for line in (*(findings(found) if width < WIDE else ()), explained(shown), *verdicts(found)):
                say(line)
            say("pictures: " + ", ".join(map(str, pictures)))
        return found.to_dict()
