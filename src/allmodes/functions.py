"""A function of the user's, found by name."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from allmodes.errors import UserError, path_of, said, unknown

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
    source, colon, name = given.rpartition(":") if isinstance(given, str) else ("", "", "")
    if not (source and colon and name):
        raise UserError(f"{what} {given!r}: write file.py:function, such as physics.py:energy for energy in physics.py")
    file = file_of(given)
    if file is None and source.endswith(".py"):
        raise UserError(f"{what} {given}: there is no file {path_of(source).resolve()}")
    try:
        home = _file(file) if file else _module(source)
    except ModuleNotFoundError as error:
        if error.name in (source, source.partition(".")[0]):
            raise UserError(f"{what} {given}: there is no {source}.py in {Path.cwd()} and no such package") from None
        raise UserError(f"{what} {given}: {source} needs {error.name}, which is not installed") from None
    except (Exception, SystemExit) as error:
        raise UserError(f"{what} {given}: importing {source} raised {said(error)}") from error
    if not hasattr(home, name):
        names = [key for key, value in vars(home).items() if callable(value) and not key.startswith("_")]
        raise unknown(f"function in {source},", name, names)
    function = getattr(home, name)
    if not callable(function):
        raise UserError(f"{what} {given}: {name} is a {type(function).__name__} and not a function")
    return function


def arity(function: Function) -> int:
    """Positional arguments that must be given; 1 where that cannot be told."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is inspect.Parameter.empty for p in parameters)


def file_of(given: str) -> Path | None:
    """The file of FILE.py:FUNCTION, by its whole path; None where it is not there."""
    source = given.rpartition(":")[0]
    file = path_of(source) if source.endswith(".py") else None
    return file.resolve() if file and file.is_file() else None


def source_of(function: Function) -> str | None:
    """FILE.py:FUNCTION of a function at the top of a file; None of one that is not found there by its name.

    Of a script that is running it is this very function: the script is not run again to find it.
    """
    name = function.__name__
    file = file_of(f"{inspect.getfile(function)}:{name}")
    if file is None or getattr(sys.modules.get(function.__module__), name, None) is not function:
        return None
    if function.__module__ == "__main__":
        sys.modules.setdefault(_home(file, file.read_bytes()), sys.modules["__main__"])
    return f"{file}:{name}"


def located(given: str) -> str:
    """FILE.py:FUNCTION with the file's whole path where it is there, so that it is found from any folder."""
    file = file_of(given)
    return given if file is None else f"{file}:{given.rpartition(':')[2]}"


def shown(file: Path) -> str:
    """A file as it is called from the current folder: by its whole path where it lies elsewhere."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)


def _module(name: str) -> ModuleType:
    _search(Path.cwd())
    return importlib.import_module(name)


def _file(path: Path) -> ModuleType:
    """The module of a file as it is now, which may import its neighbours; a file that was edited is another module."""
    source = path.read_bytes()
    name = _home(path, source)
    if name not in sys.modules:
        _search(path.parent)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            exec(compile(source, path, "exec"), vars(sys.modules[name]))
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def _home(path: Path, source: bytes) -> str:
    """What the module of a file is called."""
    return f"{path}:{hashlib.sha256(source).hexdigest()}"


def _search(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
