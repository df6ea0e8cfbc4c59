"""The conditions of any data, as an event counts its classes and names them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from allmodes.data.conditions import conditions_of
from allmodes.data.dataset import load_data
from allmodes.data.write import write_samples
from allmodes.errors import UserError
from allmodes.event import Condition, Event

EVENT = Event(
    (2,), columns=("near", "far"), classes=("gamma", "hadron", "muon"), label="kind", variables=("energy", "angle")
)
X = np.float32([[1, 2], [3, 4], [5, 6]])
LABELS, VALUES = [2, 0, 2], [[1.5, 0.0], [2.5, 1.0], [3.5, 2.0]]
TABLE = "near,kind,angle,energy\n1,muon,0,1.5\n2,gamma,1,2.5\n3,muon,2,3.5\n"


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".parquet", ".h5"])
def test_what_was_written_with_samples_is_read_back(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"samples{suffix}"
    write_samples(path, X, EVENT, Condition(torch.tensor(LABELS), torch.tensor(VALUES)))
    check(conditions_of(path, EVENT))


def test_classes_and_columns_in_another_order_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(TABLE)
    check(conditions_of(str(tmp_path / "table.csv"), EVENT))
    names = [EVENT.classes[label] for label in LABELS]
    angle, energy = np.float32(VALUES)[:, 1], np.float32(VALUES)[:, 0]
    check(conditions_of(load_data(X, labels=names, conditions={"angle": angle, "energy": energy}), EVENT))


def check(found: Condition) -> None:
    assert found.labels is not None
    assert found.values is not None
    assert found.labels.tolist() == LABELS
    assert found.values.tolist() == VALUES


def test_a_built_in_set_has_its_own_labels() -> None:
    event = Event((8, 8), classes=tuple(map(str, range(10))))
    found = conditions_of("digits", event)
    assert found.labels is not None
    assert found.labels.equal(load_data("digits").labels)  # type: ignore[arg-type]
    assert found.values is None
    with pytest.raises(UserError, match="the model takes no conditions"):
        conditions_of("ring", Event((2,)))


def test_a_data_frame_is_asked_for_the_names_of_the_event() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [0.1, 0.2], "k": ["b", "a"], "e": [1.0, 2.0]})
    found = conditions_of(frame, Event((1,), classes=("a", "b"), label="k", variables=("e",)))
    assert found.labels is not None
    assert found.values is not None
    assert (found.labels.tolist(), found.values.tolist()) == ([1, 0], [[1.0], [2.0]])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind", "sort", r"table has no column or array 'kind'"),
        ("angle", "turn", r"table has no column or array 'angle'"),
        ("gamma", "gama", r"unknown kind in table, 'gama'; did you mean 'gamma'\?"),
    ],
)
def test_what_lacks_is_named(old: str, new: str, said: str, tmp_path: Path) -> None:
    text: Any = TABLE.replace(old, new)
    if old == "kind":
        text = text.replace("muon", "1").replace("gamma", "2")
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(UserError, match=said):
        conditions_of(tmp_path / "table.csv", EVENT)
