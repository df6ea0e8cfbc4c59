"""Values for JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """The same in mappings, lists and numbers of Python's own; what is no finite number becomes null.

    >>> plain({"area": np.float32(0.5), "nats": (1, float("inf"))})
    {'area': 0.5, 'nats': [1, None]}
    """
    match value:
        case Mapping():
            return {str(key): plain(one) for key, one in value.items()}
        case list() | tuple():
            return [plain(one) for one in value]
        case np.ndarray() | np.generic():
            return plain(value.tolist())
        case float() if not math.isfinite(value):
            return None
        case _:
            return value
