"""What is compared: training, held-out and generated examples in the features of the audit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Sets:
    """Three sets of examples as rows of features, float32, each [n, d].

    Arguments:
        train: what the generator was trained on, or a part of the real data that is used for nothing else.
        real: held-out examples.
        fake: generated examples.
        trained: whether `train` is what the generator was trained on; copies can only be looked for if it is.
        train_rows, real_rows, fake_rows: index in the user's file of each row, int64, [n].
        searched: share of the training examples that `train` is, drawn at random: features were fitted to the others.
        equal: how many generated examples equal one of all training examples to the last bit.
    """

    train: np.ndarray
    real: np.ndarray
    fake: np.ndarray
    trained: bool
    train_rows: np.ndarray
    real_rows: np.ndarray
    fake_rows: np.ndarray
    searched: float = 1.0
    equal: int = 0


def equal(fake: np.ndarray, train: np.ndarray) -> int:
    """How many generated examples equal a training example to the last bit of single precision, [m, ...], [t, ...]."""
    known = set(hashes(train))
    return sum(one in known for one in hashes(fake))


def hashes(x: np.ndarray) -> Iterator[int]:
    """Of each example in single precision, [n, ...]: equal ones have the same."""
    return (hash((row.astype(np.float32) + 0.0).tobytes()) for row in x)  # -0 is 0
