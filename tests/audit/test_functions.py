"""The user's functions: found by name, and a faulty one is told apart in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from allmodes.audit.functions import find_function, named_functions, numbers
from allmodes.audit.subject import Examples
from allmodes.errors import UserError
from allmodes.event import Condition

EXAMPLES = Examples(np.ones((5, 2), np.float32), np.arange(5), values=np.arange(5.0)[:, None])


def test_a_function_is_found_in_a_file_of_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_physics.py").write_text("def energy(x):\n    return x.sum(1)\nmass = 3\n")
    monkeypatch.chdir(tmp_path)
    assert (
        numbers(find_function("my_physics:energy", "observable"), EXAMPLES, "energy", "observable").tolist() == [2] * 5
    )
    for given, said in (
        ("my_physics:enrgy", r"unknown function in my_physics, 'enrgy'; did you mean 'energy'\?"),
        ("my_physics:mass", "mass is a int and not a function"),
        ("my_phisics:energy", "there is no module 'my_phisics'"),
        ("energy", "write module:function"),
    ):
        with pytest.raises(UserError, match=said):
            find_function(given, "observable")


def test_a_module_that_raises_is_said_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_physics.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="importing broken_physics raised ZeroDivisionError: division by zero"):
        find_function("broken_physics:energy", "observable")


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (np.ones(4), r"returned shape \(4,\) for 5 examples"),
        (np.ones((5, 2)), r"returned shape \(5, 2\) for 5 examples"),
        (np.array([1, 2, np.nan, 4, np.inf]), "NaN or infinity for 2 of 5 examples, the first is row 2"),
        ("text", "not one number an example"),
    ],
)
def test_what_is_not_one_number_an_example_is_refused(returned: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        numbers(lambda x: returned, EXAMPLES, "energy", "observable")


def test_a_function_that_raises_is_told_in_one_line() -> None:
    def energy(x: np.ndarray) -> np.ndarray:
        raise ValueError("no\ncalibration")

    with pytest.raises(UserError, match=r"observable energy raised ValueError: no calibration$"):
        numbers(energy, EXAMPLES, "energy", "observable")


def test_a_function_of_two_arguments_gets_the_condition() -> None:
    def residual(x: np.ndarray, condition: Condition) -> Any:
        assert condition.values is not None
        return x[:, 0] - condition.values[:, 0].numpy()

    assert numbers(residual, EXAMPLES, "residual", "constraint").tolist() == [1, 0, -1, -2, -3]


def test_names_are_those_of_the_functions_or_the_users() -> None:
    def energy(x: np.ndarray) -> np.ndarray:
        return x[:, 0]

    assert list(named_functions([energy, "numpy:mean"], "observable")) == ["energy", "mean"]
    assert list(named_functions({"E": energy}, "observable")) == ["E"]
    with pytest.raises(UserError, match="two observables are called 'energy'"):
        named_functions([energy, energy], "observable")
