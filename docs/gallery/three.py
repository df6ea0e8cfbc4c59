"""A conditional, a constrained and a Wasserstein GAN.

    python docs/gallery/three.py [--quick]

Conditional: classes of pictures. Constrained: showers of particles in twelve layers, whose numbers are to sum to the
energy that is asked for. Wasserstein: a spiral, and the critic's estimate beside a distance of the samples.
"""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure
from scipy import stats
from showing import DATA, MADE, OTHER, THIRD, arguments, pictures, plain, save, stops, strips, trainer_of

from allmodes.audit.distances import sliced_wasserstein
from allmodes.data.dataset import Dataset, load_data
from allmodes.event import Condition
from allmodes.random import Rng

LAYERS = 12
ENERGIES = (2.0, 10.0, 50.0)


def showers(n: int = 20_000) -> Dataset:
    """Energy in each layer: a gamma profile whose depth grows with the logarithm of the energy, and fluctuates."""
    rng = np.random.default_rng(0)
    energy = 10 ** rng.uniform(0, 2, n)
    depth = np.arange(LAYERS) + 0.5
    peak = 3.0 + np.log(energy)[:, None] * 0.6 + 0.4 * rng.standard_normal((n, 1))
    shape = stats.gamma.pdf(depth, peak)
    parts = rng.gamma(60 * shape / shape.sum(1, keepdims=True) + 0.3)
    return load_data(energy[:, None] * parts / parts.sum(1, keepdims=True), conditions={"energy": energy})


def main() -> None:
    asked = arguments(__doc__)
    steps = 20 if asked.quick else 4_000
    figure = Figure(figsize=(10.5, 6.4), layout="constrained")
    grid = figure.add_gridspec(2, 4, height_ratios=(1, 1))

    data = pictures()
    trainer = trainer_of("cgan", data, steps // 2, device=asked.device)
    list(stops(trainer, ()))
    classes = len(data.event.classes)
    wanted = Condition(torch.arange(classes).repeat_interleave(10))
    digits = trainer.sample(len(wanted), Rng(0, trainer.device), wanted).cpu()
    strips(figure.add_subplot(grid[:, 0]), digits.unflatten(0, (classes, 10)), "conditional:\na row for each class")

    data = showers()
    trainer = trainer_of("constrained", data, steps, device=asked.device, sum="energy", log="energy")
    list(stops(trainer, ()))
    profile = plain(figure.add_subplot(grid[0, 1:3]), "constrained: mean energy in each layer, for three energies")
    for energy, colour in zip(ENERGIES, (MADE, THIRD, OTHER), strict=True):
        made = trainer.sample(4000, Rng(1, trainer.device), Condition(values=torch.tensor([[energy]]))).cpu()
        assert data.values is not None
        like = data.x[(data.values[:, 0] / energy).log().abs() < 0.1]
        profile.plot(like.mean(0) / energy, color=DATA, linewidth=3, alpha=0.35)
        profile.plot(made.mean(0) / energy, color=colour, label=f"E = {energy:g}")
        off = (made.sum(1) / energy - 1).abs().max()
        print(f"energy {energy:g}: the sum is off by at most {float(off):.1e} of the energy")
    profile.set(xlabel="layer", ylabel="share of the energy")
    profile.legend(fontsize=11, frameon=False, title="grey: data", title_fontsize=11)
    known = data.part("test").condition
    residual = (
        trainer.sample(4000, Rng(2, trainer.device), known).cpu().sum(1)
        / known.values[torch.arange(4000) % len(known), 0]
    )
    spread = plain(figure.add_subplot(grid[0, 3]), "sum / requested energy - 1")
    spread.hist((residual - 1).numpy() * 1e7, 40, color=MADE)
    spread.set(xlabel=r"$10^{-7}$", yticks=[])

    data = load_data("swissroll")
    every = max(1, steps // 60)
    trainer = trainer_of("wgan-gp", data, steps, device=asked.device)
    real, rows = data.part("test").x, []
    early = made = real
    for step in trainer:
        if step % every == 0:
            made = trainer.sample(len(real), Rng(3, trainer.device)).cpu()
            distance = sliced_wasserstein(real.numpy(), made.numpy())
            rows.append((step, distance.value, trainer.fetch()["wasserstein_estimate"]))
            early = made if step == every else early
    cloud = figure.add_subplot(grid[1, 1])
    cloud.scatter(*early[:1500].T, s=2, color=OTHER, alpha=0.5, linewidths=0, label="early")
    cloud.scatter(*made[:1500].T, s=2, color=MADE, linewidths=0, label="at the end")
    plain(cloud, "Wasserstein: samples").set(aspect="equal", xticks=[], yticks=[])
    cloud.legend(fontsize=11, frameon=False, markerscale=3)
    at, apart, estimates = np.array(rows).T
    axes = plain(figure.add_subplot(grid[1, 2:]), "the critic's estimate follows the distance of the samples")
    axes.plot(at, apart, color=DATA, label="sliced Wasserstein distance of samples, held-out data")
    axes.plot(at, estimates, color=MADE, label="critic's estimate")
    axes.set(xlabel="steps", yscale="log")
    axes.legend(fontsize=11, frameon=False)
    print(f"rank correlation of the two: {stats.spearmanr(estimates, apart).statistic:.3f}")
    save(figure, asked.out, "three")


if __name__ == "__main__":
    main()
