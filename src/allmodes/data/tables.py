"""Tables: CSV and Parquet files, one row an example."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

import numpy as np

from allmodes.data.contents import Contents, damaged, extra, reading
from allmodes.data.frames import from_columns, read_frame, require_columns
from allmodes.errors import UserError, one_line, short

_DELIMITERS = ",;\t"
_AHEAD = 10
"""Lines after the first that are looked at for where its names end."""
_ROWS = 1_000
"""Rows whose cells are held as text at a time: of many, Python's garbage collector costs more than reading them."""


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


def _parse(path: Path, file: Iterator[str], label: str | None, condition: Sequence[str]) -> Contents:
    start, first = next(
        ((i, line.strip("# \r\n") + "\n") for i, line in enumerate(file, 1) if line.strip("# \t\r\n")), (0, "")
    )
    if not start:
        raise UserError(f"{path} holds only blank lines; write it again")
    ahead = list(islice(file, _AHEAD))
    bare = re.sub('"[^"]*"', "", "".join([first, *ahead])).partition("\n")[0]
    delimiter = _delimiter(bare)
    if delimiter not in bare and _spaced(first.split(), ahead[0].split() if ahead else []):
        delimiter = " "
    spaced = delimiter == " "
    lines = chain([first], ahead, file)
    lines = (line.strip() for line in lines) if spaced else lines
    records = _records(path, csv.reader(lines, delimiter=delimiter, skipinitialspace=spaced), start)
    _, last, cells = next(records)
    cells = [one_line(cell) for cell in cells]
    header = _is_header(cells)
    names = cells if header else [f"column{i + 1}" for i in range(len(cells))]
    require_columns(path, names, label, condition)
    if last > start and not header:
        raise _unclosed(path, start)

    rows = _rows(path, records, len(names))
    if not header:
        rows = chain([(start, cells)], rows)
    blocks: dict[str, list[np.ndarray]] = {name: [] for name in names}
    while block := list(islice(rows, _ROWS)):
        places, texts = zip(*block, strict=True)
        for name, column in zip(names, zip(*texts, strict=True), strict=True):
            convert = _words if name == label else _numbers
            blocks[name].append(convert(path, name, column, places))
    if not blocks[names[0]]:
        if last > start:
            raise _unclosed(path, start)
        raise UserError(f"{path} has a line of names and no rows; add examples")
    return from_columns({name: np.concatenate(blocks.pop(name)) for name in names}, path, label, condition)


def _delimiter(line: str) -> str:
    """What stands between the cells of a line without quotes: all of them decimal numbers, or else most often."""
    apart = (sign for sign in ";\t" if sign in line and all(_is_number(_pointed(cell)) for cell in line.split(sign)))
    return next(apart, max(_DELIMITERS, key=line.count))


def _pointed(cell: str) -> str:
    return cell.replace(",", ".")


def _spaced(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether cells lie between spaces: numbers, or names above as many cells with numbers among them."""
    named = len(second) == len(first) and any(map(_is_number, second))
    return len(first) > 1 and (named or all(map(_is_number, first)))


def _is_header(cells: Sequence[str]) -> bool:
    counted = len(cells) > 1 and list(cells) == [str(i) for i in range(len(cells))]
    return counted or not any(_is_number(_pointed(cell)) for cell in cells)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # of which Python takes 1_0 for a number


def _records(path: Path, reader: Iterator[list[str]], start: int) -> Iterator[tuple[int, int, list[str]]]:
    """First line, last line and cells of each row; blank lines are passed over."""
    first = start
    try:
        for row in reader:
            last = start - 1 + reader.line_num  # type: ignore[attr-defined]
            if row:
                yield first, last, row
            first = last + 1
    except csv.Error as error:
        if start - 1 + reader.line_num > first:  # type: ignore[attr-defined]
            raise _unclosed(path, first) from error
        raise damaged(path, f"line {first}: {error}") from error


def _rows(path: Path, records: Iterator[tuple[int, int, list[str]]], width: int) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row."""
    for line, last, row in records:
        if last > line:
            raise _unclosed(path, line)
        if len(row) != width:
            raise UserError(f"{path} line {line} has {len(row)} cells, the first line has {width}; mend that line")
        yield line, row


def _unclosed(path: Path, line: int) -> UserError:
    return UserError(f"{path} line {line}: a quote is not closed; close it, or take the line break out of the cell")


def _numbers(path: Path, name: str, column: Sequence[str], lines: Sequence[int]) -> np.ndarray:
    try:
        if "_" in "".join(column):
            raise ValueError
        numbers = np.fromiter(map(float, column), np.float64, len(column))
    except ValueError:
        numbers = np.array([float(cell) if _is_number(cell) else math.nan for cell in column])
    if np.isfinite(numbers).all():
        return numbers
    wrong = int(np.flatnonzero(~np.isfinite(numbers))[0])
    cell, where = column[wrong].strip(), f"{path} line {lines[wrong]}, column {name!r}"
    if not cell or _is_number(cell):
        raise UserError(f"{where}: {short(cell) or 'an empty cell'} is no value; drop the row or fill it in")
    quoted = short(repr(cell))
    if _is_number(_pointed(cell)):
        raise UserError(f"{where}: {quoted} has a comma; write 1.5 with a point, and nothing between thousands")
    raise UserError(f"{where}: {quoted} is not a number; if the column names the class, pass --label {name}")


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
    pyarrow, parquet = extra("pyarrow", path), extra("pyarrow.parquet", path)
    with reading(path):
        try:
            with parquet.ParquetFile(path) as file:
                return read_frame(file.read(), path, label, condition)
        except pyarrow.ArrowException as error:
            raise damaged(path, error) from error
