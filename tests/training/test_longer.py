"""A run that is trained for more steps than it was planned for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import allmodes
from allmodes.data.dataset import Dataset
from allmodes.errors import UserError
from allmodes.training import checkpoint
from allmodes.training.folder import locked
from allmodes.training.run import Run, load

Call = Callable[..., tuple[int, str, str]]
Equal = Callable[[Any, Any], bool]
Small = Callable[[str], dict[str, Any]]
NOTE = (
    "planned for 10 steps, and anew for 20 at step 10: its schedules were stretched, so its bits need not be those of "
    "a run that was planned for 20 from the start"
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, ring: Dataset, small: Small) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "ring"
    return allmodes.train("r3gan", ring, steps=10, out=folder, settings=small("r3gan"))


@pytest.fixture
def copy(finished: Run, tmp_path: Path) -> Path:
    """The finished run in a folder that a test may change."""
    return shutil.copytree(finished.folder, tmp_path / "copy")


def weights(folder: Path) -> dict[str, Any]:
    kept = checkpoint.load(folder)
    assert kept is not None
    assert kept.step == 20
    return kept.tensors


def test_a_finished_run_is_trained_longer_and_says_so(copy: Path, ring: Dataset) -> None:
    before = load(copy).metrics
    told: list[str] = []
    run = allmodes.train(data=ring, out=copy, resume=True, steps=20, note=told.append)
    assert (run.step, run.plan.steps) == (20, 20)
    assert told[0] == NOTE
    assert load(copy).notes == (NOTE,)
    assert run.metrics[: len(before)] == before
    assert [line["step"] for line in run.metrics if "verdict" in line] == [10, 20]
    assert (run.verdict, run.reason) == (run.metrics[-1]["verdict"], run.metrics[-1]["reason"])
    assert allmodes.train(data=ring, out=copy, resume=True).notes == (NOTE,)


def test_a_crash_after_the_plan_was_rewritten_leaves_a_run_that_resumes_to_the_same_bits(
    copy: Path, tmp_path: Path, ring: Dataset, equal: Equal, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = shutil.copytree(copy, tmp_path / "straight")
    allmodes.train(data=ring, out=straight, resume=True, steps=20)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("allmodes.training.session.Session.train", crash)
        with pytest.raises(KeyboardInterrupt):
            allmodes.train(data=ring, out=copy, resume=True, steps=20)
    cut = load(copy)
    assert (cut.plan.steps, cut.step) == (20, 10)
    assert (cut.verdict, cut.reason) == ("unfinished", "training is not over")
    allmodes.train(data=ring, out=copy, resume=True)
    assert equal(weights(copy), weights(straight))
    assert load(copy).verdict == load(straight).verdict != "unfinished"


def test_plans_that_follow_each_other_are_all_told(finished: Run) -> None:
    plan = finished.plan.longer(20, 10).longer(30, 10)
    assert plan.shorter == [{"steps": 10, "step": 10}]
    (note,) = plan.longer(40, 25).stretched
    assert note.startswith("planned for 10 steps, and anew for 30 at step 10 and for 40 at step 25: ")
    assert finished.plan.longer(20, 0).stretched == ()
    assert (plan.checkpoint_every, finished.plan.longer(4000, 10).log_every) == (2, 40)


def test_fewer_steps_and_a_run_that_is_being_trained_leave_the_plan(copy: Path, ring: Dataset) -> None:
    plan = (copy / "run.json").read_bytes()
    with pytest.raises(UserError, match=r"--steps 9: the run in .* has 10; give more to train it longer"):
        allmodes.train(data=ring, out=copy, resume=True, steps=9)
    with locked(copy), pytest.raises(UserError, match="another process is training"):
        allmodes.train(data=ring, out=copy, resume=True, steps=20)
    assert (copy / "run.json").read_bytes() == plan


def test_a_run_whose_plan_is_rewritten_stays_locked(copy: Path) -> None:
    with locked(copy):
        load(copy).longer(20).rewrite()
        with pytest.raises(UserError, match="another process is training"), locked(copy):
            pass
    assert load(copy).plan.steps == 20


def test_a_resume_that_is_refused_leaves_the_run_as_it_was(tmp_path: Path, ring: Dataset, small: Small) -> None:
    recipe = tmp_path / "mine.py"
    text = (
        "from allmodes.recipes import recipe\nfrom allmodes.recipes.gan2014 import gan2014\n"
        "@recipe(year=2026, paper='', family='gan')\ndef mine(event, *, width: int = 8):\n"
        "    return gan2014(event, width=width, batch=16)\n"
    )
    recipe.write_text(text)
    out = tmp_path / "run"
    allmodes.train(f"{recipe}:mine", ring, steps=4, out=out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    recipe.write_text(text.replace("= 8", "= 16"))
    with pytest.raises(UserError, match=r"do not fit the recipe .*mine.py changed since the training began"):
        allmodes.train(data=ring, out=out, resume=True, steps=8, note=str)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    recipe.write_text(text)
    assert allmodes.train(data=ring, out=out, resume=True, steps=8, note=str).step == 8


def test_the_command_trains_longer(call: Call, copy: Path) -> None:
    status, out, err = call("train", "--resume", "--out", copy, "--steps", 20, "--json")
    assert status == 0, err
    assert json.loads(out.splitlines()[-1])["steps"] == 20
    assert f"allmodes: warning: {NOTE}\n" in err
