"""MNIST as the densities of the literature are measured on: 50,000 training, 10,000 validation and 10,000 test images."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch

from allmodes.data.dataset import Dataset, Split, load_data
from allmodes.event import Event, Layout, Support

BINARIZATION_SEED = 0


def folder() -> Path:
    """The folder that holds mnist/, from ALLMODES_DATA, or shared/data beside the repository."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    return Path(os.environ.get("ALLMODES_DATA", beside))


def mnist(kind: str) -> Dataset:
    """All 70,000 images; the last 10,000 of the 60,000 are for validation, the other file's for test.

    Arguments:
        kind: "static": each pixel once drawn with its grey value / 255 as its probability, from a recorded seed;
            "levels": the 256 grey values.
    """
    files = [folder() / "mnist" / f"{part}-images-idx3-ubyte" for part in ("train", "t10k")]
    files = [path if path.exists() else path.with_name(f"{path.name}.gz") for path in files]
    loaded = [load_data(path) for path in files]
    x = torch.cat([data.x for data in loaded])
    labels = None if loaded[0].labels is None else torch.cat([data.labels for data in loaded])
    event = Event((28, 28), Support.LEVELS, 256, Layout.HW)
    if kind == "static":
        draw = np.random.default_rng(BINARIZATION_SEED).random(x.shape, dtype=np.float32)
        x = (torch.from_numpy(draw) < x / 255).to(torch.uint8)
        event = Event((28, 28), Support.BINARY, 0, Layout.HW)
    parts = torch.arange(len(x)).split([50_000, 10_000, 10_000])
    split = Split(*parts, seed=0, fractions=(5 / 7, 1 / 7, 1 / 7))
    return Dataset(f"mnist, {kind}", event, x, labels, None, None, {"data": None}, split)
