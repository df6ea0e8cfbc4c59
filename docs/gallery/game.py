"""The game in one dimension: the density of the data, that of the samples, and D(x), over time.

python docs/gallery/game.py [--quick]
"""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure
from showing import DATA, MADE, OTHER, arguments, plain, save, stops, trainer_of

from allmodes.data.dataset import load_data
from allmodes.models.gan import GAN

TIMES = (0, 30, 100, 300, 1_000, 5_000)


def main() -> None:
    asked = arguments(__doc__)
    times = (0, 2, 4, 6, 8, 10) if asked.quick else TIMES
    data = load_data("mixture1d")
    assert data.modes is not None
    trainer = trainer_of("gan2014", data, times[-1], device=asked.device)
    model = trainer.model
    assert isinstance(model, GAN)
    x = torch.linspace(-7, 7, 400, dtype=torch.float64)
    normal = torch.distributions.Normal(data.modes.centres[:, 0], data.modes.sigma)
    density = (data.modes.shares * normal.log_prob(x[:, None]).exp()).sum(1).numpy()
    edges = np.linspace(-7, 7, 141)

    figure = Figure(figsize=(10.5, 5.2), layout="constrained")
    panels = np.ravel(figure.subplots(2, 3, sharex=True, sharey=True))
    for axes, step in zip(panels, stops(trainer, times), strict=True):
        samples = model.sample(50_000).flatten().cpu().numpy()
        made = np.histogram(samples, edges)[0] / len(samples) / np.diff(edges)
        with torch.no_grad():
            told = model.transform(x[:, None].float().to(trainer.device))
            judged = torch.sigmoid(model.discriminator(told)[..., 0]).cpu().numpy()
        at = np.interp(x.numpy(), (edges[1:] + edges[:-1]) / 2, made)
        best = density / np.maximum(density + at, 1e-9)
        plain(axes, f"after {step:,} steps")
        axes.fill_between(x, density, color=DATA, alpha=0.3, linewidth=0, label=r"$p_{data}$")
        axes.stairs(np.minimum(made, 1.05), edges, color=MADE, label=r"$p_g$")
        axes.plot(x, judged, color=OTHER, label=r"$D(x)$")
        known = density + at > 1e-3
        axes.plot(
            x[known], best[known], ".", markersize=1.5, color=OTHER, alpha=0.5, label=r"$p_{data}/(p_{data}+p_g)$"
        )
        axes.axhline(0.5, color=DATA, linewidth=0.4)
        axes.set(ylim=(0, 1.05))
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, fontsize=11, frameon=False)
    save(figure, asked.out, "game")


if __name__ == "__main__":
    main()
