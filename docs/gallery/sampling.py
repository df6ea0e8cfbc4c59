"""Learning to sample, beside sampling by the inverse of the distribution function.

python docs/gallery/sampling.py [--quick]
"""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure
from scipy import stats
from showing import DATA, MADE, arguments, plain, save, stops, trainer_of

from allmodes.data.dataset import load_data
from allmodes.models.gan import GAN

REACH = 3**0.5
"""The latent is uniform on [-REACH, REACH]."""


def main() -> None:
    asked = arguments(__doc__)
    data = load_data("mixture1d")
    assert data.modes is not None
    trainer = trainer_of("r3gan", data, 50 if asked.quick else 8_000, device=asked.device)
    list(stops(trainer, ()))
    model = trainer.model
    assert isinstance(model, GAN)

    def distribution(x: np.ndarray) -> np.ndarray:
        parts = zip(data.modes.shares.tolist(), data.modes.centres[:, 0].tolist(), strict=True)
        return sum(share * stats.norm.cdf(x, centre, data.modes.sigma) for share, centre in parts)

    u = np.linspace(0.0005, 0.9995, 2000)
    x = np.linspace(-6, 6, 4000)
    inverse = np.interp(u, distribution(x), x)
    z = torch.tensor((2 * u - 1) * REACH, dtype=torch.float32, device=trainer.device)[:, None]
    with trainer.average.applied(), torch.no_grad():
        learned = model.transform.inverse(model.generator(z)).flatten().cpu().numpy()
        samples = model.sample(20_000).flatten().cpu().numpy()

    figure = Figure(figsize=(10.5, 3.4), layout="constrained")
    maps, densities, quantiles = figure.subplots(1, 3)
    plain(maps, "two maps from uniform noise to x")
    maps.plot(u, inverse, color=DATA, label=r"$F^{-1}(u)$, from the known density")
    maps.plot(u, learned, color=MADE, label=r"$G(z)$, from samples alone")
    maps.set(xlabel="u, or z in units of its range", ylabel="x")
    maps.set_ylim(top=9)
    maps.legend(fontsize=11, frameon=False, loc="upper left")
    plain(densities, "what they make of 20,000 draws")
    edges = np.linspace(-6, 6, 81)
    exact = np.diff(distribution(edges)) / np.diff(edges)
    densities.stairs(exact, edges, fill=True, color=DATA, alpha=0.35, label="density of the data")
    densities.stairs(np.histogram(samples, edges, density=True)[0], edges, color=MADE, label="samples of G")
    densities.set(xlabel="x")
    densities.legend(fontsize=11, frameon=False)
    said = stats.kstest(samples, distribution)
    plain(quantiles, f"quantiles; largest gap of the distribution\nfunctions {said.statistic:.3f}")
    at = np.linspace(0.005, 0.995, 200)
    quantiles.plot(np.interp(at, distribution(x), x), np.quantile(samples, at), ".", markersize=3, color=MADE)
    quantiles.axline((0, 0), slope=1, color=DATA, linewidth=0.8)
    quantiles.set(xlabel="quantile of the data", ylabel="quantile of the samples", aspect="equal")
    save(figure, asked.out, "sampling")
    print(f"largest gap between the distribution functions: {said.statistic:.4f}")


if __name__ == "__main__":
    main()
