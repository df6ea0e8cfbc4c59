"""Tables: numbers arrive as they were written, and a bad cell is named by line and column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from allmodes.data import tables
from allmodes.data.files import read
from allmodes.errors import UserError


def table(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters_are_told_apart(tmp_path: Path, delimiter: str) -> None:
    text = "size,width\n1.5,-2\n3e4,4\n".replace(",", delimiter)
    contents = read(table(tmp_path, text))
    assert contents.columns == ("size", "width")
    assert np.array_equal(contents.x, [[1.5, -2], [3e4, 4]])


@pytest.mark.parametrize(
    ("first", "names", "rows"),
    [
        ("5,6", ("column1", "column2"), 3),
        ("a,b", ("a", "b"), 2),
        ("\ufeffa,b", ("a", "b"), 2),
        ("# a, b", ("a", "b"), 2),
        ("\n#\na,b", ("a", "b"), 2),
        ("0,1", ("0", "1"), 2),
        ('"first, of two",b', ("first, of two", "b"), 2),
        ('"first\nof two",b', ("first of two", "b"), 2),
        ('a,"b\n\n(m)"', ("a", "b (m)"), 2),
    ],
)
def test_a_line_of_names_is_told_from_numbers(tmp_path: Path, first: str, names: tuple[str, ...], rows: int) -> None:
    contents = read(table(tmp_path, f"{first}\n1,2\n\n3,4\n"))
    assert contents.columns == names
    assert len(contents.x) == rows


@pytest.mark.parametrize("first", ['"a, m";"b, m, s"', '"a, m\n";"b, m, s"'])
def test_a_sign_inside_quotes_is_no_delimiter(tmp_path: Path, first: str) -> None:
    contents = read(table(tmp_path, f"{first}\n1;2\n3;4\n"))
    assert contents.columns == ("a, m", "b, m, s")
    assert contents.x.tolist() == [[1, 2], [3, 4]]


def test_label_and_conditions_leave_the_examples(tmp_path: Path) -> None:
    text = "a,kind,energy,b,angle\n1, gamma,10,2,30\n3,proton ,20,4,60\n"
    contents = read(table(tmp_path, text), label="kind", condition=["angle", "energy"])
    assert contents.columns == ("a", "b")
    assert (contents.label, contents.variables) == ("kind", ("angle", "energy"))
    assert contents.labels is not None
    assert contents.labels.tolist() == ["gamma", "proton"]
    assert contents.values is not None
    assert contents.values.tolist() == [[30, 10], [60, 20]]
    assert contents.x.tolist() == [[1, 2], [3, 4]]


def test_blocks_are_joined_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_ROWS", 7)
    lines = "".join(f"{i},{-i}\n" for i in range(100))
    assert read(table(tmp_path, lines)).x[:, 0].tolist() == list(range(100))
    with pytest.raises(UserError, match="line 51, column 'column2': 'oops'"):
        read(table(tmp_path, lines.replace(",-50\n", ",oops\n")))


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("a,b\n1,2\n3,gamma\n", {}, r"table\.csv line 3, column 'b': 'gamma' is not a number; .* --label b"),
        ("a,b\n1,2\n3,\n", {}, "line 3, column 'b': an empty cell is no value"),
        ("a,b\n\n1,nan\n", {}, "line 3, column 'b': nan is no value"),
        ("1,2\ninf,3\n", {}, "line 2, column 'column1': inf is no value"),
        ("a,b\n1,2\n3\n", {}, "line 3 has 1 cells, the first line has 2"),
        ("a,kind\n1,x\n", {"label": "kinds"}, "'kinds'; did you mean 'kind'"),
        ("a,kind\n1,x\n", {"condition": ["energy"]}, "unknown column of .* 'energy'.*Known: a, kind"),
        ("a,kind\n1,x\n2,\n", {"label": "kind"}, "line 3, column 'kind': an empty label"),
        ("a,a\n1,2\n", {}, "two columns named 'a'"),
        ("a,b\n", {}, "a line of names and no rows"),
        ("\n \n", {}, "only blank lines"),
        ("\na,b\n1,2\n3\n", {}, "line 4 has 1 cells"),
        ('a,b\n1,2\n3,"4\n5,6\n', {}, "line 3: a quote is not closed; close it"),
        ('a,kind\n1,"x"\n2,"y\n3,"x"\n', {"label": "kind"}, "line 3: a quote is not closed"),
        ('a,b\n1,"' + 30_000 * "2,3\n4,5\n", {}, "line 2: a quote is not closed"),
        ("a,b\n1," + 200_000 * "2", {}, r"damaged \(line 2: field larger than"),
        ('a,"b\n1,2\n3,4\n', {}, "line 1: a quote is not closed"),
        ('1,"x\n2,y"\n', {"label": "column2"}, "line 1: a quote is not closed"),
        ("a,b\n1,1_0\n", {}, "line 2, column 'b': '1_0' is not a number"),
        ("a,b\n1," + 999 * "x", {}, r"'xxx[x]{1,200} \.\.\. is not a number"),
        ("a\nx\n", {"label": "a"}, "leave at least one for the examples"),
        ("a,b\n1,2\n", {"label": "a", "condition": ["a"]}, "both the label and a condition"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, options: dict, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        read(table(tmp_path, text), **options)
    assert "\n" not in str(caught.value)


def test_text_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes("größe,b\n1,2\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"latin\.csv.*not UTF-8"):
        read(path)


def test_parquet_gives_what_csv_gives(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "table.parquet"
    columns = {"a": [1.5, 2.5], "n": [1, 2], "kind": ["gamma", "proton"], "energy": [10.0, 20.0]}
    parquet.write_table(pyarrow.table(columns), path)
    contents = read(path, label="kind", condition=["energy"])
    assert contents.x.tolist() == [[1.5, 1], [2.5, 2]]
    assert contents.labels is not None
    assert contents.labels.tolist() == ["gamma", "proton"]
    assert contents.values is not None
    assert contents.values.tolist() == [[10], [20]]
    with pytest.raises(UserError, match=r"column 'kind' holds string, not numbers; .* --label kind"):
        read(path)
    frame = pyarrow.table({"a": [1.5, 2.5], "__index_level_0__": [3, 9]})
    parquet.write_table(frame.replace_schema_metadata({"pandas": '{"index_columns": ["__index_level_0__"]}'}), path)
    assert read(path).columns == ("a",)
    assert read(path, condition=["__index_level_0__"]).variables == ("__index_level_0__",)
    parquet.write_table(pyarrow.table([[1.0], [2.0]], names=["a", "a"]), path)
    with pytest.raises(UserError, match="has two columns named 'a'; rename one"):
        read(path)
    parquet.write_table(pyarrow.table({"a": [1.0, None]}), path)
    with pytest.raises(UserError, match="row 1, column 'a': a missing value"):
        read(path)
    latin = pyarrow.Array.from_buffers(pyarrow.string(), 1, pyarrow.array([b"\xe9"]).buffers())
    parquet.write_table(pyarrow.table({"a": [1.0], "kind": latin}), path)
    with pytest.raises(UserError, match=r"table\.parquet is truncated or damaged"):
        read(path, label="kind")
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(UserError, match="truncated or damaged"):
        read(path)


def test_spaces_are_a_delimiter_of_numbers(tmp_path: Path) -> None:
    contents = read(table(tmp_path, ["# of numpy.savetxt", " 1.5   -2\n3e4 4 \n"][1]))
    assert contents.x.tolist() == [[1.5, -2], [3e4, 4]]


@pytest.mark.parametrize("first", ["# E x kind", "E  x kind"])
def test_names_may_have_spaces_between_them(tmp_path: Path, first: str) -> None:
    contents = read(table(tmp_path, f"{first}\n1.5 -2 gamma\n3e4 4 proton\n"), label="kind")
    assert contents.columns == ("E", "x")
    assert contents.x.tolist() == [[1.5, -2], [3e4, 4]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (",a\n0,1\n1,2\n", r"column 1 has no name; .*pandas: to_csv"),
        ("0,1;1,1;2,1\n", r"line 1, column 'column1': '0,1' has a comma; write 1\.5 with a point"),
        ("0,1\t1\t2,1\n", r"line 1, column 'column1': '0,1' has a comma"),
        ("a;b\n1,5;2\n", r"line 2, column 'a': '1,5' has a comma; write 1\.5 with a point"),
    ],
)
def test_what_other_programs_write_is_explained(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read(table(tmp_path, text))


def test_a_condition_that_is_asked_for_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'a' is given twice"):
        read(table(tmp_path, "a,b\n1,2\n"), condition=["a", "a"])
