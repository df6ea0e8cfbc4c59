"""What many tests need: small data, small trainings, and equality to the last bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
import torch
from torch import Tensor

from allmodes.data.batches import Batches
from allmodes.data.dataset import Dataset, load_data
from allmodes.random import Rng
from allmodes.recipes import build, recipes
from allmodes.training.trainer import Trainer

# No timed assertion: a deadline is one. Derandomized: a run of the tests says the same twice.
hypothesis.settings.register_profile("allmodes", deadline=None, derandomize=True)
hypothesis.settings.load_profile("allmodes")

SMALL = {"width": 8, "batch": 16, "accumulate": 2, "latent": 8}


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Small networks are fastest on one thread, and sums keep their order."""
    torch.set_num_threads(1)


@pytest.fixture
def float64() -> Iterator[None]:
    """Networks, draws and transforms in double precision."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="session")
def ring() -> Dataset:
    return load_data("ring", n=2000)


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load_data("digits")


@pytest.fixture(scope="session")
def events(digits: Dataset) -> dict[str, Dataset]:
    """One small data set for each kind of event."""
    rng = np.random.default_rng(0)
    return {
        "points": load_data((5 + 2 * rng.standard_normal((200, 2))).astype(np.float32)),
        "table": load_data(
            (5 + 2 * rng.standard_normal((200, 3))).astype(np.float32),
            labels=np.repeat(["gamma", "hadron"], 100),
            conditions={"energy": rng.exponential(1.0, 200)},
        ),
        "binary": load_data(digits.x[:200] > 7),
        "levels": load_data(15 * digits.x[:200], labels=digits.labels[:200]),
        "CHW": load_data((7 + rng.standard_normal((100, 3, 12, 10))).astype(np.float32)),
        "HWC": load_data((7 + rng.standard_normal((100, 12, 10, 3))).astype(np.float32)),
    }


Small = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="session")
def small() -> Small:
    """Settings that make a recipe cheap, as far as it has them."""

    def settings(recipe: str) -> dict[str, Any]:
        return {name: value for name, value in SMALL.items() if name in recipes()[recipe].settings}

    return settings


MakeTrainer = Callable[..., Trainer]


@pytest.fixture(scope="session")
def make_trainer(small: Small) -> MakeTrainer:
    """A trainer of a small model of a recipe, fitted to data, that has not moved."""

    def make(recipe: str, data: Dataset, *, steps: int = 20, seed: int = 0, **settings: Any) -> Trainer:
        made = build(recipe, data.event, small(recipe) | settings, steps=steps, seed=seed)
        made.model.fit(data.to_fit())
        return Trainer(made, Batches(data, made.batch, seed), Rng(seed))

    return make


@pytest.fixture(scope="session")
def equal() -> Callable[[Any, Any], bool]:
    """Whether two nests of dictionaries and tuples hold the same tensors to the last bit, NaN equal to itself."""

    def same(a: Any, b: Any) -> bool:
        if isinstance(a, Mapping):
            return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
        if isinstance(a, tuple):
            return len(a) == len(b) and all(map(same, a, b))
        if isinstance(a, Tensor):
            return a.dtype == b.dtype and a.shape == b.shape and a.numpy().tobytes() == b.numpy().tobytes()
        return bool(a == b)

    return same


@pytest.fixture(scope="session")
def snapshot() -> Callable[[torch.nn.Module], dict[str, Tensor]]:
    """A copy of a module's weights and buffers."""
    return lambda module: {name: value.clone() for name, value in module.state_dict().items()}


Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command in an empty folder: status, standard output, standard error."""
    from allmodes.cli import main

    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> tuple[int, str, str]:
        status = 0
        try:
            main([str(word) for word in words])
        except SystemExit as stop:
            status = int(stop.code or 0)
        out, err = capsys.readouterr()
        return status, out, err

    return run
