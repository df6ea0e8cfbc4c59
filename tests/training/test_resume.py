"""A training that was stopped and resumed ends with the bits of one that was not."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import allmodes
from allmodes.atomic import Full
from allmodes.data.dataset import Dataset, load_data
from allmodes.errors import Interrupted, UserError
from allmodes.training import checkpoint

Equal = Callable[[Any, Any], bool]
Small = Callable[[str], dict[str, Any]]
STEPS = 20


@pytest.fixture
def bits() -> Dataset:
    """Drawn anew for every batch."""
    return load_data("digits", binarize="dynamic")


def final(folder: Path) -> dict[str, Any]:
    """Everything that the next step would depend on."""
    kept = checkpoint.load(folder)
    assert kept is not None
    return {"tensors": kept.tensors, "step": kept.step, "batches": kept.plain["batches"]}


def stop_at(step: int, number: signal.Signals) -> Callable[[int, int, Mapping[str, float]], None]:
    """A report that has the process told to stop, as by a hand on the keyboard; it stops after the next step."""

    def report(done: int, total: int, numbers: Mapping[str, float]) -> None:
        assert total == STEPS
        if done == step:
            signal.raise_signal(number)

    return report


@pytest.mark.parametrize(("recipe", "data"), [("r3gan", "ring"), ("dcgan", "digits"), ("rbm", "bits")])
def test_stopped_at_several_steps_and_resumed_it_ends_with_the_same_bits(
    recipe: str, data: str, tmp_path: Path, small: Small, equal: Equal, request: pytest.FixtureRequest
) -> None:
    given: Dataset = request.getfixturevalue(data)
    asked: dict[str, Any] = {"steps": STEPS, "seed": 3, "checkpoint_every": 6, "settings": small(recipe)}
    allmodes.train(recipe, given, out=tmp_path / "straight", **asked)
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    out, resume = tmp_path / "stopped", False
    for step, number in ((1, signal.SIGINT), (6, signal.SIGTERM), (11, signal.SIGINT), (18, signal.SIGTERM)):
        said = f"stopped at step {step + 1} of {STEPS}; resume: .*--resume --out {out}"
        with pytest.raises(Interrupted, match=said) as stopped:
            allmodes.train(
                **({"recipe": recipe} | asked if not resume else {}),
                data=given,
                out=out,
                resume=resume,
                report=stop_at(step, number),
            )
        assert stopped.value.signal == number
        assert final(out)["step"] == step + 1
        assert allmodes.load(out).verdict == "unfinished"
        resume = True
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    run = allmodes.train(data=given, out=out, resume=True)
    assert equal(final(out), final(tmp_path / "straight"))
    straight = allmodes.load(tmp_path / "straight")
    assert run.verdict == straight.verdict
    examinations = [[line for line in each.metrics if "seconds" not in line] for each in (run, straight)]
    assert examinations[0] == examinations[1] != []


def test_a_signal_at_the_last_step_changes_nothing(tmp_path: Path, ring: Dataset, small: Small) -> None:
    run = allmodes.train(
        "gan2014",
        ring,
        steps=STEPS,
        out=tmp_path / "run",
        settings=small("gan2014"),
        report=stop_at(STEPS - 1, signal.SIGTERM),
    )
    assert run.verdict in ("ok", "collapsed")
    assert run.step == STEPS


@pytest.fixture
def in_the_foreground() -> Iterator[None]:
    """Ctrl-C as a program in the foreground has it: a shell starts what runs in its background with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("in_the_foreground")
