"""In which numbers examples are compared: feature maps, fitted on a part of the training data alone.

Features decide more than statistics: what they do not tell apart no test can.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from allmodes.audit.maps import Features, Map, Task
from allmodes.data.transforms import flat
from allmodes.errors import UserError, unknown
from allmodes.event import Event
from allmodes.shares import percent

COMPONENTS = 64
"""Of principal component analysis, at most."""
MOST_ROWS = 4096
"""Examples of which principal components are computed."""
NEGLIGIBLE = 1e-10
"""Share of the largest variance below which a direction is no direction of the data but rounding."""


@dataclass(frozen=True)
class Kind:
    """A kind of features that can be asked for by name.

    Arguments:
        summary: one line for a list.
        default: for which data it is taken if nothing is asked for; empty: for none.
        fit: makes the features.
        images, labels: whether it needs images, whether it needs labels.
    """

    summary: str
    fit: Callable[[Task], Features]
    default: str = ""
    images: bool = False
    labels: bool = False


def fit_features(asked: str | Map | nn.Module | None, task: Task) -> Features:
    """Features by name, or made of the user's own function or network.

    What is fitted here remembers the examples it was fitted to: these must be none of the compared ones, neither
    held-out nor generated, nor training examples among which copies are looked for.

    Arguments:
        asked: a name in `FEATURES`, "module:function", "inception:FILE", a function of [n, *shape] that returns
            [n, d], a torch module; None: what suits the data.
        task: event, examples, labels, seed and device.

    Raises:
        UserError: for a name that is not known, or features that the data do not allow.
    """
    if asked is None:
        asked = default(task.event, labelled=task.labels is not None)
    if not isinstance(asked, str):
        from allmodes.audit.outside import wrap

        return wrap(asked, task)
    name, colon, rest = asked.partition(":")
    if colon:
        from allmodes.audit.inception import inception
        from allmodes.audit.outside import by_name

        return inception(rest, task) if name == "inception" else by_name(asked, task)
    if name not in FEATURES:
        raise unknown("features", name, [*FEATURES, "module:function", "inception:FILE"])
    kind = FEATURES[name]
    if kind.images and task.event.image is None:
        raise UserError(f"features {name} need images, and one example has shape {task.event.shape}; use standardized")
    if kind.labels and task.labels is None:
        raise UserError(f"features {name} need labels; give labels, or use {default(task.event, labelled=False)}")
    return kind.fit(task)


def default(event: Event, *, labelled: bool) -> str:
    """The features that suit the data.

    >>> default(Event((3,)), labelled=True)
    'standardized'
    """
    if event.image is None:
        return "standardized"
    return "classifier" if labelled else "random-conv"


def _identity(task: Task) -> Features:
    return Features("identity", f"the {task.event.size} numbers of an example as they are", _flatten)


def _flatten(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1).astype(np.float32)


def _standardized(task: Task) -> Features:
    """Mean 0 and standard deviation 1 in every column; images between -1 and 1."""
    transform = flat(task.event).fit(torch.from_numpy(np.ascontiguousarray(task.x)))
    how = "columns of mean 0 and standard deviation 1" if task.event.image is None else "pixels between -1 and 1"
    return Features(
        "standardized",
        f"{how}, {task.event.size} numbers",
        lambda x: transform(torch.from_numpy(np.ascontiguousarray(x))).numpy(),
    )


def _pca(task: Task) -> Features:
    return whitened(_standardized(task), task.x, "pca", "standardized numbers")


def whitened(before: Features, x: np.ndarray, name: str, of: str) -> Features:
    r"""Principal components of other features, each with variance 1.

    .. math:: z = \Lambda^{-1/2} V^T (f - \bar f)

    with the eigenvectors V of the features' covariance and its largest eigenvalues.

    Arguments:
        before: the other features, [n, d].
        x: examples that the components are computed of.
        name, of: what these are called, and what the others are called in the summary.
    """
    rows = before(x[:: -(-len(x) // MOST_ROWS)])
    mean = rows.mean(0, dtype=np.float64)
    variance, directions = _principal(rows, mean)
    kept = min(COMPONENTS, int((variance > NEGLIGIBLE * variance[0]).sum())) if variance[0] > 0 else 1
    total = float(np.square(rows - mean).sum() / max(1, len(rows) - 1))
    share = float(variance[:kept].sum() / total) if total else 1.0
    project = directions[:, :kept] / np.sqrt(np.where(variance[:kept] > 0, variance[:kept], 1.0))
    return Features(
        name,
        f"{kept} principal components of {of}, each with variance 1 ({percent(share)} of the variance)",
        lambda x: ((before(x) - mean) @ project).astype(np.float32),
        {"components": kept, "variance": share} | dict(before.figures),
    )


def _principal(rows: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variances, largest first, and directions, [r] and [d, r], by the smaller of the two products of the data."""
    from scipy.linalg import eigh

    n, d = rows.shape
    centred = rows - mean
    product = (centred.T @ centred if d <= n else centred @ centred.T) / max(1, n - 1)
    size = len(product)
    variance, vectors = eigh(product, subset_by_index=[max(0, size - COMPONENTS), size - 1])
    variance, vectors = variance[::-1].clip(min=0), vectors[:, ::-1]
    if d > n:
        vectors = centred.T @ vectors / np.sqrt(np.where(variance > 0, variance * max(1, n - 1), 1.0))
    return variance, vectors


def _random_conv(task: Task) -> Features:
    from allmodes.audit.convolutions import random_convolutions

    raw = random_convolutions(task)
    return whitened(raw, task.x, "random-conv", raw.summary)


def _classifier(task: Task) -> Features:
    from allmodes.audit.classifier import classifier_features

    return classifier_features(task)


FEATURES: dict[str, Kind] = {
    "identity": Kind("the numbers as they are", _identity),
    "standardized": Kind(
        "columns of mean 0 and deviation 1, of logarithms where no number is negative; pixels between -1 and 1",
        _standardized,
        default="points and tables",
    ),
    "pca": Kind(f"up to {COMPONENTS} principal components of the standardized numbers, each of variance 1", _pca),
    "random-conv": Kind(
        "principal components of an untrained convolutional network with seeded weights",
        _random_conv,
        default="images without labels",
        images=True,
    ),
    "classifier": Kind(
        "the last hidden layer of a small network that is trained on the labels",
        _classifier,
        default="images with labels",
        labels=True,
    ),
}
"""Features by name."""
