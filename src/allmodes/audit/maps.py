"""A fitted map from examples to features, and what one is fitted to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from allmodes.data.chunks import chunks
from allmodes.errors import UserError
from allmodes.event import Event

Map = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Task:
    """What features are fitted to.

    Arguments:
        event: what one example is.
        x: examples that are used for nothing else, [n, *shape], in the user's units.
        labels: index of the class, [n] integers; None where there are none.
        seed: of all draws.
        device: where networks run.
    """

    event: Event
    x: np.ndarray
    labels: np.ndarray | None = None
    seed: int = 0
    device: torch.device | str = "cpu"


@dataclass(frozen=True)
class Features:
    """A fitted map from examples to rows of features, [n, *shape] -> [n, d] float32.

    Arguments:
        name: as it is asked for.
        summary: what it is and how it was fitted, for the report.
        function: maps a chunk of examples.
        figures: what is known of it, such as a classifier's accuracy; plain values for JSON.
    """

    name: str
    summary: str
    function: Map
    figures: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Features of examples, a chunk at a time.

        Raises:
            UserError: where the map raises, or gives another number of rows, another width or NaN.
        """
        rows: np.ndarray | None = None
        for start, part in chunks(x):
            found = self._rows(part, start)
            if rows is None:
                rows = np.empty((len(x), found.shape[1]), np.float32)
            if found.shape[1] != rows.shape[1]:
                raise UserError(
                    f"features {self.name} gave {rows.shape[1]} numbers for some examples and {found.shape[1]} for "
                    f"others, from row {start}; give every example equally many"
                )
            rows[start : start + len(part)] = found
        return np.empty((0, 0), np.float32) if rows is None else rows

    def _rows(self, part: np.ndarray, start: int) -> np.ndarray:
        found = self.function(part)
        if found.ndim != 2 or len(found) != len(part) or not found.shape[1]:
            raise UserError(
                f"features {self.name} gave shape {tuple(found.shape)} for {len(part)} examples; "
                f"return one row each, [{len(part)}, d]"
            )
        found = found.astype(np.float32, copy=False)
        bad = ~np.isfinite(found).all(1)
        if bad.any():
            raise UserError(
                f"features {self.name} are NaN or infinite for {int(bad.sum())} of {len(part)} examples, "
                f"the first is row {start + int(bad.argmax())}"
            )
        return found
