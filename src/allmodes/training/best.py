"""The best checkpoint of a run, by a number that examinations find."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from allmodes.errors import UserError, unknown
from allmodes.training import checkpoint
from allmodes.training.health import OF_MODES

LOW_IS_GOOD = ("missing_mass", "regions_missed", "reverse_kl", "validation.nll")
HIGH_IS_GOOD = ("modes", "high_quality")
OF_REGIONS = ("missing_mass", "regions_missed")
FOLDER = "best"


def check_name(name: str, *, modes: bool, density: bool) -> None:
    """Whether checkpoints can be chosen by that number.

    Arguments:
        modes: whether the data's true modes are known.
        density: whether the model has one.

    Raises:
        UserError: with the names that there are.
    """
    if name not in LOW_IS_GOOD + HIGH_IS_GOOD:
        raise unknown("--keep-best", name, LOW_IS_GOOD + HIGH_IS_GOOD)
    there = (OF_MODES if modes else OF_REGIONS) + (("validation.nll",) if density else ())
    if name not in there:
        raise UserError(f"--keep-best {name}: not known of these data and this recipe; give one of {', '.join(there)}")


class Best:
    """Keeps the checkpoint with the best number so far, beside the last ones.

    Where a run continues from before the one that is kept, its number counts no more, and the next examination's is
    kept in its place.

    Arguments:
        folder: the run's.
        name: of the number.
        seen: what the run's journal holds up to where it continues.
    """

    def __init__(self, folder: Path, name: str, seen: Iterable[Mapping[str, Any]]) -> None:
        self.folder, self.name = folder / FOLDER, name
        self.sign = 1.0 if name in LOW_IS_GOOD else -1.0
        lines = list(seen)
        done = max((line["step"] for line in lines), default=0)
        known = [line[name] for line in lines if line.get(name) is not None and not math.isnan(line[name])]
        self.value = (
            math.inf
            if checkpoint.newest(self.folder) > done
            else min((self.sign * value for value in known), default=math.inf)
        )

    def heed(
        self,
        numbers: Mapping[str, float],
        step: int,
        tensors: Mapping[str, dict[str, Tensor]],
        plain: dict[str, Any],
    ) -> None:
        """Save the state if no number before was better; the later of equals, for a count of modes is soon full."""
        value = self.sign * numbers.get(self.name, math.inf * self.sign)
        if value <= self.value and value < math.inf:
            self.value = value
            checkpoint.save(self.folder, step, tensors, plain, 1)
