"""Features of a small network trained on the user's own labels: what tells the classes apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from allmodes.audit.convolutions import LARGEST, averaged_down, network_map
from allmodes.audit.maps import Features, Task
from allmodes.data.transforms import Transform, flat, standard
from allmodes.errors import UserError
from allmodes.event import Event
from allmodes.random import seeded
from allmodes.shares import percent

HELD = 0.15
"""Share of the examples on which the accuracy is measured."""
FEWEST = 8
"""Labelled examples a class, on average, below which nothing is learned."""
BATCH, STEPS, EPOCHS = 128, 500, 30
"""Examples a step; steps at most; passes over the examples at most."""
WIDTHS, HIDDEN, LATENT = (16, 32, 64), 256, 64


def classifier_features(task: Task) -> Features:
    """The last hidden layer of a classifier, [n, *shape] -> [n, 64], in units of its typical spread.

    Images: three 3x3 convolutions with batch normalization, each followed by a halving, then a hidden layer. Anything
    else: two hidden layers. Trained by AdamW with a learning rate that falls to zero along a cosine; a share of the
    examples is held out to measure the accuracy, which says how far these features can be trusted.

    Raises:
        UserError: for too few examples or a single class.
    """
    assert task.labels is not None
    classes, labels = np.unique(task.labels, return_inverse=True)
    if len(classes) < 2 or len(labels) < FEWEST * len(classes):
        raise UserError(
            f"features classifier: {len(labels)} labelled examples of {len(classes)} classes are too few; "
            "give more, or use pca"
        )
    rng = np.random.default_rng(task.seed)
    order = rng.permutation(len(labels))
    held, learned = np.split(order, [round(HELD * len(order))])
    x, y = torch.from_numpy(np.ascontiguousarray(task.x)), torch.from_numpy(labels)
    network = _build(task.event, len(classes), task.seed)
    network.units.fit(x[torch.from_numpy(np.sort(learned))])
    network.to(task.device)
    _train(network, x, y, learned, rng, task.device)
    accuracy = float((_predicted(network, task.x[held], task.device) == labels[held]).mean())
    chance = float(np.bincount(labels).max() / len(labels))
    with torch.no_grad():
        raw = network_map(network.features, task.device)
        network.features.scale.fill_(float(raw(task.x[held]).std()) or 1.0)
    return Features(
        "classifier",
        f"the last hidden layer of a network trained on {len(learned):,} labelled examples that are not compared "
        f"({percent(accuracy)} right on {len(held):,} others; always the largest class: {percent(chance)})",
        raw,
        {"accuracy": accuracy, "chance": chance, "classes": len(classes), "trained_on": len(learned)},
    )


class _Hidden(nn.Module):
    """Everything up to the last hidden layer."""

    scale: Tensor

    def __init__(self, units: Transform, body: nn.Module, image: bool) -> None:
        super().__init__()
        self.units, self.body, self.image = units, body, image
        self.register_buffer("scale", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        placed = self.units(x)
        return self.body(averaged_down(placed) if self.image else placed) / self.scale


class _Classifier(nn.Module):
    """[n, *shape] in the user's units -> logits [n, classes]."""

    def __init__(self, units: Transform, body: nn.Module, classes: int, image: bool) -> None:
        super().__init__()
        self.units = units
        self.features = _Hidden(units, body, image)
        self.head = nn.Linear(LATENT, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


def _build(event: Event, classes: int, seed: int) -> _Classifier:
    with seeded(seed):
        if event.image is None:
            body = nn.Sequential(
                nn.Linear(event.size, HIDDEN), nn.LayerNorm(HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, LATENT), nn.ReLU()
            )
            return _Classifier(flat(event), body, classes, False)
        channels, rows, columns = event.image
        factor = -(-max(rows, columns) // LARGEST)
        rows, columns = -(-rows // factor), -(-columns // factor)
        layers: list[nn.Module] = []
        for width in WIDTHS:
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
            if min(rows, columns) >= 4:
                layers.append(nn.MaxPool2d(2))
                rows, columns = rows // 2, columns // 2
        pool = (min(2, rows), min(2, columns))
        layers += [nn.AdaptiveAvgPool2d(pool), nn.Flatten(), nn.Linear(channels * pool[0] * pool[1], LATENT), nn.ReLU()]
        return _Classifier(standard(event), nn.Sequential(*layers), classes, True)


def _train(network: Any, x: Tensor, y: Tensor, learned: np.ndarray, rng: np.random.Generator, device: Any) -> None:
    batch = min(BATCH, len(learned))
    steps = min(STEPS, max(1, EPOCHS * len(learned) // batch))
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    network.train()
    order = np.empty(0, np.int64)
    for _ in range(steps):
        if len(order) < batch:
            order = rng.permutation(learned)
        chosen, order = torch.from_numpy(order[:batch]), order[batch:]
        loss = nn.functional.cross_entropy(network(x[chosen].to(device)), y[chosen].to(device), label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    network.eval().requires_grad_(False)


def _predicted(network: nn.Module, x: np.ndarray, device: torch.device | str) -> np.ndarray:
    return network_map(network, device)(x).argmax(1)
