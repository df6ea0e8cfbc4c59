"""MNIST as densities are measured on in the literature: 50,000 images to train, 10,000 to validate, 10,000 to test."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from common import data_folder

from allmodes.data.dataset import Dataset, Split, load_data

BINARIZATION_SEED = 0


def mnist(kind: str) -> Dataset:
    """All 70,000 images; the last 10,000 of the 60,000 are for validation, the other file's for test.

    Arguments:
        kind: "static": each pixel once drawn with its grey value / 255 as its probability, from a recorded seed;
        "dynamic": drawn anew for every training batch; validation and test images are the static draw;
        "levels": the 256 grey values.
    """
    files = [data_folder("mnist") / f"{part}-images-idx3-ubyte" for part in ("train", "t10k")]
    files = [path if path.exists() else path.with_name(f"{path.name}.gz") for path in files]
    loaded = [load_data(path) for path in files]
    x = torch.cat([data.x for data in loaded])
    # The seed is of the package's own static binarization.
    binarize: dict[str, Any] = {} if kind == "levels" else {"binarize": kind, "binarize_seed": BINARIZATION_SEED}
    data = load_data(x, **binarize)
    parts = torch.arange(len(x)).split([50_000, 10_000, 10_000])
    return replace(data, name=f"mnist, {kind}", split=Split(*parts, seed=0, fractions=(5 / 7, 1 / 7, 1 / 7)))
