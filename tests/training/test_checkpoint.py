"""Checkpoints: whole or not there, the last good one found, nothing in them executed."""

from __future__ import annotations

import errno
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from allmodes.errors import UserError
from allmodes.training import checkpoint

Equal = Callable[[Any, Any], bool]


def tensors(step: int) -> dict[str, dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(step)
    return {
        "model": {"weight": torch.randn(20, 30, generator=generator), "bytes": torch.arange(9, dtype=torch.uint8)},
        "random": {"rng": generator.get_state()},
    }


def place(folder: Path, step: int) -> Path:
    return folder / "checkpoints" / f"step-{step:08d}"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder with checkpoints of steps 10, 20 and 30."""
    for step in (10, 20, 30):
        checkpoint.save(tmp_path, step, tensors(step), {"seconds": step / 10}, keep=3)
    return tmp_path


def loaded(folder: Path) -> checkpoint.Checkpoint:
    kept = checkpoint.load(folder)
    assert kept is not None
    return kept


def test_what_is_loaded_is_what_was_saved_last(run: Path, equal: Equal) -> None:
    kept = loaded(run)
    assert kept.step == 30
    assert equal(kept.tensors, tensors(30))
    assert kept.plain == {"step": 30, "seconds": 3.0}
    assert kept.notes == ()


def test_only_the_last_ones_are_kept_and_no_part_of_one(run: Path) -> None:
    # What a killed process left of a checkpoint goes with the next.
    (run / "checkpoints" / ".step-00000035.tmp").mkdir()
    for step in (40, 50):
        checkpoint.save(run, step, tensors(step), {}, keep=2)
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["step-00000040", "step-00000050"]


def test_where_nothing_was_saved_nothing_is_loaded(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path) is None


def test_tensors_that_are_views_or_shared_are_saved_by_value(tmp_path: Path) -> None:
    whole = torch.arange(12.0).reshape(3, 4)
    checkpoint.save(tmp_path, 1, {"model": {"turned": whole.T, "part": whole[1:], "same": whole}}, {}, keep=1)
    model = loaded(tmp_path).tensors["model"]
    assert model["turned"].equal(whole.T)
    assert model["part"].equal(whole[1:])
    assert model["same"].equal(whole)


@pytest.mark.parametrize("length", range(1, 300, 7))
def test_no_tensors_name_makes_a_checkpoint_look_like_a_pickle(length: int, tmp_path: Path) -> None:
    # A safetensors file opens with the length of its header: 128, 384, ... begin with a pickle's first byte.
    group = {"w" * length: torch.ones(2), "b": torch.ones(2)}
    checkpoint.save(tmp_path, 1, {"model": group}, {}, keep=1)
    assert loaded(tmp_path).tensors["model"].keys() == group.keys()


def cut(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def flip(folder: Path) -> None:
    file = folder / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def empty(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")


def gone(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def stateless(folder: Path) -> None:
    (folder / "state.json").unlink()


def half_state(folder: Path) -> None:
    file = folder / "state.json"
    file.write_bytes(file.read_bytes()[:40])


def other_state(folder: Path) -> None:
    (folder / "state.json").write_text("[1, 2]")


DAMAGES = [cut, flip, empty, gone, stateless, half_state, other_state]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_newest_one_is_told_and_the_one_before_is_used(
    damage: Callable[[Path], None], run: Path, equal: Equal
) -> None:
    damage(place(run, 30))
    kept = loaded(run)
    assert kept.step == 20
    assert equal(kept.tensors, tensors(20))
    (note,) = kept.notes
    assert str(place(run, 30)) in note
    assert "damaged" in note
    assert "\n" not in note


def test_when_all_are_damaged_the_error_says_so(run: Path) -> None:
    for step, damage in zip((10, 20, 30), (cut, gone, stateless), strict=True):
        damage(place(run, step))
    with pytest.raises(UserError, match=r"no checkpoint in .* is whole .*train again") as error:
        checkpoint.load(run)
    assert "\n" not in str(error.value)


def test_a_damaged_one_is_replaced_by_a_good_one_of_the_same_step(run: Path, equal: Equal) -> None:
    cut(place(run, 30))
    checkpoint.save(run, 30, tensors(30), {}, keep=3)
    assert loaded(run).step == 30
    assert equal(loaded(run).tensors, tensors(30))


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.pt", "more/deep.bin"])
@pytest.mark.parametrize("write", ["pickle", "torch"])
def test_a_pickle_is_refused_and_not_run(name: str, write: str, run: Path, tmp_path: Path) -> None:
    file = place(run, 30) / name
    file.parent.mkdir(exist_ok=True)
    payload = Payload(tmp_path / "executed")
    if write == "torch":
        torch.save(payload, file)
    else:
        file.write_bytes(pickle.dumps(payload))
    with pytest.raises(UserError, match=r"is a pickle.*refused") as error:
        checkpoint.load(run)
    assert str(file) in str(error.value)
    assert not payload.folder.exists()


def test_an_honest_digest_of_a_pickle_does_not_help_it(run: Path, tmp_path: Path) -> None:
    """A pickle dressed as safetensors, with its digest in state.json, is still not executed."""
    import hashlib

    file = place(run, 30) / "model.safetensors"
    head = (2).to_bytes(8, "little") + b"{}"
    file.write_bytes(head + pickle.dumps(Payload(tmp_path / "executed")))
    state = json.loads((place(run, 30) / "state.json").read_text())
    state["files"]["model.safetensors"] = hashlib.sha256(file.read_bytes()).hexdigest()
    (place(run, 30) / "state.json").write_text(json.dumps(state))
    assert loaded(run).step == 20
    assert not (tmp_path / "executed").exists()


def test_a_disk_that_is_full_loses_nothing(run: Path, monkeypatch: pytest.MonkeyPatch, equal: Equal) -> None:
    before = sorted(run.rglob("*"))
    calls = []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    said = rf"no space left on the device while writing {place(run, 40)}/random\.safetensors; nothing .*free some space"
    with pytest.raises(UserError, match=said) as error:
        checkpoint.save(run, 40, tensors(40), {}, keep=3)
    assert "\n" not in str(error.value)
    assert sorted(run.rglob("*")) == before
    assert equal(loaded(run).tensors, tensors(30))


def test_an_interrupt_while_saving_loses_nothing(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = sorted(run.rglob("*"))
    monkeypatch.setattr("os.replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(run, 40, tensors(40), {}, keep=3)
    assert sorted(run.rglob("*")) == before


def test_a_really_full_disk_loses_nothing(small_disk: Path, fill: Callable[[Path, int], None], equal: Equal) -> None:
    checkpoint.save(small_disk, 1, tensors(1), {}, keep=3)
    fill(small_disk / "filler", 2)
    before = sorted(small_disk.rglob("*"))
    with pytest.raises(UserError, match="no space left on the device"):
        checkpoint.save(small_disk, 2, tensors(2), {}, keep=3)
    assert sorted(small_disk.rglob("*")) == before
    assert equal(loaded(small_disk).tensors, tensors(1))
    (small_disk / "filler").unlink()
    checkpoint.save(small_disk, 2, tensors(2), {}, keep=3)
    assert loaded(small_disk).step == 2
