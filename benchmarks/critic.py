"""What a Wasserstein critic says against how far the samples are: rank correlation over a training.

    python benchmarks/critic.py [--data ring] [--recipes wgan-gp,wgan] [--seeds 5] [--steps N] [--set weight=10]
                                [--device cpu] [--quick]
                                [--out benchmarks/results/critic.md]

At 25 times of a training, from a twentieth of it on (before, the critic knows nothing yet), the critic's estimate (its
mean over the steps since the last one) is put beside the distance of 2000 samples from 2000 held-out examples: the
Wasserstein-1 distance, by an optimal assignment of one to the other. Spearman's rank correlation over the times, for
each seed.
"""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
import torch
from common import arguments, markdown, publish, say, surroundings, write_json

from allmodes.data.batches import Batches
from allmodes.data.dataset import Dataset, load_data
from allmodes.device import device_named
from allmodes.random import Rng
from allmodes.recipes import build
from allmodes.training.trainer import Trainer

TIMES, FIRST = 25, 0.05
POINTS = 2000


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    """Wasserstein-1 between equally many points."""
    from scipy.optimize import linear_sum_assignment

    cost = torch.cdist(a.double().flatten(1), b.double().flatten(1)).numpy()
    return float(cost[linear_sum_assignment(cost)].mean())


def training(
    recipe: str,
    data: Dataset,
    settings: dict[str, str],
    steps: int | None,
    seed: int,
    device: torch.device,
    points: int,
) -> list[dict[str, float]]:
    """Step, estimate and distance at each of the times."""
    made = build(recipe, data.event, settings, steps=steps, seed=seed)
    made.model.fit(data.to_fit())
    made.model.to(device)
    trainer = Trainer(made, Batches(data, made.batch, seed, device=device), Rng(seed, device))
    times = {round(made.steps * FIRST ** (1 - i / (TIMES - 1))) for i in range(TIMES)}
    held_out = torch.cat([data.part("validation").x, data.part("test").x])
    n = min(points, len(held_out))
    rows = []
    for step in trainer:
        if step in times:
            samples = trainer.sample(n, Rng(1, device)).cpu()
            rows.append(
                {
                    "step": step,
                    "estimate": trainer.fetch()["wasserstein_estimate"],
                    "distance": distance(samples, held_out[:n]),
                }
            )
    return rows


def main() -> None:
    from scipy.stats import spearmanr

    parser = arguments(__doc__)
    parser.add_argument("--data", default="ring")
    parser.add_argument("--recipes", default="wgan-gp,wgan")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--set", action="append", default=[], help="NAME=VALUE, a setting of the recipes; may be repeated"
    )
    parser.add_argument("--steps", type=int, help="instead of each recipe's own number")
    parser.add_argument("--device", help="cpu or cuda; a GPU if there is one")
    parser.add_argument("--quick", action="store_true", help="one seed of 300 steps, 500 samples")
    asked = parser.parse_args()
    if asked.quick:
        asked.seeds, asked.steps = 1, asked.steps or 300
    settings = dict(pair.split("=", 1) for pair in asked.set)
    points = 500 if asked.quick else POINTS
    data, device = load_data(asked.data), device_named(asked.device)
    where = surroundings(f"{torch.get_num_threads()}")
    rows: list[dict[str, str]] = []
    raw: list[dict[str, Any]] = []
    for recipe in asked.recipes.split(","):
        runs = [training(recipe, data, settings, asked.steps, seed, device, points) for seed in range(asked.seeds)]
        correlations = [
            float(spearmanr([row["estimate"] for row in run], [row["distance"] for row in run])[0]) for run in runs
        ]
        ends = [np.mean([run[i]["distance"] for run in runs]) for i in (0, -1)]
        rows.append(
            {
                "recipe": recipe,
                "rank correlation": f"{statistics.median(correlations):.3f} (smallest {min(correlations):.3f})",
                "first distance": f"{ends[0]:.3f}",
                "last distance": f"{ends[1]:.3f}",
            }
        )
        raw.append({"recipe": recipe, "correlations": correlations, "runs": runs})
        say(markdown([rows[-1]]))
        if asked.out:
            write_json(asked.out.with_suffix(".json"), {"where": where, "recipes": raw})
    publish(
        asked.out,
        "What a critic says against how far the samples are",
        where,
        f"{asked.data}, {asked.seeds} seeds, {TIMES} times of each training; Wasserstein-1 distance of samples from "
        "held-out examples in the user's units; median over the seeds.",
        markdown(rows),
    )


if __name__ == "__main__":
    main()
