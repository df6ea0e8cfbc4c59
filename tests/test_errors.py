"""What a user gives is taken as it is meant, or refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from allmodes.errors import UserError, path_of


def test_a_path_is_taken_as_it_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert path_of("~/a.npy") == tmp_path / "a.npy"
    assert path_of(Path("nowhere") / "a.npy") == Path("nowhere/a.npy")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("~nobody-of-this-name/a", "^~nobody-of-this-name/a: no home folder ~nobody-of-this-name is known; give the"),
        ("a" * 300, r"^a{200} \.\.\. is too long for a path; a name in it has at most 255 bytes$"),
        ("folder/" + "\N{GREEK SMALL LETTER ALPHA}" * 128, "is too long for a path"),
        (2_000 * "abc/", "is too long for a path"),
        ("a\0b", r"^'a\\x00b' is no path \(embedded null byte\)"),
    ],
)
def test_what_can_be_no_path_is_refused(given: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        path_of(given)
