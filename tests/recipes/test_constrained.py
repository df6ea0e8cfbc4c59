"""A soft constraint after a training: typical residuals lie within the tolerance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from allmodes.data.dataset import Dataset, load_data
from allmodes.random import Rng
from allmodes.training.trainer import Trainer

MakeTrainer = Callable[..., Trainer]


@pytest.fixture(scope="module")
def balanced() -> Dataset:
    """Three columns, the last of which is the sum of the others."""
    rng = np.random.default_rng(0)
    two = rng.gamma(4.0, 1.0, (2000, 2))
    return load_data(np.concatenate([two, two.sum(1, keepdims=True)], 1).astype(np.float32))


def median_residual(trainer: Trainer) -> float:
    list(trainer)
    x = trainer.model.sample(2000, rng=Rng(1))
    return ((x[:, 2] - x[:, 0] - x[:, 1]) / 8).abs().median().item()


@pytest.mark.slow
def test_typical_residuals_are_within_one_percent(
    make_trainer: MakeTrainer, balanced: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "balance_of_sums.py").write_text(
        "def relative(x, condition):\n    return (x[:, 2] - x[:, 0] - x[:, 1]) / 8\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    settings = {"steps": 400, "width": 32, "latent": 8, "batch": 64, "turns": 1, "rate": 2e-3, "bounds": "0:"}
    held = make_trainer(
        "constrained", balanced, constraint="balance_of_sums:relative", tolerance=0.01, weight=3.0, **settings
    )
    free = make_trainer("constrained", balanced, **settings)
    residual = median_residual(held)
    assert residual <= 0.01
    assert residual < median_residual(free) / 3
    samples = held.model.sample(2000, rng=Rng(1))
    assert torch.quantile(samples[:, 2], 0.9) > 1.3 * torch.quantile(samples[:, 2], 0.1)  # and they still vary
