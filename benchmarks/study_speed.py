"""What `study` gains by training many seeds at once: 32 seeds stacked against 32 trainings of one seed.

    python benchmarks/study_speed.py [--seeds 32] [--steps 300] [--rounds 3] [--out benchmarks/results/study_speed.md]

Only steps are timed: not loading, not the examination of samples. A few seeds are trained alone, through the same
`study` and `Trainer`, before and after each study; their median stands for each of the 32.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any

import torch
from common import arguments, markdown, publish, ratio, say, surroundings

from allmodes.data.dataset import load_data
from allmodes.recipes import build
from allmodes.training.hardware import threads_for
from allmodes.training.study import study


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    recipe: str
    data: str
    settings: dict[str, Any]

    def __str__(self) -> str:
        return " ".join([self.recipe, "on", self.data, *(f"{k}={v}" for k, v in self.settings.items())])


CASES = (
    Case("r3gan", "ring", {}),
    Case("gan2014", "ring", {"width": 32, "batch": 64}),
    Case("gan2014", "ring", {"width": 64, "batch": 64}),
    Case("gan2014", "ring", {}),
)


def milliseconds(case: Case, seeds: int, first: int, steps: int) -> float:
    """Of one step of one seed when so many are trained together."""
    marks: list[tuple[int, float]] = []
    study(
        case.recipe,
        case.data,
        seeds=seeds,
        first=first,
        steps=steps,
        settings=case.settings,
        report=lambda done, total: marks.append((done, time.perf_counter())),
    )
    # The first report comes after 20 steps, which warm up.
    (done, begun), (all_done, ended) = marks[0], marks[-1]
    return 1000 * (ended - begun) / (all_done - done)


def row(case: Case, seeds: int, steps: int, count: int) -> dict[str, str]:
    alone, together = [], []
    for turn in range(count):
        alone.append(milliseconds(case, 1, turn, steps))
        together.append(milliseconds(case, seeds, 0, steps))
        say(f"{case}: {alone[-1]:.2f} ms a step alone, {together[-1]:.3f} ms a step and seed in a study")
    single, stacked = statistics.median(alone), statistics.median(together)
    made = build(case.recipe, load_data(case.data).event, case.settings)
    return {
        "case": str(case),
        "weights a seed": f"{sum(p.numel() for p in made.model.parameters()):,}",
        "threads": str(threads_for(made.model)),
        "one seed alone, ms a step": f"{single:.2f}",
        f"{seeds} alone, ms": f"{seeds * single:.1f}",
        f"study of {seeds}, ms a step": f"{seeds * stacked:.1f}",
        "gain (range)": ratio(alone, together),
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=32)
    parser.add_argument("--steps", type=int, default=300, help="of each training; at least 40")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    rows = [row(case, asked.seeds, max(40, asked.steps), asked.rounds) for case in CASES]
    publish(
        asked.out,
        "A study against as many single trainings",
        surroundings(f"as the package chooses, of {torch.get_num_threads()}"),
        f"Medians of {asked.rounds} rounds of {asked.steps} steps. In each round one seed was trained alone, its time "
        f"multiplied by {asked.seeds}, and then {asked.seeds} seeds by one study.",
        markdown(rows),
    )


if __name__ == "__main__":
    main()
