"""Data frames: what a CSV file gives, their own column names, and what is no number is named by its column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from allmodes.data.dataset import load_data
from allmodes.errors import UserError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 2))
TABLE = {
    "e": RNG.standard_normal(200),
    "k": np.arange(200),
    "x": RNG.standard_normal(200),
    "kind": np.array(["gamma", "proton"])[np.arange(200) % 2],
}


def pandas_frame(columns: dict[str, Any]) -> Any:
    return pytest.importorskip("pandas").DataFrame(columns)


def polars_frame(columns: dict[str, Any]) -> Any:
    return pytest.importorskip("polars").DataFrame(columns)


def arrow_table(columns: dict[str, Any]) -> Any:
    return pytest.importorskip("pyarrow").table(columns)


FRAMES = pytest.mark.parametrize("frame", [pandas_frame, polars_frame, arrow_table])


@FRAMES
def test_a_data_frame_gives_what_a_csv_file_gives(tmp_path: Path, frame: Any) -> None:
    path = tmp_path / "table.csv"
    rows = zip(*TABLE.values(), strict=True)
    path.write_text("e,k,x,kind\n" + "".join(f"{e!s},{k},{x!s},{kind}\n" for e, k, x, kind in rows))
    expected = load_data(path, label="kind", condition=["e"])
    data = load_data(frame(TABLE), label="kind", condition=["e"])
    assert data.event == expected.event
    assert data.digest == expected.digest
    assert (data.name, data.source) == ("table", {"data": None})


@FRAMES
@pytest.mark.parametrize("name", ["e", "energy"])
def test_one_condition_may_be_named_without_a_list(frame: Any, name: str) -> None:
    data = load_data(frame({name: TABLE["e"], "x": TABLE["x"], "y": TABLE["e"]}), condition=name)
    assert (data.event.variables, data.event.columns) == ((name,), ("x", "y"))


@FRAMES
def test_conditions_in_a_data_frame_keep_their_names(frame: Any) -> None:
    data = load_data(X, conditions=frame({"e": TABLE["e"], "angle": TABLE["x"]}))
    assert data.event.variables == ("e", "angle")
    assert data.values is not None
    assert np.array_equal(data.values, np.stack([TABLE["e"], TABLE["x"]], 1).astype(np.float32))


@FRAMES
@pytest.mark.parametrize(
    ("columns", "options", "words"),
    [
        (TABLE, {}, r"^table column 'kind' holds \w+, not numbers; if it names the class, pass label='kind'"),
        (TABLE, {"label": "kinds"}, "unknown column of table 'kinds'; did you mean 'kind'"),
        (TABLE, {"label": "kind", "condition": ["z"]}, "unknown column of table 'z'"),
        ({"a": [1.0, None, 2.0]}, {}, "^table row 1, column 'a': a missing value; drop the row or fill it in"),
        ({"a": [1, 2, 3], "b": ["x", "y", None]}, {"label": "b"}, "table row 2, column 'b': a missing value"),
    ],
)
def test_a_column_that_does_not_do_is_named(frame: Any, columns: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        load_data(frame(columns), **options)


def test_columns_of_any_type_of_numbers_are_numbers_and_an_index_is_not_data() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "real": X[:, 0],
            "nullable": pandas.array(np.arange(200), dtype="Int64"),
            "flag": pandas.array(np.arange(200) % 2 > 0, dtype="boolean"),
            "category": pandas.Categorical(np.arange(200) % 3),
        },
        index=np.arange(200)[::-1],
    )
    data = load_data(frame)
    assert data.event.columns == ("real", "nullable", "flag", "category")
    rows = np.arange(200)
    assert np.array_equal(data.x, np.stack([X[:, 0], rows, rows % 2, rows % 3], 1).astype(np.float32))
    frame["flag"] = frame["flag"].where(rows != 7)
    with pytest.raises(UserError, match="row 7, column 'flag': a missing value"):
        load_data(frame)
    with pytest.raises(UserError, match="two columns named 'a'"):
        load_data(pandas.DataFrame(X, columns=["a", "a"]))
    assert load_data(pandas.DataFrame(X)).event.columns == ("0", "1")


def test_an_index_is_left_out_of_what_pandas_writes_too(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    frame = pandas_frame({"a": X[:, 0], "b": X[:, 1]})
    for rows in (frame, frame.iloc[::-1], frame.set_index("b", drop=False).rename_axis("place")):
        rows.to_parquet(tmp_path / "table.parquet")
        for table in (tmp_path / "table.parquet", pyarrow.Table.from_pandas(rows)):
            assert load_data(table).event.columns == ("a", "b")
    assert load_data(table, condition=["place"]).event.variables == ("place",)


@pytest.mark.parametrize("values", [[1, None, 3], ["x", None, "y"]])
def test_a_missing_value_is_not_filled_in_where_pyarrow_lists_the_values_once(tmp_path: Path, values: list) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "table.parquet"
    table = pyarrow.table({"a": [1.0, 2.0, 4.0], "q": pyarrow.array(values).dictionary_encode()})
    parquet.write_table(table, path)
    for data in (table, path):
        with pytest.raises(UserError, match="row 1, column 'q': a missing value"):
            load_data(data, label="q")
    with pytest.raises(UserError, match="labels are missing in 1 rows, the first is row 1"):
        load_data(X[:3], labels=table["q"])
    whole = load_data(table.filter(pyarrow.array([True, False, True])), label="q")
    assert whole.event.classes == (str(values[0]), str(values[2]))


def test_a_named_column_alone_keeps_its_name() -> None:
    frame = pandas_frame(TABLE)
    data = load_data(frame["x"], labels=frame["kind"], conditions=frame["e"])
    assert (data.event.columns, data.event.label, data.event.variables) == (("x",), "kind", ("e",))
    assert data.event.classes == ("gamma", "proton")
    condition = data.event.condition(1, {"kind": "proton", "e": 0.5})
    assert condition.values is not None
    assert torch.equal(condition.values, torch.tensor([[0.5]]))
    unnamed = load_data(X, labels=frame["kind"].rename(None), conditions=frame["e"].rename(None))
    assert (unnamed.event.label, unnamed.event.variables) == ("class", ("condition1",))


def test_missing_labels_of_pandas_are_refused() -> None:
    pandas = pytest.importorskip("pandas")
    for labels in (pandas.Series(["a", pandas.NA] * 100, dtype="string"), pandas.Categorical(["a", None] * 100)):
        with pytest.raises(UserError, match="labels are missing in 100 rows, the first is row 1"):
            load_data(X, labels=labels)


def test_a_name_stands_for_one_thing() -> None:
    frame = pandas_frame({"e": [1.0, 2.0, 4.0], "x": [0.5, 0.1, 0.3]})
    for given in ({"conditions": frame[["e"]]}, {"labels": frame["x"].astype(str).rename("x")}):
        with pytest.raises(UserError, match=r"two of the name '[ex]' among columns, conditions and label; rename one"):
            load_data(frame, **given)
