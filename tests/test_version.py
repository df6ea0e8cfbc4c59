"""What is installed, and what is only in the path."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

import pytest

import allmodes
from allmodes.version import version

Call = Callable[..., tuple[int, str, str]]


def test_a_package_that_was_not_installed_has_no_version() -> None:
    assert version("numpy") == installed("numpy")
    assert version("no-such-package") == "unknown"


def test_a_package_that_is_only_in_the_path_trains_and_tells_no_version(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("allmodes.version.installed", missing)
    assert call("--version")[1] == "allmodes unknown\n"
    run = allmodes.train("gan2014", "ring", steps=1, settings={"width": 8}, out="run")
    assert run.plan.versions["allmodes"] == "unknown"


def missing(package: str) -> str:
    raise PackageNotFoundError(package)
