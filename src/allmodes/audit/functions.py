"""The user's own functions: named, and called with care."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from allmodes.audit.subject import Examples
from allmodes.data.labels import as_numpy
from allmodes.errors import UserError, said
from allmodes.functions import Function, Given, arity, file_of, find_function


def named_functions(given: Mapping[str, Given] | Iterable[Given] | Given | None, what: str) -> dict[str, Function]:
    """Functions under the names that a report calls them by.

    Arguments:
        given: functions, or "file.py:function" or "module:function" each. A mapping names them, and so does
            "name=file.py:function".
        what: for errors: "observable".

    Raises:
        UserError: for one that is not there, cannot be called, or two of one name.
    """
    if given is None:
        return {}
    if isinstance(given, str) or callable(given):
        given = [given]
    if isinstance(given, Mapping):
        return {str(name): find_function(one, what) for name, one in given.items()}
    functions: dict[str, Function] = {}
    for one in given:
        own, source = _named(one)
        function = find_function(source, what)
        name = own or (source.rpartition(":")[2] if isinstance(source, str) else _name_of(source))
        if name in functions:
            raise UserError(
                f"two {what}s are called {name!r}; name them: a=file.py:function, or {{'a': ..., 'b': ...}}"
            )
        functions[name] = function
    return functions


def _named(given: Given) -> tuple[str, Given]:
    """The name before a function's own place, empty where there is none, and the place."""
    if not isinstance(given, str) or "=" not in given or file_of(given):
        return "", given
    name, _, place = map(str.strip, given.partition("="))
    return (name, place) if name and place else ("", given)


def _name_of(function: Function) -> str:
    return getattr(function, "__name__", type(function).__name__)


def numbers(function: Function, examples: Examples, name: str, what: str) -> np.ndarray:
    """One number an example, [n] float64.

    The function is called as function(x), or as function(x, condition) where it takes two arguments, with x as float32
    whatever type the data have: differences of bytes would wrap. It is a copy, which the function may change.

    Raises:
        UserError: where it raises, returns another number of rows, no numbers, or NaN.
    """
    x = examples.x.astype(np.float32)
    arguments = (x,) if arity(function) < 2 else (x, examples.condition)
    try:
        values = function(*arguments)
    except (Exception, SystemExit) as error:
        raise UserError(f"{what} {name} raised {said(error)}") from error
    array = returned(values, f"{what} {name}", "one number an example")
    n = len(examples)
    if array.shape == (n, 1):
        array = array[:, 0]
    if array.shape != (n,):
        raise UserError(f"{what} {name} returned shape {array.shape} for {n} examples; return one number each, [{n}]")
    if bad := int((~np.isfinite(array)).sum()):
        first = int(np.flatnonzero(~np.isfinite(array))[0])
        raise UserError(f"{what} {name} returned NaN or infinity for {bad} of {n} examples, the first is row {first}")
    return array


def returned(values: Any, of: str, due: str) -> np.ndarray:
    """What a user's function returned, as float64.

    Arguments:
        of: the function, and `due`, what it should return, for errors.

    Raises:
        UserError: for what is no array of real numbers.
    """
    held = f"a {type(values).__name__}"
    try:
        array = as_numpy(values)
        if array.dtype.kind in "biufO":
            return array.astype(np.float64)
        held = f"{held} of {array.dtype}" if array.ndim else held
    except (TypeError, ValueError):
        pass
    raise UserError(f"{of} returned {held} and not {due}")
