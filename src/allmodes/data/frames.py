"""Named columns to contents: data frames of pandas and polars and tables of pyarrow, none of which is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from allmodes.data.contents import Contents, require_names
from allmodes.data.labels import as_numpy, missing
from allmodes.errors import UserError, repeated


def is_frame(data: Any) -> bool:
    """Whether an object has rows in named columns; what is computed only when asked (polars' LazyFrame) has no rows."""
    return hasattr(data, "__len__") and hasattr(data, "columns")


def series_name(data: Any) -> str:
    """The name of one column of a data frame; "" for one without, and for anything else."""
    one = hasattr(data, "to_numpy") and len(getattr(data, "shape", ())) == 1
    name = getattr(data, "name", None) if one else None
    return "" if name is None else str(name)


def by_name(values: Any, where: str) -> Any:
    """A data frame, or a column that knows its name, as name -> [n]; anything else as it is.

    Arguments:
        where: the values are called in errors.

    Raises:
        UserError: for a missing value, or a name that is there twice.
    """
    if is_frame(values):
        return {name: _whole(where, name, column) for name, column in _columns(values, where).items()}
    name = series_name(values)
    return {name: values} if name else values


def read_frame(frame: Any, where: Path | str, label: str | None, condition: Sequence[str]) -> Contents:
    """Numbers from an object with named columns, one row an example.

    The index of a data frame is left out: it counts the rows. Of a Parquet file it is a column like others where it is
    the label or a condition.

    Arguments:
        where: the file that it is from, or what it is called in errors.
        label: column that names the class, numbers or text.
        condition: columns that are continuous conditions.

    Raises:
        UserError: for a column that is neither numbers nor the label, a missing value, or a column that is not there.
    """
    columns = _columns(frame, where, label, condition)
    arrays = {name: (_whole if name == label else _numbers)(where, name, column) for name, column in columns.items()}
    return from_columns(arrays, where, label, condition)


def _columns(frame: Any, where: Path | str, label: str | None = None, condition: Sequence[str] = ()) -> dict[str, Any]:
    """Name -> column, in the library's own type."""
    arrow = hasattr(type(frame), "column_names")
    index = _index(frame.schema.pandas_metadata or {}) if arrow else []
    every = frame.column_names if arrow else frame.columns
    names = [name for name in every if name not in index or name in (label, *condition)]
    require_columns(where, [str(name) for name in names], label, condition)
    return {str(name): frame[name] for name in names}


def _index(metadata: Mapping[str, Any]) -> list[str]:
    """Columns of a table that were a data frame's index; one that only counts is described and is no column."""
    return [name for name in metadata.get("index_columns", []) if isinstance(name, str)]


def _whole(where: Path | str, name: str, column: Any) -> np.ndarray:
    array = as_numpy(column, f"{where} column {name!r}")
    if rows := missing(array):
        raise UserError(f"{where} row {rows[0]}, column {name!r}: a missing value; drop the row or fill it in")
    return array


def _numbers(where: Path | str, name: str, column: Any) -> np.ndarray:
    array = _whole(where, name, column)
    if array.dtype.kind not in "biuf":
        held = getattr(column, "type", getattr(column, "dtype", array.dtype))
        passed = f"--label {name}" if isinstance(where, Path) else f"label={name!r}"
        raise UserError(
            f"{where} column {name!r} holds {held}, not numbers; if it names the class, pass {passed}, else make it "
            "numbers or leave it out"
        )
    return array


def require_columns(where: Path | str, names: Sequence[str], label: str | None, condition: Sequence[str]) -> None:
    """See that every column has a name of its own, and that those that were asked for are there.

    Raises:
        UserError: where not.
    """
    if "" in names:
        raise UserError(
            f"{where}: column {list(names).index('') + 1} has no name; give it one, or drop it if it counts the rows "
            "(pandas: to_csv(..., index=False))"
        )
    if (twice := repeated(names)) is not None:
        raise UserError(f"{where} has two columns named {twice!r}; rename one")
    require_names("column", where, names, label, condition)


def from_columns(
    columns: Mapping[str, np.ndarray], where: Path | str, label: str | None, condition: Sequence[str]
) -> Contents:
    """Columns [n] apart: the label, the conditions, and the examples, which are all others.

    Raises:
        UserError: where no column is left for the examples.
    """
    data = [name for name in columns if name != label and name not in condition]
    if not data:
        raise UserError(f"{where}: every column is a label or a condition; leave at least one for the examples")
    return Contents(
        x=np.stack([columns[name] for name in data], 1),
        labels=columns[label] if label else None,
        values=np.stack([columns[name] for name in condition], 1) if condition else None,
        label=label or "class",
        variables=tuple(condition),
        columns=tuple(data),
    )
