"""A function of the user's, found by name; what is wrong is said in one line."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from allmodes.errors import UserError
from allmodes.functions import arity, find_function, source_of


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with modules of names that no other test has."""
    (tmp_path / "my_physics.py").write_text("def energy(x):\n    return x + 1\nmass = 3\n")
    (tmp_path / "broken_physics.py").write_text("1 / 0\n")
    (tmp_path / "needy_physics.py").write_text("import nothing_of_that_name\n")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "deep_physics.py").write_text("def energy(x):\n    return x + 2\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("my_physics", "broken_physics", "needy_physics", "deep_physics"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def test_a_function_is_found_in_a_module_or_a_file_and_is_itself(folder: Path) -> None:
    assert find_function("my_physics:energy", "observable")(1) == 2
    assert find_function("my_physics.py:energy", "observable")(1) == 2
    assert find_function("deeper/deep_physics.py:energy", "observable")(1) == 3
    assert find_function(f"{folder}/deeper/deep_physics.py:energy", "observable")(1) == 3
    assert find_function(abs, "observable") is abs


def test_two_files_of_one_name_are_two_and_each_is_run_once(folder: Path) -> None:
    (folder / "deeper" / "my_physics.py").write_text(
        "import deep_physics\ndef energy(x):\n    return deep_physics.energy(x) + 7\n"
    )
    assert find_function("my_physics.py:energy", "observable")(1) == 2
    assert find_function("deeper/my_physics.py:energy", "observable")(1) == 10
    assert find_function("my_physics.py:energy", "observable") is find_function(f"{folder}/my_physics.py:energy", "")


def test_an_edited_file_is_read_anew(folder: Path) -> None:
    before = find_function("my_physics.py:energy", "observable")
    (folder / "my_physics.py").write_text("def energy(x):\n    return x + 5\n")
    assert find_function("my_physics.py:energy", "observable")(1) == 6
    assert before(1) == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("energy", r"write file.py:function, such as physics.py:energy"),
        ("my_physics:enrgy", r"unknown function in my_physics, 'enrgy'; did you mean 'energy'\?"),
        ("my_physics.py:mass", "mass is a int and not a function"),
        ("my_physics.py:enrgy", r"unknown function in my_physics.py, 'enrgy'; did you mean 'energy'\?"),
        ("broken_physics.py:energy", "importing broken_physics.py raised ZeroDivisionError: division by zero"),
        ("my_phisics:energy", r"there is no my_phisics.py in .* and no such package"),
        ("deeper/my_physics_too.py:energy", r"there is no file .*deeper/my_physics_too.py"),
        ("broken_physics:energy", "importing broken_physics raised ZeroDivisionError: division by zero"),
        ("needy_physics:energy", "needy_physics needs nothing_of_that_name, which is not installed"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(given: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        find_function(given, "observable")
    assert "\n" not in str(error.value)


def test_a_file_that_breaks_off_is_run_again_when_it_is_asked_for_again() -> None:
    for _ in range(2):
        with pytest.raises(UserError, match=r"importing broken_physics\.py raised ZeroDivisionError"):
            find_function("broken_physics.py:energy", "observable")


def test_a_file_that_ends_the_program_does_not_end_ours(folder: Path) -> None:
    (folder / "ends.py").write_text("import sys\nsys.exit(0)\n")
    with pytest.raises(UserError, match=r"importing ends\.py raised SystemExit: 0"):
        find_function("ends.py:energy", "observable")


def test_a_function_of_a_script_that_was_run_by_another_has_no_name_to_be_found_by(folder: Path) -> None:
    energy = runpy.run_path(str(folder / "my_physics.py"))["energy"]
    assert source_of(energy) is None


def test_arguments_that_must_be_given_are_counted() -> None:
    assert [arity(f) for f in (lambda x: x, lambda x, c: x, lambda x, c=None: x, max)] == [1, 2, 1, 1]
