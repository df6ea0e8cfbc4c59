"""Checks of data: each fault is found, named with its place, and clean data pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from allmodes.data import chunks as chunk_module
from allmodes.data.check import check, require_clean
from allmodes.data.dataset import load_data
from allmodes.errors import UserError

CLEAN = np.random.default_rng(0).standard_normal((500, 4))


def faults(array: np.ndarray, **known: Any) -> list[tuple[str, str]]:
    return [(problem.severity, problem.message) for problem in check(load_data(array, **known))]


@pytest.mark.parametrize("name", ["ring", "digits"])
def test_built_in_data_are_clean(name: str) -> None:
    assert check(load_data(name)) == []


def test_rows_that_are_not_finite_are_counted_and_the_first_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk_module, "CHUNK_BYTES", 160)
    array = CLEAN.copy()
    array[[123, 400], 1] = np.nan
    array[123, 2] = np.inf
    [(severity, message)] = faults(array)
    assert severity == "error"
    assert "in 2 rows, the first is row 123" in message


def test_conditions_that_are_not_finite_are_an_error() -> None:
    energy = CLEAN[:, 0].copy()
    energy[5] = np.nan
    [(severity, message)] = faults(CLEAN, conditions={"energy": energy})
    assert severity == "error"
    assert "conditions" in message
    assert "row 5" in message


def test_constant_columns_are_named() -> None:
    array = CLEAN.copy()
    array[:, 2] = 0.1
    assert faults(array) == [("warning", "1 column never changes: column 2; drop what carries nothing")]


def test_a_code_for_missing_values_is_named_with_its_rows() -> None:
    array = CLEAN.copy()
    array[:10, 2] = -1e6
    [(severity, message)] = faults(array)
    assert severity == "warning"
    assert message.startswith("column 2: -1e+06 stands in 10 of 500 rows, and the others, zeros aside, lie within 3.")
    assert message.endswith("if that is a mistake or a code for missing values, drop those rows")
    array[[5, 50, 60], [0, 0, 1]] = [1e30, -1e25, 1e30]
    [(_, message)] = faults(array)
    assert message.startswith("column 0: values out to 1e+30 stand in 2 of 500 rows")
    assert message.endswith("drop those rows (and 2 more such: 1, 2)")


def test_a_code_among_conditions_is_named() -> None:
    energy = np.where(np.arange(500) % 3, np.exp(CLEAN[:, 0]), -9999)
    [(_, message)] = faults(CLEAN, conditions={"angle": CLEAN[:, 1], "energy": energy})
    assert message.startswith("condition energy: -9999 stands in 167 of 500 rows")


def test_far_values_are_looked_for_in_tables_alone() -> None:
    images = np.random.default_rng(0).standard_normal((200, 8, 8))
    images[:5, 0, 0] = -9999
    assert faults(images) == []


def test_a_gamma_telescope_table_is_clean(shared_data: Path) -> None:
    assert check(load_data(shared_data / "magic" / "magic04.data", label="column11")) == []


def test_a_constant_pixel_is_no_fault_of_an_image() -> None:
    images = np.random.default_rng(0).standard_normal((200, 8, 8))
    images[:, 0, 0] = 0
    assert faults(images) == []


def test_identical_examples_are_an_error() -> None:
    assert [severity for severity, message in faults(np.tile(CLEAN[:1], (500, 1))) if "identical" in message] == [
        "error"
    ]


def test_one_label_for_everything_is_a_warning() -> None:
    [(severity, message)] = faults(CLEAN, labels=["cat"] * 500)
    assert severity == "warning"
    assert "'cat'" in message


def test_copies_are_counted_from_one_percent() -> None:
    assert faults(np.concatenate([CLEAN, CLEAN[:5]])) == []
    [(severity, message)] = faults(np.concatenate([CLEAN, CLEAN[:100]]))
    assert severity == "warning"
    assert message.startswith("16.7 % of the examples are exact copies")
    assert faults(np.tile(np.eye(8, dtype=bool), (50, 1))) == []


def test_bytes_stored_as_floats_are_suspected(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (200, 8, 8))
    assert "pass uint8" in faults(pixels.astype(np.float32))[0][1]
    assert faults(pixels.astype(np.uint8)) == []
    assert faults(pixels / 255) == []
    counts = np.random.default_rng(0).pareto(1.0, (200, 8, 8)).round().clip(0, 255)
    assert faults(counts.astype(np.float32)) == []
    monkeypatch.setattr(chunk_module, "CHUNK_BYTES", 4096)
    faint = np.random.default_rng(0).integers(0, 2, (200, 8, 8))
    faint[-1] *= 255  # what is large is known last
    assert faults(faint.astype(np.float32)) == []


@pytest.mark.parametrize(("n", "severity"), [(5, "error"), (50, "warning"), (100, None)])
def test_too_few_examples(n: int, severity: str | None) -> None:
    assert [fault[0] for fault in faults(CLEAN[:n])] == ([severity] if severity else [])


def test_errors_stop_and_warnings_are_returned() -> None:
    broken = np.full((5, 4), np.nan)
    with pytest.raises(UserError, match=r"^array: only 5 examples.*\(and 1 more\)$"):
        require_clean(load_data(broken))
    with pytest.raises(UserError, match=r"^array: only 5 examples; give at least 10, better thousands$"):
        require_clean(load_data(CLEAN[:5]))
    assert [problem.severity for problem in require_clean(load_data(CLEAN[:50]))] == ["warning"]


def test_a_pixel_that_most_images_lack_is_named() -> None:
    images = np.random.default_rng(0).random((200, 4, 5))
    images[3, 0, 0] = np.nan
    assert faults(images)[0][1].endswith("in 1 rows, the first is row 3; drop those rows")
    images[:, 2, 4] = np.nan
    assert faults(images)[0][1].endswith(
        "in 200 rows, the first is row 0; most lack a number at [2, 4]: leave that out, or put one there, such as 0"
    )
