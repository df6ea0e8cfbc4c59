"""Where the tests find real data, if they are there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data sets; tests that ask for it are skipped where there is none."""
    folder = Path(os.environ.get("ALLMODES_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set ALLMODES_SHARED_DATA")
    return folder
