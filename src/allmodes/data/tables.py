"""Tables: CSV and Parquet files, one row an example."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

import numpy as np

from allmodes.data.contents import Contents, damaged, extra, reading
from allmodes.data.frames import from_columns, read_frame, require_columns
from allmodes.errors import UserError

_DELIMITERS = ",;\t"
_ROWS = 50_000


def read_csv(path: Path, label: str | None, condition: Sequence[str]) -> Contents:
    """Numbers from a text table: commas, semicolons, tabs or spaces, with or without a line of names.

    The first line holds names when none of its cells is a number, or when it counts 0, 1, 2 (a data frame without
    names); else columns are called column1, column2, ...

    Arguments:
        label: column that names the class, any text.
        condition: columns that are continuous conditions.

    Raises:
        UserError: for a cell that is empty, text or not finite, by line and column; for a row of another length; for a
            column that is not there.
    """
    with reading(path), path.open(encoding="utf-8-sig", newline="") as file:
        try:
            return _parse(path, file, label, condition)
        except UnicodeDecodeError as error:
            raise UserError(
                f"{path} is not UTF-8 text ({error.reason} at byte {error.start}); save it as that"
            ) from error
        except csv.Error as error:
            raise damaged(path, error) from error


def _parse(path: Path, file: Iterator[str], label: str | None, condition: Sequence[str]) -> Contents:
    start, first = next(
        ((i, line.strip("# \r\n")) for i, line in enumerate(file, 1) if line.strip("# \t\r\n")), (0, "")
    )
    if not start:
        raise UserError(f"{path} holds only blank lines; write it again")
    delimiter = max(_DELIMITERS, key=first.count)
    second = next(file, "")
    file = chain([second], file)
    if delimiter not in first and _spaced(first.split(), second.split()):
        delimiter = " "
    spaced = delimiter == " "
    cells = [cell.strip() for cell in next(csv.reader([first], delimiter=delimiter, skipinitialspace=spaced))]
    header = _is_header(cells)
    names = cells if header else [f"column{i + 1}" for i in range(len(cells))]
    require_columns(path, names, label, condition)

    lines = (line.strip() for line in file) if spaced else file
    rows = _rows(path, csv.reader(lines, delimiter=delimiter, skipinitialspace=spaced), len(names), start)
    if not header:
        rows = chain([(start, cells)], rows)
    blocks: dict[str, list[np.ndarray]] = {name: [] for name in names}
    while block := list(islice(rows, _ROWS)):
        lines, texts = zip(*block, strict=True)
        for name, column in zip(names, zip(*texts, strict=True), strict=True):
            convert = _words if name == label else _numbers
            blocks[name].append(convert(path, name, column, lines))
    if not blocks[names[0]]:
        raise UserError(f"{path} has a line of names and no rows; add examples")
    return from_columns({name: np.concatenate(parts) for name, parts in blocks.items()}, path, label, condition)


def _spaced(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether cells lie between spaces: numbers, or names above as many cells with numbers among them."""
    named = len(second) == len(first) and any(map(_is_number, second))
    return len(first) > 1 and (named or all(map(_is_number, first)))


def _is_header(cells: Sequence[str]) -> bool:
    counted = len(cells) > 1 and list(cells) == [str(i) for i in range(len(cells))]
    return counted or not any(_is_number(cell) for cell in cells)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _rows(path: Path, reader: Iterator[list[str]], width: int, start: int) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row; blank lines are passed over."""
    for row in reader:
        line = start + reader.line_num  # type: ignore[attr-defined]
        if not row:
            continue
        if len(row) != width:
            raise UserError(f"{path} line {line} has {len(row)} cells, the first line has {width}; mend that line")
        yield line, row


def _numbers(path: Path, name: str, column: Sequence[str], lines: Sequence[int]) -> np.ndarray:
    try:
        numbers = np.fromiter(map(float, column), np.float64, len(column))
    except ValueError:
        numbers = np.array([float(cell) if _is_number(cell) else math.nan for cell in column])
    if np.isfinite(numbers).all():
        return numbers
    wrong = int(np.flatnonzero(~np.isfinite(numbers))[0])
    cell, where = column[wrong].strip(), f"{path} line {lines[wrong]}, column {name!r}"
    if not cell or _is_number(cell):
        raise UserError(f"{where}: {cell or 'an empty cell'} is no value; drop the row or fill it in")
    if _is_number(cell.replace(",", ".")):
        raise UserError(f"{where}: {cell!r} has a comma; write 1.5 with a point, and nothing between thousands")
    raise UserError(f"{where}: {cell!r} is not a number; if the column names the class, pass --label {name}")


def _words(path: Path, name: str, column: Sequence[str], lines: Sequence[int]) -> np.ndarray:
    words = [cell.strip() for cell in column]
    if "" in words:
        where = f"{path} line {lines[words.index('')]}, column {name!r}"
        raise UserError(f"{where}: an empty label; drop the row or fill it in")
    return np.array(words, object)  # one long word does not make all of them long


def read_parquet(path: Path, label: str | None, condition: Sequence[str]) -> Contents:
    """Numbers from a Parquet file; see `read_frame`.

    Raises:
        UserError: for a column that is neither numbers nor the label, a missing value, or a column that is not there.
    """
    parquet = extra("pyarrow.parquet", path)
    with reading(path):
        try:
            table = parquet.read_table(path)
        except ValueError as error:  # pyarrow's ArrowInvalid
            raise damaged(path, error) from error
    return read_frame(table, path, label, condition)
