"""Train generative models. Know what they miss."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from allmodes.audit.api import audit
    from allmodes.audit.parzen import parzen
    from allmodes.comparison import compare
    from allmodes.data.dataset import load_data
    from allmodes.errors import UserError
    from allmodes.training.run import Run, load
    from allmodes.training.study import study
    from allmodes.training.train import train

# Torch reads this at its first allocation: memory in huge pages where Linux gives them when asked. Without it two
# threads of a convolution wait for addresses: DCGAN makes up to 1.2 times the steps with it.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

__all__ = ["Run", "UserError", "audit", "compare", "load", "load_data", "parzen", "study", "train"]

_HOMES = {
    "Run": "training.run",
    "UserError": "errors",
    "compare": "comparison",
    "load": "training.run",
    "load_data": "data.dataset",
    "parzen": "audit.parzen",
    "study": "training.study",
    "train": "training.train",
}


def __getattr__(name: str) -> Any:
    if name == "audit":  # a package that can be called
        return import_module("allmodes.audit")
    if name not in _HOMES:
        raise AttributeError(f"module 'allmodes' has no attribute {name!r}")
    return getattr(import_module(f"allmodes.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
