"""Values for JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

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


def fits(value: Any, hint: Any) -> bool:
    """Whether a value out of JSON is of a type, with all that it holds; in place of a type, keys and their types.

    >>> fits([1, 2.5], list[float]), fits({"step": "1"}, {"step": int}), fits([{"step": 1}], [{"step": int}])
    (True, False, True)
    >>> fits(float("nan"), float), fits(True, int), fits({"a": None}, dict[str, str | None])
    (False, False, True)
    """
    if hint is Any:
        return True
    if isinstance(hint, UnionType):
        return any(fits(value, one) for one in get_args(hint))
    if isinstance(hint, Mapping):
        return isinstance(value, dict) and all(key in value and fits(value[key], one) for key, one in hint.items())
    if isinstance(hint, list):
        return isinstance(value, list) and all(fits(one, hint[0]) for one in value)
    if hint is int or hint is float:
        return type(value) is int or (hint is float and type(value) is float and math.isfinite(value))
    kind, parts = get_origin(hint) or hint, get_args(hint)
    if not parts or not isinstance(value, kind):
        return isinstance(value, kind)
    if kind is dict:
        return all(fits(key, parts[0]) and fits(one, parts[1]) for key, one in value.items())
    return all(fits(one, parts[0]) for one in value)


def require_types(record: Any, more: Mapping[str, Any] | None = None) -> None:
    """See that a record made of JSON holds what its annotations say.

    Arguments:
        record: a dataclass's.
        more: what `fits` asks of some attributes instead.

    Raises:
        TypeError: naming the first that does not.
    """
    hints = {**get_type_hints(type(record)), **(more or {})}
    require_fits({name: getattr(record, name) for name in hints}, hints)


def require_fits(values: Mapping[str, Any], hints: Mapping[str, Any]) -> None:
    """See that named values are there and of their types, as `fits` takes them.

    Raises:
        KeyError, TypeError: naming the first that is not.
    """
    for name, hint in hints.items():
        if not fits(values[name], hint):
            raise TypeError(f"{name} is {repr(values[name])[:80]}")
