from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from allmodes.audit.features import fit_features
from allmodes.audit.maps import Features, Task
from allmodes.errors import UserError
from allmodes.event import Event

X = np.random.default_rng(0).random((40, 3)).astype(np.float32)


def features(asked: object) -> Features:
    return fit_features(asked, Task(Event((3,)), X))  # type: ignore[arg-type]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of the user in the current folder."""
    (tmp_path / "my_features.py").write_text(
        "def squares(x):\n    return x**2\n"
        "def raises(x):\n    raise ValueError('no\\n such thing')\n"
        "def short(x):\n    return x[1:]\n"
        "def text(x):\n    return 'text'\n"
        "def holes(x):\n    return x * float('nan')\n"
        "number = 3\n"
    )
    (tmp_path / "my_broken.py").write_text("import no_such_package\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return "my_features"


def test_a_function_by_name(module: str) -> None:
    found = features(f"{module}:squares")
    np.testing.assert_allclose(found(X), X**2)
    assert found.name == "my_features:squares"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my_features:raises", "features my_features:raises raised ValueError: no such thing"),
        ("my_features:short", r"gave shape \(39, 3\) for 40 examples"),
        ("my_features:text", "my_features:text returned a str"),
        ("my_features:holes", "NaN or infinite for 40 of 40 examples"),
        ("my_features:number", "is a int and not a function"),
        ("my_features:square", "did you mean 'squares'"),
        ("my_broken:f", "needs no_such_package"),
        ("my_absent:f", "there is no my_absent.py in"),
    ],
)
def test_what_is_wrong_with_a_function_is_said_in_one_line(module: str, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        features(name)(X)
    assert "\n" not in str(caught.value)


def test_a_network_runs_in_evaluation_mode_and_is_left_as_it_was() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.9))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = features(network)
    rows = found(X)
    np.testing.assert_array_equal(rows, found(X))
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert found.summary == "the user's network Sequential"


def test_a_function_may_return_a_tensor_and_a_network_gets_floats() -> None:
    np.testing.assert_allclose(features(lambda x: torch.from_numpy(x) * 2)(X), 2 * X)

    class Means(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            assert x.dtype == torch.float32
            return x.mean((1, 2))[:, None]

    images = np.random.default_rng(0).integers(0, 256, (5, 4, 4)).astype(np.uint8)
    rows = fit_features(Means(), Task(Event((4, 4)), images))(images)
    np.testing.assert_allclose(rows[:, 0], images.mean((1, 2)))
