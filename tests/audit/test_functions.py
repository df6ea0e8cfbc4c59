"""The user's functions: a faulty one is told apart in one line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from allmodes.audit.functions import named_functions, numbers
from allmodes.audit.subject import Examples
from allmodes.errors import UserError
from allmodes.event import Condition

EXAMPLES = Examples(np.ones((5, 2), np.float32), np.arange(5), values=np.arange(5.0)[:, None])


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (np.ones(4), r"returned shape \(4,\) for 5 examples"),
        (np.ones((5, 2)), r"returned shape \(5, 2\) for 5 examples"),
        (np.array([1, 2, np.nan, 4, np.inf]), "NaN or infinity for 2 of 5 examples, the first is row 2"),
        ("text", "returned a str and not one number an example"),
        (np.ones(5) * 1j, "returned a ndarray of complex128 and not one number an example"),
        (np.zeros(5, "datetime64[s]"), "returned a ndarray of datetime64"),
    ],
)
def test_what_is_not_one_number_an_example_is_refused(returned: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        numbers(lambda x: returned, EXAMPLES, "energy", "observable")


def test_a_function_that_works_in_place_changes_no_example() -> None:
    def energy(x: np.ndarray, condition: Condition) -> Any:
        assert condition.values is not None
        condition.values.zero_()
        x *= 0
        return x[:, 0]

    numbers(energy, EXAMPLES, "energy", "observable")
    assert EXAMPLES.x.all()
    assert EXAMPLES.values is not None
    assert EXAMPLES.values.any()


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
    assert list(named_functions(["numpy:mean", "E/p = numpy:std"], "observable")) == ["mean", "E/p"]
    with pytest.raises(UserError, match=r"observable 'spread=': write file\.py:function"):
        named_functions("spread=", "observable")
    with pytest.raises(UserError, match="two observables are called 'energy'"):
        named_functions([energy, energy], "observable")
