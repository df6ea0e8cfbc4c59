"""What is compared: training, held-out and generated examples in the features of the audit."""

from __future__ import annotations

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
    """

    train: np.ndarray
    real: np.ndarray
    fake: np.ndarray
    trained: bool
    train_rows: np.ndarray
    real_rows: np.ndarray
    fake_rows: np.ndarray
