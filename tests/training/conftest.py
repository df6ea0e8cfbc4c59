"""A small disk that can be filled."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

BLOCK = 4096


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    asked = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(asked, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def fill() -> Callable[[Path, int], None]:
    """Writes a file until its disk is full but for some blocks."""

    def write(filler: Path, spare: int) -> None:
        with filler.open("wb", buffering=0) as file:
            with suppress(OSError):
                while True:
                    file.write(bytes(BLOCK))
            file.truncate(file.tell() // BLOCK * BLOCK - BLOCK * spare)

    return write
