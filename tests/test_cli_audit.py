"""`allmodes audit` and `allmodes features`, as programs and people meet them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from allmodes.audit.features import FEATURES
from allmodes.errors import UserError

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def files(call: Call) -> None:
    """The folder in which commands run has real.npy, train.npy, whole.npy and half.npy."""
    rng = np.random.default_rng(0)
    centre = rng.integers(0, 4, 1600)[:, None] * np.float32([4, 1])
    x = (centre + 0.1 * rng.standard_normal((1600, 2))).astype(np.float32)
    np.save("real.npy", x[:400])
    np.save("whole.npy", x[400:1000])
    np.save("half.npy", x[400:1000][x[400:1000, 0] > 2])
    np.save("train.npy", x[1000:])


HALF = ("audit", "--real", "real.npy", "--fake", "half.npy")


def test_a_fault_is_told_to_people_and_programs_and_may_fail_a_build(call: Call) -> None:
    status, out, _ = call(*HALF)
    assert status == 0
    assert out.startswith("fail: The generator misses")
    assert "report: audit/report.html" in out
    assert "found if p ≤" in out
    assert "<h1>half.npy against real.npy</h1>" in Path("audit/report.html").read_text()
    assert Path("audit/report.html").is_file()
    status, out, _ = call(*HALF, "--json", "--fail-on", "found", "--out", "other", "--alpha", "0.01")
    assert status == 3
    result = json.loads(out.splitlines()[-1])
    assert list(result) == ["verdict", "undecided", "alpha", "n_real", "n_fake", "findings", "report"]
    assert (result["verdict"], result["undecided"]) == ("fail", False)
    assert (result["alpha"], result["report"]) == (0.01, "other/report.html")
    assert json.loads(Path("other/audit.json").read_text())["verdict"] == "fail"


def test_notes_are_told_in_the_terminal_the_report_and_the_file(call: Call) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 6, 6), dtype=np.uint8)
    np.save("pictures.npy", pixels[:150])
    np.save("made.npy", pixels[150:].repeat(2, 1).repeat(2, 2))
    status, out, err = call("audit", "--real", "pictures.npy", "--fake", "made.npy", "--resize", 3)
    assert status == 0, err
    said = "images were scaled to 3 x 3 pixels: what is finer was not examined"
    assert f"note: {said}" in " ".join(out.split())
    assert said in json.loads(Path("audit/audit.json").read_text())["notes"]
    assert f"{said.capitalize()}." in Path("audit/report.html").read_text()


def test_a_generator_without_fault_passes(call: Call) -> None:
    status, out, _ = call("audit", "--real", "real.npy", "--fake", "whole.npy", "--fail-on", "found")
    assert status == 0
    assert out.startswith("pass: No fault was found")
    assert "could be missing unseen" in out


def test_what_cannot_be_told_may_fail_a_build_too(call: Call) -> None:
    np.save("few.npy", np.load("train.npy")[:120])
    few = ("audit", "--real", "real.npy", "--fake", "whole.npy", "--train", "few.npy", "--json", "--fail-on")
    for flag, expected in (("never", 0), ("found", 0), ("undecided", 3)):
        status, out, err = call(*few, flag)
        assert status == expected, err
        result = json.loads(out.splitlines()[-1])
        assert (result["verdict"], result["undecided"]) == ("pass", True)
    assert call("audit", "--real", "real.npy", "--fake", "whole.npy", "--fail-on", "undecided")[0] == 0
    assert call(*HALF, "--fail-on", "undecided")[0] == 3


def test_observables_and_features_of_the_users_own(call: Call) -> None:
    Path("my_detector.py").write_text("def energy(x):\n    return x.sum(1)\n")
    status, out, err = call(*HALF, "--observable", "my_detector:energy", "--features", "pca")
    assert status == 0, err
    assert "observables: not distributed as in the data: energy; " in out
    assert "pca features" in out


def test_a_run_is_audited_into_its_own_folder(call: Call) -> None:
    made = ("--data", "real.npy", "--recipe", "gan2014", "--steps", 2, "--set", "batch=16", "--out", "run")
    assert call("train", *made)[0] == 0
    status, out, err = call("audit", "run", "--n-fake", 300)
    assert status == 0, err
    assert out.startswith("cannot tell: 80 held-out examples are too few: give at least 100, better")
    assert Path("run/audit/report.html").is_file()
    Path("real.npy").rename("moved.npy")
    assert "--data PATH" in call("audit", "run", "--n-fake", 300)[2]
    status, _, err = call("audit", "run", "--n-fake", 300, "--data", "moved.npy")
    assert status == 0, err


def test_names_that_are_no_text_are_told_in_reports_and_pictures(call: Call) -> None:
    data, run = "d\udcffta.npy", "o\udcff"
    Path("real.npy").rename(data)
    made = ("--data", data, "--recipe", "gan2014", "--steps", 2, "--set", "batch=16", "--out", run)
    for words in (("train", *made), ("audit", run, "--n-fake", 300), ("compare", run)):
        status, _, err = call(*words)
        assert status == 0, err
    assert "o\\udcff, recipe gan2014" in Path(run, "audit", "report.html").read_text()
    assert json.loads(Path(run, "audit", "audit.json").read_text())["report"] == f"{run}/audit/report.html"
    assert Path("comparison", "years.png").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["audit"], "give the folder of a run, or --real FILE and --fake FILE"),
        (["audit", "nothing"], "nothing is not a run"),
        (["audit", "--real", "real.npy"], "--real FILE and --fake FILE"),
        ([*HALF, "--data", "real.npy"], "--data real.npy: give the folder of a run with it"),
        (["audit", "run", "--real", "real.npy"], "give the run or files, not both"),
        (["audit", "run", "--label", "kind"], "--label kind: a run has its own data"),
        (["audit", "run", "--condition", "energy"], "a run has its own data"),
        ([*HALF, "--seed", "-1"], "--seed -1: must be at least 0"),
        ([*HALF, "--seed", str(2**32)], "and below 2^32"),
        (["audit", "run", "--resize", "8"], "--resize 8: a run has its own data and samples"),
        (["audit", "--real", "real.npy", "--fake", "none.npy"], "fake: unknown data 'none.npy'"),
        ([*HALF, "--train", "real.npy"], "100 % of real are among the training examples"),
        ([*HALF, "--features", "pka"], "did you mean 'pca'"),
        ([*HALF, "--observable", "nowhere:energy"], "there is no nowhere.py in"),
        ([*HALF, "--alpha", "2"], "alpha=2"),
        ([*HALF, "--n-fake", "5"], "samples are drawn from a run alone"),
        ([*HALF, "--fail-on", "nothing"], "--fail-on"),
        ([*HALF, "--device", "abacus"], "--device abacus"),
    ],
)
def test_a_mistake_gets_one_line_and_status_2(call: Call, words: list[str], said: str) -> None:
    before = sorted(Path().iterdir())
    status, out, err = call(*words)
    assert (status, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1 + err.count("audit: 0 of")
    assert sorted(Path().iterdir()) == before


def test_every_flag_reaches_the_audit(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def audit(run: object, *, report: object, **given: Any) -> None:
        asked.update(given)
        raise UserError("asked")

    monkeypatch.setattr("allmodes.audit.api.audit", audit)
    words = "--train t.npy --label kind --condition energy --condition angle --resize 8 --features pca --alpha 0.01"
    words += " --observable o:f --constraint c:g --seed 3 --n-fake 7 --self-test --device cpu --neighbours approximate"
    assert call(*HALF, *words.split())[0] == 2
    assert asked == {
        "real": "real.npy",
        "fake": "half.npy",
        "train": "t.npy",
        "label": "kind",
        "condition": ("energy", "angle"),
        "resize": 8,
        "features": "pca",
        "alpha": 0.01,
        "observables": ("o:f",),
        "constraints": ("c:g",),
        "seed": 3,
        "n_fake": 7,
        "self_test": "full",
        "device": "cpu",
        "neighbours": "approximate",
    }


def test_features_are_listed_with_what_they_are_for(call: Call) -> None:
    rows = json.loads(call("features", "--json")[1].splitlines()[-1])
    assert {row["name"] for row in rows} >= {*FEATURES, "module:function"}
    assert all(list(row) == ["name", "default", "summary"] for row in rows)
    assert "classifier" in call("features")[1]


def test_the_self_test_prints_what_would_be_seen(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allmodes.audit.selftest.FULL_TRIALS", 1)
    status, out, err = call(*HALF, "--self-test")
    assert status == 0, err
    for fault in ("nothing", "a group left out", "a group at 10 % of its rate", "blur"):
        assert fault in out
