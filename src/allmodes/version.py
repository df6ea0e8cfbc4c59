"""Versions of what is installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed


def version(package: str = "allmodes") -> str:
    """Of a package; "unknown" of one that was not installed, such as this one where only its source is in the path."""
    try:
        return installed(package)
    except PackageNotFoundError:
        return "unknown"
