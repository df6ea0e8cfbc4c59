"""What the benchmarks on pictures share: MNIST's files, a classifier trained on them, training for a given time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import data_folder, say
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from allmodes.data.batches import Batches
from allmodes.data.dataset import Dataset, load_data
from allmodes.random import Rng, seeded
from allmodes.recipes import build
from allmodes.training.hardware import computes_in_bf16, place
from allmodes.training.trainer import Trainer

FOLDERS = {"mnist": "mnist", "fashion": "fashion_mnist"}


def folder(name: str) -> Path:
    """Where the idx files of a data set lie."""
    return data_folder(FOLDERS[name])


def pictures(name: str, part: str, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures [n, side, side] of 256 levels with a margin of zeros around the 28 x 28, and labels [n]."""
    data = load_data(folder(name) / f"{part}-images-idx3-ubyte.gz")
    assert data.labels is not None
    before = (side - data.x.shape[1]) // 2
    margin = (before, side - data.x.shape[1] - before)
    return np.pad(data.x.numpy(), ((0, 0), margin, margin)), data.labels.numpy()


class Classifier(nn.Module):
    """A small convolutional network, [n, 1, side, side] in [0, 1] -> logits [n, 10]; its features have 128 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU()),
            *(nn.Conv2d(32, 32, 4, 2, 1), nn.BatchNorm2d(32), nn.ReLU()),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU()),
            *(nn.Conv2d(64, 64, 4, 2, 1), nn.BatchNorm2d(64), nn.ReLU()),
            *(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(1024, 128), nn.ReLU()),
        )
        self.head = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


@dataclass(frozen=True)
class Judge:
    """A trained classifier on its device.

    Arguments:
        accuracy: on the test set.
        confusion: share of real test pictures of class i that it calls j, [10, 10].
    """

    network: Classifier
    device: torch.device
    accuracy: float
    confusion: Tensor

    @torch.no_grad()
    def classes(self, x: Tensor) -> Tensor:
        """Of pictures [n, side, side] of 256 levels: the most likely class, [n]."""
        return torch.cat([self.network(part).argmax(1).cpu() for part in self._parts(x)])

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        """Of pictures [n, side, side] of 256 levels: what the last layer sees, [n, 128]."""
        return torch.cat([self.network.body(part).cpu() for part in self._parts(x)])

    def _parts(self, x: Tensor) -> list[Tensor]:
        return [part.to(self.device).float()[:, None] / 255 for part in x.split(1000)]


def train_judge(name: str, side: int, device: torch.device, epochs: float, seed: int = 0) -> Judge:
    """A classifier trained on the whole training set, with its accuracy on the test set."""
    x, y = (torch.from_numpy(part) for part in pictures(name, "train", side))
    images, labels = x.to(device), y.to(device)
    with seeded(seed):
        network = Classifier().to(device)
    batch, generator = 128, torch.Generator().manual_seed(seed)
    steps = round(epochs * len(x) / batch)
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    mixed = computes_in_bf16(device)
    order = torch.cat([torch.randperm(len(x), generator=generator) for _ in range(int(epochs) + 1)]).to(device)
    for rows in order[: steps * batch].split(batch):
        rolled = images[rows].float()[:, None] / 255
        shift = torch.randint(-2, 3, (2,), generator=generator).tolist()
        with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
            loss = cross_entropy(network(rolled.roll(shift, (2, 3))), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    network.eval()
    judge = Judge(network, device, 0.0, torch.eye(10))
    x, y = (torch.from_numpy(part) for part in pictures(name, "t10k", side))
    said = judge.classes(x)
    confusion = torch.zeros(10, 10, dtype=torch.float64).index_put_((y, said), torch.ones(()).double(), accumulate=True)
    accuracy = float((said == y).double().mean())
    say(f"classifier of {name}: {100 * accuracy:.2f} % of the test set")
    return Judge(network, device, accuracy, confusion / confusion.sum(1, keepdim=True))


def variant(word: str) -> tuple[str, dict[str, str]]:
    """A recipe's name and settings from NAME+SETTING=VALUE+...

    >>> variant("r3gan+width=64+batch=256")
    ('r3gan', {'width': '64', 'batch': '256'})
    """
    name, *settings = word.split("+")
    return name, dict(setting.split("=", 1) for setting in settings)


def trainer_for(recipe: str, data: Dataset, settings: dict[str, Any], steps: int, seed: int, device: Any) -> Trainer:
    """A trainer as `allmodes train` makes it."""
    made = build(recipe, data.event, settings, steps=steps, seed=seed)
    made.model.fit(data.to_fit())
    place(made.model, device)
    return Trainer(made, Batches(data, made.batch, seed, device=device), Rng(seed, device))


def conditions_in_turn(data: Dataset, n: int) -> Any:
    """The conditions of n held-out examples in turn."""
    held_out = torch.cat([data.split.validation, data.split.test])
    return data.condition[held_out[torch.arange(n) % len(held_out)]]


def sample(trainer: Trainer, data: Dataset, n: int) -> Tensor:
    """Samples from seed 0 on the processor, conditional models asked for the held-out examples' conditions."""
    return trainer.sample(n, Rng(0, trainer.device), conditions_in_turn(data, n)).cpu()
