"""The best checkpoint by a number of the examinations."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

import allmodes
from allmodes.data.dataset import Dataset, load_data
from allmodes.errors import Interrupted, UserError
from allmodes.training import checkpoint
from allmodes.training.best import Best


def test_it_keeps_the_best_the_later_of_equals_and_knows_the_direction(tmp_path: Path) -> None:
    state = ({"model": {"w": torch.zeros(1)}}, {})
    for name, values, best in (("missing_mass", (0.3, 0.1, 0.1, 0.2), 3), ("modes", (5.0, 7.0, 7.0, 6.0), 3)):
        keeper = Best(tmp_path / name, name, [])
        for step, value in enumerate(values, 1):
            keeper.heed({name: value}, step, *state)
        kept = checkpoint.load(tmp_path / name / "best")
        assert kept
        assert kept.step == best
    continued = Best(tmp_path / "modes", "modes", [{"step": 3, "modes": 7.0}, {"step": 4, "modes": 6.0}])
    for step, value, best in ((8, 6.0, 3), (9, 7.0, 9), (10, math.nan, 9)):
        continued.heed({"modes": value}, step, *state)
        assert checkpoint.newest(tmp_path / "modes" / "best") == best
    continued.heed({"loss": 1.0}, 11, *state)
    assert checkpoint.newest(tmp_path / "modes" / "best") == 9


def test_what_was_kept_after_the_step_it_continues_from_gives_way_to_an_earlier_one(tmp_path: Path) -> None:
    state = ({"model": {"w": torch.zeros(1)}}, {})
    Best(tmp_path, "modes", []).heed({"modes": 7.0}, 9, *state)
    continued = Best(tmp_path, "modes", [{"step": 4, "modes": 6.0}, {"step": 5, "modes": float("nan")}])
    assert checkpoint.newest(tmp_path / "best") == 9
    continued.heed({"modes": 5.0}, 6, *state)
    assert checkpoint.newest(tmp_path / "best") == 6


def test_a_number_that_is_none_is_worse_than_any(tmp_path: Path) -> None:
    keeper = Best(tmp_path, "modes", [{"step": 1, "modes": float("nan")}])
    keeper.heed({"modes": 1.0}, 2, {"model": {"w": torch.zeros(1)}}, {})
    assert checkpoint.newest(tmp_path / "best") == 2


def test_samples_and_scores_come_from_the_checkpoint_with_the_best_validation(tmp_path: Path) -> None:
    bits = load_data(load_data("digits", binarize="static").x[:300])
    # Far too high a rate for so few examples: it overfits, so the last state is not the best.
    asked = {"steps": 200, "settings": {"rate": 0.02, "width": 64}, "device": "cpu"}
    run = allmodes.train("made", bits, out=tmp_path / "a", keep_best="validation.nll", **asked)
    told = [line["validation.nll"] for line in run.metrics if "validation.nll" in line]
    assert len(told) == 5
    assert min(told) < told[-1]
    scored = -run.model.score(bits.part("validation").x).mean
    assert scored == pytest.approx(min(told), rel=1e-5)
    last = allmodes.train("made", bits, out=tmp_path / "b", **asked)
    assert -last.model.score(bits.part("validation").x).mean == pytest.approx(told[-1], rel=1e-5)


def test_a_stopped_run_ends_with_the_same_best(tmp_path: Path, ring: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"steps": 20, "settings": {"width": 8}, "device": "cpu", "keep_best": "reverse_kl"}
    whole = allmodes.train("gan2014", ring, out=tmp_path / "whole", **asked)

    def stop(step: int, steps: int, numbers: object) -> None:
        if step == 13:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        allmodes.train("gan2014", ring, out=tmp_path / "cut", report=stop, **asked)
    cut = allmodes.train("gan2014", ring, out=tmp_path / "cut", resume=True, device="cpu")
    one, other = (checkpoint.load(run.folder / "best") for run in (whole, cut))
    assert one
    assert other
    assert one.step == other.step
    for name, weight in one.tensors["model"].items():
        assert weight.equal(other.tensors["model"][name])


def test_a_best_state_that_could_not_be_saved_is_found_again(
    tmp_path: Path, ring: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"steps": 20, "settings": {"width": 8}, "device": "cpu", "keep_best": "reverse_kl"}
    whole = allmodes.train("gan2014", ring, out=tmp_path / "whole", **asked)
    best = checkpoint.newest(whole.folder / "best")
    save = checkpoint.save

    def full(folder: Path, step: int, *rest: Any) -> None:
        if folder.name == "best" and step == best:
            raise UserError("no space left on the device")
        save(folder, step, *rest)

    monkeypatch.setattr(checkpoint, "save", full)
    with pytest.raises(UserError, match="no space left"):
        allmodes.train("gan2014", ring, out=tmp_path / "cut", **asked)
    monkeypatch.setattr(checkpoint, "save", save)
    cut = allmodes.train("gan2014", ring, out=tmp_path / "cut", resume=True, device="cpu")
    assert checkpoint.newest(cut.folder / "best") == best


def test_an_unknown_number_is_named(ring: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'missing_mass'"):
        allmodes.train("gan2014", ring, steps=2, keep_best="missing_mas", out=tmp_path / "run")


@pytest.mark.parametrize(
    ("recipe", "name", "there"),
    [
        ("gan2014", "missing_mass", "modes, high_quality, reverse_kl$"),
        ("gan2014", "validation.nll", "modes, high_quality, reverse_kl$"),
        ("made", "regions_missed", "modes, high_quality, reverse_kl, validation.nll$"),
    ],
)
def test_a_number_that_no_examination_finds_is_refused(
    recipe: str, name: str, there: str, ring: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=f"--keep-best {name}: .*give one of {there}"):
        allmodes.train(recipe, ring, steps=2, keep_best=name, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
