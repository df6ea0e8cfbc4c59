"""Mode collapse on eight Gaussians, over time: four games, the same data.

python docs/gallery/collapse.py [--quick]
"""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from showing import DATA, MADE, arguments, plain, save, stops, trainer_of

from allmodes.data.dataset import load_data
from allmodes.figures import frame, mark_missed
from allmodes.random import Rng

RECIPES = {
    "gan2014-minimax": "minimax",
    "gan2014": "non-saturating",
    "wgan-gp": "Wasserstein,\ngradient penalty",
    "r3gan": "the default",
}
TIMES = (100, 500, 2_000, 5_000)
SEED = 1


def main() -> None:
    asked = arguments(__doc__)
    times = (1, 2, 3, 4) if asked.quick else TIMES
    data = load_data("ring")
    assert data.modes is not None
    figure = Figure(figsize=(10.5, 10.2), layout="constrained")
    panels = figure.subplots(len(RECIPES), len(times) + 1, sharex=True, sharey=True)
    for row, (recipe, name) in zip(panels, RECIPES.items(), strict=True):
        real = data.part("test").x[:1000]
        row[0].scatter(*real.T, s=2, color=DATA, linewidths=0)
        plain(row[0], "data" if recipe == "gan2014-minimax" else "").set_ylabel(name, fontsize=11)
        trainer = trainer_of(recipe, data, times[-1], seed=SEED, device=asked.device)
        for axes, step in zip(row[1:], stops(trainer, times), strict=True):
            samples = trainer.sample(2500, Rng(0, torch.device(asked.device))).cpu()
            report = data.modes.examine(samples)
            axes.scatter(*samples[:1000].T, s=2, color=MADE, linewidths=0)
            mark_missed(axes, samples, data.modes)
            frame(axes, data.modes.centres)
            plain(axes, f"{step:,} steps: {report.captured} of 8\n{100 * report.high_quality:.0f} % high quality")
            print(f"{recipe} {step}: {report}")
    for axes in panels.flat:
        axes.set(aspect="equal", xticks=[], yticks=[])
    save(figure, asked.out, "collapse")


if __name__ == "__main__":
    main()
