"""A file is written whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import BinaryIO

import pytest

from allmodes.atomic import sweep, write_new, write_whole
from allmodes.errors import UserError


def test_the_file_holds_what_was_written_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.bin"
    write_whole(path, lambda file: file.write(b"first"))
    write_whole(path, lambda file: file.write(b"second"))
    assert path.read_bytes() == b"second"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_the_old_file_and_no_part_of_the_new(tmp_path: Path, number: int) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")

    def fill(file: BinaryIO) -> None:
        file.write(b"half of the new")
        raise OSError(number, "full")

    with pytest.raises(
        UserError, match=r"no space left on the device while writing .*file\.bin; nothing was overwritten"
    ):
        write_whole(path, fill)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_fills_up_at_the_flush_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match="no space left"):
        write_whole(tmp_path / "file.bin", lambda file: file.write(b"x"))
    assert not list(tmp_path.iterdir())


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupt(file: BinaryIO) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "file.bin", interrupt)
    assert not list(tmp_path.iterdir())


def test_a_folder_of_that_name_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(UserError, match=r"cannot write .*taken"):
        write_whole(tmp_path / "taken", lambda file: file.write(b"x"))
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize("links", [True, False])
def test_a_new_file_takes_the_place_of_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "a drive without hard links")

    if not links:
        monkeypatch.setattr("os.link", refuse)
    path = tmp_path / "file.bin"
    assert write_new(path, lambda file: file.write(b"first"))
    assert not write_new(path, lambda file: file.write(b"second"))
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_the_folder_is_flushed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr("allmodes.atomic.flush_folder", flushed.append)
    write_whole(tmp_path / "file.bin", lambda file: file.write(b"x"))
    assert flushed == [tmp_path]


def test_only_what_a_killed_process_left_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / ".run.json.0123abcd.tmp").touch()
    (tmp_path / ".run.json.mine.tmp").touch()
    sweep(tmp_path, "run.json")
    assert [path.name for path in tmp_path.iterdir()] == [".run.json.mine.tmp"]