def test_a_second_ctrl_c_stops_at_once(tmp_path: Path, ring: Dataset, small: Small) -> None:
    def impatient(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        allmodes.train("gan2014", ring, steps=STEPS, out=tmp_path / "run", settings=small("gan2014"), report=impatient)


def test_a_torn_checkpoint_is_told_and_costs_only_time(
    tmp_path: Path, ring: Dataset, small: Small, equal: Equal
) -> None:
    asked: dict[str, Any] = {"steps": STEPS, "checkpoint_every": 5, "settings": small("r3gan")}
    allmodes.train("r3gan", ring, out=tmp_path / "run", **asked)
    before = final(tmp_path / "run")
    torn = tmp_path / "run" / "checkpoints" / f"step-{STEPS:08d}" / "optimizers.safetensors"
    torn.write_bytes(torn.read_bytes()[:1000])
    notes: list[str] = []
    allmodes.train(data=ring, out=tmp_path / "run", resume=True, note=notes.append)
    damaged, *alarms = notes
    assert "damaged" in damaged
    assert str(torn.parent) in damaged
    assert all("collapsed so far" in alarm for alarm in alarms)
    assert equal(final(tmp_path / "run"), before)
    # What was logged after the good checkpoint is logged anew, once.
    lines = allmodes.load(tmp_path / "run").metrics
    assert [line["step"] for line in lines if "seconds" in line] == list(range(1, STEPS + 1))
    assert sum("verdict" in line for line in lines) == 1


def test_a_run_is_found_by_its_data_whatever_they_were_given_as(
    tmp_path: Path, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    points = np.random.default_rng(0).normal(size=(100, 2))
    np.save("points.npy", points)
    for data in (Path("points.npy"), points, load_data("grid", n=100)):
        first = allmodes.train("gan2014", data, steps=2, settings=small("gan2014"))
        assert allmodes.train("gan2014", data, resume=True).folder == first.folder


def test_another_precision_of_the_processor_is_said(
    tmp_path: Path, ring: Dataset, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {"steps": 2, "settings": small("gan2014")}
    monkeypatch.setattr("allmodes.training.versions.computes_in_bf16", lambda device: True)
    allmodes.train("gan2014", ring, out=tmp_path / "run", **asked)
    monkeypatch.setattr("allmodes.training.versions.computes_in_bf16", lambda device: False)
    notes: list[str] = []
    allmodes.train(data=ring, out=tmp_path / "run", resume=True, note=notes.append)
    assert any(note.startswith("processor is ") and "and bfloat16: the run may differ" in note for note in notes)


@pytest.mark.parametrize("spare", [0, 5])
def test_a_training_whose_disk_fills_up_goes_on_when_there_is_room(
    spare: int,
    fill: Callable[[Path, int], None],
    small_disk: Path,
    tmp_path: Path,
    ring: Dataset,
    small: Small,
    equal: Equal,
) -> None:
    asked: dict[str, Any] = {"steps": STEPS, "checkpoint_every": 5, "settings": small("r3gan")}
    filler = small_disk / "filler"

    def report(step: int, total: int, numbers: Mapping[str, float]) -> None:
        if step == 12:
            fill(filler, spare)

    with pytest.raises(UserError, match="no space left on the device") as error:
        allmodes.train("r3gan", ring, out=small_disk / "run", report=report, **asked)
    assert "\n" not in str(error.value)
    assert final(small_disk / "run")["step"] == 10
    assert not list(small_disk.rglob("*.tmp"))
    filler.unlink()
    allmodes.train(data=ring, out=small_disk / "run", resume=True)
    allmodes.train("r3gan", ring, out=tmp_path / "straight", **asked)
    assert equal(final(small_disk / "run"), final(tmp_path / "straight"))


def test_a_full_disk_says_how_to_go_on(
    tmp_path: Path, ring: Dataset, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path, *_: object) -> None:
        raise Full(folder / "checkpoints")

    monkeypatch.setattr(checkpoint, "save", full)
    out = tmp_path / "run"
    with pytest.raises(UserError, match=f"while writing {out}/checkpoints; .*; free some space and resume: ") as error:
        allmodes.train("gan2014", ring, steps=2, out=out, settings=small("gan2014"))
    assert str(error.value).endswith(f"resume: allmodes train --resume --out {out}")


def test_a_run_that_lost_its_checkpoints_is_refused_and_left_as_it_was(
    tmp_path: Path, ring: Dataset, small: Small
) -> None:
    out = tmp_path / "run"
    allmodes.train("gan2014", ring, steps=4, checkpoint_every=100, out=out, settings=small("gan2014"))
    (out / "checkpoints").rename(tmp_path / "aside")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    lost = "was trained to step 4, and its checkpoints are gone; put back its folder checkpoints, or start another run"
    for steps in (None, 8):
        with pytest.raises(UserError, match=lost):
            allmodes.train(data=ring, out=out, resume=True, steps=steps)
    with pytest.raises(UserError, match=lost):
        allmodes.load(out).sample(1)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    (tmp_path / "aside").rename(out / "checkpoints")
    assert allmodes.train(data=ring, out=out, resume=True, steps=8, note=str).step == 8
    # Planned anew from step 4, it had a checkpoint, whatever its metrics say.
    (out / "checkpoints").rename(tmp_path / "aside")
    (out / "metrics.jsonl").unlink()
    with pytest.raises(UserError, match="its checkpoints are gone"):
        allmodes.train(data=ring, out=out, resume=True)


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_anew_and_says_so(
    tmp_path: Path, ring: Dataset, small: Small, equal: Equal, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {"steps": STEPS, "checkpoint_every": 8, "settings": small("gan2014")}
    allmodes.train("gan2014", ring, out=tmp_path / "straight", **asked)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            allmodes.train("gan2014", ring, out=tmp_path / "run", **asked)
    notes: list[str] = []
    run = allmodes.train(data=ring, out=tmp_path / "run", resume=True, note=notes.append)
    assert notes[0] == f"{run.folder} was stopped at step 8, before its first checkpoint: it begins anew"
    assert equal(final(run.folder), final(tmp_path / "straight"))
    assert [line["step"] for line in run.metrics if "seconds" in line] == list(range(1, STEPS + 1))


def test_killed_at_20_random_moments_and_resumed_it_ends_with_the_same_bits() -> None:
    """In a process of its own, which imports torch once and forks before each life: see killed.py."""
    script = Path(__file__).with_name("killed.py")
    done = subprocess.run([sys.executable, str(script), "20"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "20 kills" in done.stdout
