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

from allmodes.audit.light import TREE_POINTS, LightAudit
from allmodes.data.dataset import Dataset
from allmodes.data.modes import Modes
from allmodes.data.transforms import Transform
from allmodes.event import Event

IMAGE_SIDE = 32
"""Regions of larger images are told apart at this size."""
CHUNK = 2**22
SAMPLES = 2500
"""Generated examples an examination."""
LEVEL = 0.001
"""Of all examinations of a training together."""
EXAMINATIONS = 5
"""Of a training."""
OF_MODES = ("modes", "high_quality", "reverse_kl")
"""The numbers of data whose modes are known; the last is left out where no sample is finite."""

_SPOKEN = {"ok": "not collapsed", "ignores_condition": "ignores a condition"}


def spoken(verdict: str) -> str:
    """A verdict as people are told it: "ok" would be praise."""
    return _SPOKEN.get(verdict, verdict)


@dataclass(frozen=True)
class Health:
    """What an examination found.

    Arguments:
        verdict: "collapsed" where part of the data is certainly not generated, "ignores_condition" where a condition
            has no effect, else "ok".
        reason: one sentence with the numbers.
        numbers: to log.
    """

    verdict: Literal["ok", "collapsed", "ignores_condition"]
    reason: str
    numbers: dict[str, float] = field(default_factory=dict)

    def beside(self, other: Health) -> Health:
        """Both findings as one; the first verdict that is not "ok" is its verdict."""
        reason = "; ".join(filter(None, (self.reason, other.reason)))
        return Health(other.verdict if self.verdict == "ok" else self.verdict, reason, self.numbers | other.numbers)


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
    """Held-out and generated examples in regions of the data: the light audit, in the networks' units.

    The regions come from training examples, the counts from examples that the model was not trained on; see
    `allmodes.audit.light`. All examinations of a training together raise a false alarm with a chance of 0.001.

    Arguments:
        dataset: its training part makes the regions, its validation part the expected counts.
        transform: to the units in which distances are taken.
    """

    def __init__(self, dataset: Dataset, transform: Transform, seed: int = 0) -> None:
        self.transform = copy.deepcopy(transform).cpu()
        train, real = dataset.batch(dataset.split.train[:TREE_POINTS]).x, dataset.part("validation").x
        self.light = LightAudit(
            in_features(self.transform, train),
            in_features(self.transform, real),
            level=LEVEL,
            looks=EXAMINATIONS,
            seed=seed,
        )

    def examine(self, samples: Tensor) -> Health:
        """Collapsed: a region that holds data is certainly missed. Samples in the user's units, [n, *shape]."""
        if not samples.isfinite().all():
            return Health("collapsed", "the generator makes numbers that are not finite")
        look = self.light.look(in_features(self.transform, samples))
        numbers = {"missing_mass": look.missing_mass, "regions_missed": float(look.missed)}
        return Health("collapsed" if look.collapsed else "ok", look.reason, numbers)


def in_features(transform: Transform, x: Tensor) -> np.ndarray:
    """Examples in the networks' units, [n, size], images no larger than they need be; a piece at a time."""
    if not len(x):
        return np.empty((0, 0), np.float32)
    rows = max(1, CHUNK // math.prod(x.shape[1:]))
    with torch.no_grad():
        pieces = [_small(transform(piece).float()).flatten(1) for piece in x.split(rows)]
    return torch.cat(pieces).numpy()


def _small(y: Tensor) -> Tensor:
    if y.dim() < 4 or max(y.shape[-2:]) <= IMAGE_SIDE:
        return y
    return adaptive_avg_pool2d(y, (min(IMAGE_SIDE, y.shape[-2]), min(IMAGE_SIDE, y.shape[-1])))


def samples_for(event: Event) -> int:
    """How many samples an examination draws: fewer of large examples, which would fill the memory."""
    return max(250, min(SAMPLES, 2**26 // event.size))


def watch(dataset: Dataset, transform: Transform) -> ModeWatch | RegionWatch:
    """The examination for a data set: by its modes where they are known, by regions where they are not."""
    return ModeWatch(dataset.modes) if dataset.modes else RegionWatch(dataset, transform)
