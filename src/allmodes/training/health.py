"""Whether a generator has collapsed: cheap enough to be asked while it trains."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from allmodes.data.dataset import Dataset
from allmodes.data.modes import Modes
from allmodes.data.transforms import Transform
from allmodes.event import Event

IMAGE_SIDE = 32
"""Regions of larger images are told apart at this size."""
CHUNK = 2**22
SAMPLES = 2500
"""Generated examples an examination."""
TREE_POINTS = 5000
LEVEL = 0.001
GONE = 0.25
"""A region counts as missed when it gets less than this share of what it should."""


@dataclass(frozen=True)
class Health:
    """What an examination found.

    Arguments:
        verdict: "collapsed" where part of the data is certainly not generated, else "ok".
        reason: one sentence with the numbers.
        numbers: to log.
    """

    verdict: Literal["ok", "collapsed"]
    reason: str
    numbers: dict[str, float] = field(default_factory=dict)


class ModeWatch:
    """Counts the known modes that a sample captures."""

    def __init__(self, modes: Modes) -> None:
        self.modes = modes

    def examine(self, samples: Tensor) -> Health:
        """Collapsed: a mode without a single high-quality sample. Samples in the user's units, [n, d]."""
        report = self.modes.examine(samples)
        numbers = {"modes": float(report.captured), "high_quality": report.high_quality}
        if report.reverse_kl is not None:
            numbers["reverse_kl"] = report.reverse_kl
        collapsed = report.captured < len(self.modes.centres)
        return Health("collapsed" if collapsed else "ok", str(report), numbers)


class RegionWatch:
    """Counts held-out and generated examples in regions of the data, cells around the means of clusters.

    The cells come from training examples, the counts from examples that the model was not trained on. A cell is
    missed if Fisher's exact test says so at level 0.001 shared over the cells (Bonferroni) and it gets less than a
    quarter of its share.

    Arguments:
        dataset: its training part makes the cells, its validation part the expected counts.
        transform: to the units in which distances are taken.
    """

    def __init__(self, dataset: Dataset, transform: Transform, seed: int = 0) -> None:
        from sklearn.cluster import KMeans

        self.transform = copy.deepcopy(transform).cpu()
        train = self._flat(dataset.batch(dataset.split.train[:TREE_POINTS]).x)
        self.cells = min(max(2, min(20, len(train) // 50)), len(train.unique(dim=0)))
        self.means = KMeans(self.cells, n_init="auto", random_state=seed).fit(train.numpy())
        self.real = self._counts(dataset.part("validation").x)

    def examine(self, samples: Tensor) -> Health:
        """Collapsed: a region that holds data is certainly missed. Samples in the user's units, [n, *shape]."""
        from scipy.stats import hypergeom

        if not samples.isfinite().all():
            return Health("collapsed", "the generator makes numbers that are not finite")
        fake = self._counts(samples)
        real, n, m = self.real, int(self.real.sum()), int(fake.sum())
        p_values = hypergeom.cdf(fake, n + m, real + fake, m)
        missed = (p_values < LEVEL / self.cells) & (fake / m < GONE * real / max(n, 1))
        mass = float(real[missed].sum() / max(n, 1))
        numbers = {"missing_mass": mass, "regions_missed": float(missed.sum())}
        if missed.any():
            reason = (
                f"{missed.sum()} of {self.cells} regions, with {100 * mass:.1f} % of the held-out data, "
                f"get {100 * fake[missed].sum() / m:.1f} % of the samples"
            )
            return Health("collapsed", reason, numbers)
        return Health("ok", f"none of {self.cells} regions of the {n} held-out examples is certainly missed", numbers)

    def _flat(self, x: Tensor) -> Tensor:
        """In the networks' units, [n, size], images no larger than they need be; a piece at a time."""
        rows = max(1, CHUNK // math.prod(x.shape[1:]))
        with torch.no_grad():
            return torch.cat([self._small(self.transform(piece).float()).flatten(1) for piece in x.split(rows)])

    def _small(self, y: Tensor) -> Tensor:
        if y.dim() < 4 or max(y.shape[-2:]) <= IMAGE_SIDE:
            return y
        return adaptive_avg_pool2d(y, (min(IMAGE_SIDE, y.shape[-2]), min(IMAGE_SIDE, y.shape[-1])))

    def _counts(self, x: Tensor) -> np.ndarray:
        cell = self.means.predict(self._flat(x).numpy()) if len(x) else np.empty(0, int)
        return np.bincount(cell, minlength=self.cells)


def samples_for(event: Event) -> int:
    """How many samples an examination draws: fewer of large examples, which would fill the memory."""
    return max(250, min(SAMPLES, 2**26 // event.size))


def watch(dataset: Dataset, transform: Transform) -> ModeWatch | RegionWatch:
    """The examination for a data set: by its modes where they are known, by regions where they are not."""
    return ModeWatch(dataset.modes) if dataset.modes else RegionWatch(dataset, transform)
