"""What the bits of a run depend on beside its plan: programs, and the user's own files."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from allmodes.functions import file_of, shown
from allmodes.training.hardware import computes_in_bf16
from allmodes.version import version


def programs() -> dict[str, str]:
    """The versions of the programs, and what the processor computes with."""
    cpu = torch.device("cpu")
    return {
        "allmodes": version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "processor": torch.backends.cpu.get_cpu_capability() + (" and bfloat16" if computes_in_bf16(cpu) else ""),
    }


def digests(recipe: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """The digests of the user's files that a recipe and its settings name, by their whole paths."""
    named = [recipe, *(value for value in settings.values() if isinstance(value, str))]
    files = [file for value in named if (file := file_of(value))]
    return {str(file): f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files}


def changed(recipe: str, settings: Mapping[str, Any], was: Mapping[str, str]) -> list[str]:
    """Those of the files whose digest was another, as they are called from the current folder."""
    return [shown(Path(file)) for file, digest in digests(recipe, settings).items() if digest != was.get(file)]
