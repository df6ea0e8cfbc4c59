"""Samples of the first GAN, and beside each the training example that is nearest to it: are they copies?

python docs/gallery/neighbours.py [--quick]
"""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from showing import arguments, pictures, save, stops, strips, trainer_of

from allmodes.random import Rng

SHOWN = 12


def main() -> None:
    asked = arguments(__doc__)
    data = pictures()
    trainer = trainer_of(
        "gan2014", data, 30 if asked.quick else 10_000, device=asked.device, rate=2e-4, width=512, batch=128
    )
    list(stops(trainer, ()))
    samples = trainer.sample(1000, Rng(0, trainer.device)).cpu()
    train = data.part("train").x
    flat = train.flatten(1).float()

    def nearest(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        apart = torch.cdist(x.flatten(1).float(), flat)
        return apart.min(1).values, train[apart.argmin(1)]

    made, beside = nearest(samples)
    held, _ = nearest(data.part("test").x[:1000])
    figure = Figure(figsize=(10.5, 2.6), layout="constrained")
    axes = figure.subplots()
    strips(
        axes,
        torch.stack([samples[:SHOWN], beside[:SHOWN]]),
        "samples of the GAN of 2014 (above) and the training example nearest to each (below); median distance "
        f"{made.median():.0f},\nfrom held-out digits to their nearest training example {held.median():.0f}: "
        f"{'farther' if made.median() > held.median() else 'nearer'} than real ones",
    )
    save(figure, asked.out, "neighbours")
    print(
        f"median and smallest distance: samples {made.median():.1f}, {made.min():.1f}; held-out {held.median():.1f}, "
        f"{held.min():.1f}"
    )


if __name__ == "__main__":
    main()
