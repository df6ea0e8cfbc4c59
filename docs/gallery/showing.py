"""What the gallery's scripts share: their flags, trainings that are looked at on the way, and the look of a picture."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from allmodes.data.batches import Batches
from allmodes.data.dataset import Dataset, load_data
from allmodes.figures import save_figure
from allmodes.random import Rng
from allmodes.recipes import build
from allmodes.training.hardware import place, threads, threads_for
from allmodes.training.trainer import Trainer

HERE = Path(__file__).parent
DATA, MADE, OTHER, THIRD = "#4d4d4d", "#1668b8", "#c8321e", "#2f855a"


def arguments(docstring: str | None) -> argparse.Namespace:
    """The flags of every script."""
    parser = argparse.ArgumentParser(
        description=docstring, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--quick", action="store_true", help="a few steps: whether it runs, not what it shows")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the picture")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


def trainer_of(
    recipe: str, data: Dataset, steps: int, *, seed: int = 0, device: str = "cpu", **settings: Any
) -> Trainer:
    """A trainer that has not moved."""
    made = build(recipe, data.event, settings, steps=steps, seed=seed)
    made.model.fit(data.to_fit())
    target = torch.device(device)
    place(made.model, target)
    return Trainer(made, Batches(data, made.batch, seed, device=target), Rng(seed, target))


def stops(trainer: Trainer, at: Sequence[int]) -> Iterator[int]:
    """Train, and pause after each of these numbers of steps; 0 is before the first."""
    if 0 in at:
        yield 0
    with threads(threads_for(trainer.model)):
        for step in trainer:
            if step in at:
                trainer.fetch()
                yield step


def plain(axes: Axes, title: str = "") -> Axes:
    """No frame on two sides, small letters."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=11)
    axes.set_title(title, fontsize=11)
    return axes


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write NAME.png and say so."""
    path = folder / f"{name}.png"
    save_figure(path, figure)
    print(path)


def pictures() -> Dataset:
    """MNIST with its labels, from the folder that ALLMODES_DATA names; else the digits.

    The digits that ship with scikit-learn are 8 x 8, too small for convolutions: they are drawn at 16 x 16.
    """
    folder = Path(os.environ.get("ALLMODES_DATA", "")) / "mnist"
    images, labels = (folder / f"train-{what}.gz" for what in ("images-idx3-ubyte", "labels-idx1-ubyte"))
    if not images.exists():
        return load_data("digits", resize=16)
    return load_data(load_data(images).x, labels=load_data(labels).x.flatten())


def strips(axes: Axes, x: torch.Tensor, title: str = "") -> None:
    """Grey images in rows and columns, [down, across, rows, columns], white between them."""
    down, across, rows, columns = x.shape
    canvas = np.full((down * (rows + 1) - 1, across * (columns + 1) - 1), 255.0)
    top = float(x.max())
    for i, j in np.ndindex(down, across):
        canvas[i * (rows + 1) :, j * (columns + 1) :][:rows, :columns] = (
            255 * x[i, j].float().cpu().numpy() / max(top, 1)
        )
    axes.imshow(canvas, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(title, fontsize=11)
