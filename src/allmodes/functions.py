"""A function of the user's, found by name."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from allmodes.errors import UserError, said, unknown

Function = Callable[..., Any]
Given = str | Function


def find_function(given: Given, what: str) -> Function:
    """A function, itself, or as "module:function" or "file.py:function"; the current folder has modules too.

    Arguments:
        what: for errors: "observable".

    Raises:
        UserError: where it is not there, or its module raises.
    """
    if callable(given):
        return given
    module, colon, name = given.partition(":") if isinstance(given, str) else ("", "", "")
    if not (module and colon and name):
        raise UserError(f"{what} {given!r}: write file.py:function, such as physics.py:energy for energy in physics.py")
    folder = Path.cwd()
    if module.endswith(".py"):
        folder, module = Path(module).parent.resolve(), Path(module).stem
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        home = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0] and error.name != module:
            raise UserError(f"{what} {given}: {module} needs {error.name}, which is not installed") from None
        raise UserError(f"{what} {given}: there is no {module}.py in {folder} and no such package") from None
    except Exception as error:
        raise UserError(f"{what} {given}: importing {module} raised {said(error)}") from error
    if not hasattr(home, name):
        names = [key for key, value in vars(home).items() if callable(value) and not key.startswith("_")]
        raise unknown(f"function in {module},", name, names)
    function = getattr(home, name)
    if not callable(function):
        raise UserError(f"{what} {given}: {name} is a {type(function).__name__} and not a function")
    return function
