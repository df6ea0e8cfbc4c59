"""What an audit examines: training, held-out and generated examples as the user has them, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from allmodes.audit.enough import FEWEST
from allmodes.data.modes import Modes
from allmodes.event import Condition, Event
from allmodes.score import Score


@dataclass(frozen=True, eq=False)
class Examples:
    """One of the three sets, in the user's units.

    Arguments:
        x: [n, *shape].
        rows: index of each in the user's file, int64, [n].
        labels: index of the class, int64, [n]; None where there are none.
        values: continuous conditions, float32, [n, k]; None where there are none.
    """

    x: np.ndarray
    rows: np.ndarray
    labels: np.ndarray | None = None
    values: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: np.ndarray) -> Examples:
        return Examples(
            self.x[index],
            self.rows[index],
            None if self.labels is None else self.labels[index],
            None if self.values is None else self.values[index],
        )

    @property
    def condition(self) -> Condition | None:
        """Labels and values, None where there are neither."""
        if self.labels is None and self.values is None:
            return None
        return Condition(*(None if part is None else torch.tensor(part) for part in (self.labels, self.values)))


Scorer = Callable[[np.ndarray, Condition | None], Score]


@dataclass(frozen=True, eq=False)
class Subject:
    """Three sets that have been found comparable.

    Arguments:
        event: what one example is.
        train: what the generator was trained on, or a part of the real data that is used for nothing else.
        real: held-out examples.
        fake: generated ones.
        trained: whether `train` is what the generator was trained on; copies can only be looked for if it is.
        modes: the true modes, where they are known.
        scorer: the model's density of examples, where it may have one.
        asked: whether the generator was asked for the conditions of `fake` (else they describe what it made).
        sources: what each set is and its digest, for the report.
        title: what was generated, and what it is held against, in a line.
        notes: what a reader must know of the data, a line each.
    """

    event: Event
    train: Examples
    real: Examples
    fake: Examples
    trained: bool
    modes: Modes | None = None
    scorer: Scorer | None = None
    asked: bool = False
    sources: dict[str, dict[str, str]] = field(default_factory=dict)
    title: str = ""
    notes: tuple[str, ...] = ()

    @property
    def enough(self) -> bool:
        """Whether there are enough examples to say anything."""
        return min(len(self.real), len(self.fake), len(self.train)) >= FEWEST
