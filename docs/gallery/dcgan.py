"""DCGAN: samples, a walk through the latent space, arithmetic on latent vectors, and features of its discriminator.

    python docs/gallery/dcgan.py [--quick]

A linear classifier names the samples, so that latent vectors of bold and of thin digits can be averaged.
"""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from showing import MADE, arguments, pictures, plain, save, stops, strips, trainer_of
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn.functional import adaptive_max_pool2d

from allmodes.data.dataset import Dataset
from allmodes.models.base import evaluating
from allmodes.models.gan import GAN
from allmodes.networks.layout import FromMaps
from allmodes.random import Rng
from allmodes.training.trainer import Trainer

LABELLED = (100, 300, 1_000, 3_000)
STEPS_OF_A_WALK = 12


class Maker:
    """Pictures from given latent vectors."""

    def __init__(self, trainer: Trainer) -> None:
        assert isinstance(trainer.model, GAN)
        self.model, self.device = trainer.model, trainer.device

    def draw(self, n: int) -> Tensor:
        return self.model.latent.draw(n, Rng(0, self.device))

    def __call__(self, z: Tensor) -> Tensor:
        with evaluating(self.model), torch.no_grad():
            y = torch.cat([self.model.generator(part) for part in z.split(1000)])
            return self.model.event.project(self.model.transform.inverse(y)).cpu()


def features(model: GAN, x: Tensor, device: torch.device) -> Tensor:
    """Every convolution's answers, each map pooled to 4 x 4 by its largest (1511.06434, section 5.1)."""
    found: list[Tensor] = []
    with evaluating(model), torch.no_grad():
        for part in x.split(1000):
            h, pooled = model.transform(part.to(device)), []
            for layer in model.discriminator.layers:
                if isinstance(layer, FromMaps):
                    break
                h = layer(h)
                if isinstance(layer, nn.LeakyReLU):
                    pooled.append(adaptive_max_pool2d(h, 4).flatten(1))
            found.append(torch.cat(pooled, 1).cpu())
    return torch.cat(found)


def accuracies(model: GAN, data: Dataset, device: torch.device, sizes: tuple[int, ...]) -> list[tuple[float, float]]:
    """Of a linear classifier on few labels: on the discriminator's features, and on pixels; test examples."""
    test, train = data.part("test"), data.part("train")
    test_x, test_y = test.x[:4000], test.condition.labels[:4000]
    inputs = [
        (features(model, train.x[: sizes[-1]], device), features(model, test_x, device)),
        (train.x[: sizes[-1]].flatten(1).float(), test_x.flatten(1).float()),
    ]
    rows = []
    for n in sizes:
        said = []
        for some, held in inputs:
            mean, scale = some[:n].mean(0), some[:n].std(0) + 1e-3
            fitted = LogisticRegression(C=0.01, max_iter=300).fit((some[:n] - mean) / scale, train.condition.labels[:n])
            said.append(float(fitted.score((held - mean) / scale, test_y)))
        rows.append((said[0], said[1]))
        print(f"{n} labels: {said[0]:.1%} from the discriminator's features, {said[1]:.1%} from pixels")
    return rows


def arithmetic(make: Maker, data: Dataset) -> Tensor:
    """Bold one minus thin one plus thin digit: rows of [bold 1, thin 1, thin digit, result], as pictures."""
    z = make.draw(20_000)
    x = make(z)
    train = data.part("train")
    reader = LogisticRegression(C=0.01, max_iter=200)
    reader.fit(train.x[:5000].flatten(1).float() / 255, train.condition.labels[:5000])
    told = torch.as_tensor(reader.predict(x.flatten(1).float().numpy() / 255))
    ink = x.flatten(1).float().mean(1)

    def mean(digit: int, bold: bool) -> Tensor:
        own = (told == digit).nonzero().flatten()
        order = own[ink[own].argsort(descending=bold)]
        return z[order[: max(3, len(order) // 20)].to(z.device)].mean(0)

    bold, thin = mean(1, True), mean(1, False)
    rows = [torch.stack([bold, thin, other, bold - thin + other]) for other in (mean(d, False) for d in (3, 7, 9))]
    return make(torch.cat(rows)).unflatten(0, (len(rows), 4))


def main() -> None:
    asked = arguments(__doc__)
    data = pictures()
    trainer = trainer_of("dcgan", data, 20 if asked.quick else 4_000, device=asked.device, width=32, batch=64)
    list(stops(trainer, ()))
    make = Maker(trainer)
    figure = Figure(figsize=(10.5, 7.2), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=(1.25, 1))
    strips(figure.add_subplot(grid[0, 0]), make(make.draw(64)).unflatten(0, (8, 8)), "samples")

    ends = make.draw(10).unflatten(0, (5, 2))
    share = torch.linspace(0, 1, STEPS_OF_A_WALK, device=trainer.device)[:, None]
    walks = torch.cat([a + share * (b - a) for a, b in ends])
    strips(
        figure.add_subplot(grid[0, 1]),
        make(walks).unflatten(0, (len(ends), STEPS_OF_A_WALK)),
        "straight walks between two latent vectors",
    )
    strips(
        figure.add_subplot(grid[1, 0]),
        arithmetic(make, data),
        "bold 1  -  thin 1  +  thin digit  =  bold digit?\n(means of latent vectors, columns in this order)",
    )
    sizes = (50, 100) if asked.quick else LABELLED
    rows = accuracies(make.model, data, trainer.device, sizes)
    axes = plain(figure.add_subplot(grid[1, 1]), "a linear classifier on few labels: test accuracy")
    axes.semilogx(sizes, [row[0] for row in rows], "o-", color=MADE, label="features of the discriminator")
    axes.semilogx(sizes, [row[1] for row in rows], "o--", color="#4d4d4d", label="pixels")
    axes.set(xlabel="labelled training examples")
    axes.legend(fontsize=11, frameon=False)
    save(figure, asked.out, "dcgan")


if __name__ == "__main__":
    main()
