"""The user's own functions: found by name, called with care."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from allmodes.audit.subject import Examples
from allmodes.data.labels import as_numpy
from allmodes.errors import UserError, unknown

Function = Callable[..., Any]
Given = str | Function


def named_functions(given: Mapping[str, Given] | Iterable[Given] | Given | None, what: str) -> dict[str, Function]:
    """Functions under the names that a report calls them by.

    Arguments:
        given: functions, or "module:function" each; a mapping names them.
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
        function = find_function(one, what)
        name = one.rpartition(":")[2] if isinstance(one, str) else getattr(one, "__name__", type(one).__name__)
        if name in functions:
            raise UserError(f"two {what}s are called {name!r}; name them: {{'a': ..., 'b': ...}}")
        functions[name] = function
    return functions


def find_function(given: Given, what: str) -> Function:
    """A function, itself or as "module:function"; modules are also looked for in the current folder.

    Raises:
        UserError: where it is not there, or its module raises.
    """
    if callable(given):
        return given
    module, colon, name = given.partition(":") if isinstance(given, str) else ("", "", "")
    if not (module and colon and name):
        raise UserError(f"{what} {given!r}: write module:function, such as physics:energy for energy in physics.py")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        home = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0] and error.name != module:
            raise UserError(f"{what} {given}: {module} needs {error.name}, which is not installed") from None
        raise UserError(f"{what} {given}: there is no module {module!r} here or among the packages") from None
    except Exception as error:
        raise UserError(f"{what} {given}: importing {module} raised {said(error)}") from error
    if not hasattr(home, name):
        names = [key for key, value in vars(home).items() if callable(value) and not key.startswith("_")]
        raise unknown(f"function in {module},", name, names)
    function = getattr(home, name)
    if not callable(function):
        raise UserError(f"{what} {given}: {name} is a {type(function).__name__} and not a function")
    return function


def numbers(function: Function, examples: Examples, name: str, what: str) -> np.ndarray:
    """One number an example, [n] float64.

    The function is called as function(x), or as function(x, condition) where it takes two arguments.

    Raises:
        UserError: where it raises, returns another number of rows, no numbers, or NaN.
    """
    arguments = (examples.x,) if _arity(function) < 2 else (examples.x, examples.condition)
    try:
        values = function(*arguments)
    except Exception as error:
        raise UserError(f"{what} {name} raised {said(error)}") from error
    try:
        array = np.asarray(as_numpy(values), np.float64)
    except (TypeError, ValueError):
        raise UserError(f"{what} {name} returned a {type(values).__name__} and not one number an example") from None
    n = len(examples)
    if array.shape == (n, 1):
        array = array[:, 0]
    if array.shape != (n,):
        raise UserError(f"{what} {name} returned shape {array.shape} for {n} examples; return one number each, [{n}]")
    if bad := int((~np.isfinite(array)).sum()):
        first = int(np.flatnonzero(~np.isfinite(array))[0])
        raise UserError(f"{what} {name} returned NaN or infinity for {bad} of {n} examples, the first is row {first}")
    return array


def said(error: Exception) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _arity(function: Function) -> int:
    """Positional arguments that must be given."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is inspect.Parameter.empty for p in parameters)
