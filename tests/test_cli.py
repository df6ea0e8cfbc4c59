"""The commands, as programs and people meet them."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import shlex
import signal
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

import allmodes
from allmodes.__main__ import main as started
from allmodes.cli import COMMANDS
from allmodes.cli.flags import pairs
from allmodes.errors import Note, UserError
from allmodes.recipes import recipes
from allmodes.tables import spread, study_table
from allmodes.training import checkpoint
from allmodes.training.folder import locked
from allmodes.training.health import Health, watch
from allmodes.training.study import Study

Call = Callable[..., tuple[int, str, str]]
SHORT = ("--steps", "4", "--set", "batch=16")


@pytest.fixture
def result(call: Call) -> Callable[..., Any]:
    """Run a command with --json and give what its last line says."""

    def run(*words: object) -> Any:
        status, out, err = call(*words, "--json")
        assert status == 0, err
        return json.loads(out.splitlines()[-1])

    return run


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    rng = np.random.default_rng(0)
    for i in range(120):
        path = folder / ("cats" if i % 2 else "dogs") / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (12, 10, 3), dtype=np.uint8)).save(path)
    return folder


def test_train_on_a_folder_of_pictures_and_sample_in_their_units(result: Any, pictures: Path) -> None:
    trained = result("train", "--data", pictures, "--steps", 3)
    assert list(trained) == ["run", "recipe", "data", "steps", "seconds", "steps_per_second", "verdict"]
    assert (trained["recipe"], trained["data"], trained["steps"]) == ("r3gan", "pictures", 3)
    drawn = result("sample", trained["run"], "-n", 5)
    assert list(drawn) == ["out", "n", "seconds", "sha256"]
    x = np.load(drawn["out"])
    assert (x.shape, x.dtype) == ((5, 12, 10, 3), np.uint8)
    assert hashlib.sha256(Path(drawn["out"]).read_bytes()).hexdigest() == drawn["sha256"]
    again = result("sample", trained["run"], "-n", 5, "--out", "again.npy")
    assert again["sha256"] == drawn["sha256"]
    other = result("sample", trained["run"], "-n", 5, "--out", "other.npy", "--seed", 1)
    assert other["sha256"] != drawn["sha256"]


def test_truncated_samples_of_an_asked_class(result: Any, call: Call) -> None:
    small = [word for pair in ("width=4", "batch=8", "accumulate=1", "turns=1") for word in ("--set", pair)]
    run = result("train", "--data", "digits", "--recipe", "biggan", "--steps", 2, *small)["run"]
    drawn = [
        np.load(result("sample", run, "-n", 40, "--condition", "class=3", *cut)["out"]).astype(float)
        for cut in ((), ("--truncation", 1.5), ("--truncation", 0.01))
    ]
    spread = [x.std(0).mean() for x in drawn]
    assert spread[0] > spread[1] > 10 * spread[2]
    for wrong in ("0", "-1", "inf", "wide"):
        status, _, err = call("sample", run, "--condition", "class=3", "--truncation", wrong)
        assert status == 2
        assert "truncation" in err.lower()


def test_a_truncation_of_a_model_that_takes_none_is_refused_in_one_line(result: Any, call: Call) -> None:
    run = result("train", "--data", "digits", "--recipe", "made", *SHORT)["run"]
    status, _, err = call("sample", run, "--truncation", 0.5)
    assert status == 2
    assert "--truncation 0.5: only GANs take it" in err
    assert len(err.strip().splitlines()) == 1


def test_a_table_with_a_label_column_trains_and_samples_keep_its_columns(result: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{'gamma' if a > 0 else 'hadron'}" for a, b in rng.normal(size=(150, 2))]
    (tmp_path / "table.csv").write_text("width,length,kind\n" + "\n".join(rows) + "\n")
    trained = result("train", "--data", "table.csv", "--label", "kind", *SHORT)
    result("sample", trained["run"], "-n", 3, "--out", "new.csv")
    assert (tmp_path / "new.csv").read_text().splitlines()[0] == "width,length"


def test_study_prints_the_keys_that_programs_rely_on(result: Any) -> None:
    found = result("study", "--recipe", "gan2014", "--seeds", 3, *SHORT)
    assert list(found) == [
        *("recipe", "data", "seeds", "modes", "high_quality", "reverse_kl", "missing_mass"),
        *("collapsed", "collapsed_low", "collapsed_high", "seconds"),
    ]
    assert found["seeds"] == len(found["modes"]) == len(found["high_quality"]) == len(found["reverse_kl"]) == 3
    assert 0 <= found["collapsed_low"] <= found["collapsed"] <= found["collapsed_high"] <= 1


def test_lists_have_the_keys_that_programs_rely_on(result: Any) -> None:
    rows = result("recipes")
    assert {"gan2014", "gan2014-minimax", "dcgan", "r3gan"} <= {row["name"] for row in rows}
    assert all(list(row) == ["name", "year", "paper", "family", "summary"] for row in rows)
    assert {"ring", "grid", "mixture1d", "swissroll", "digits", "stacked-digits"} == {
        row["name"] for row in result("datasets")
    }


def test_settings_are_listed_as_they_are_typed(call: Call, result: Any) -> None:
    lines = [line for line in call("recipes", "gan2014")[1].splitlines() if line.startswith("--set")]
    unset = [line for line in lines if "=..." in line]
    assert [line.split("=")[0].split()[1] for line in unset] == ["smoothing", "noise", "kernels"]
    words = [word for line in lines if line not in unset for word in line.split()]
    status, _, err = call("train", "--recipe", "gan2014", *words, *SHORT[:2], "--out", "run")
    assert status == 0, err
    (row,) = result("recipes", "gan2014")
    assert list(row["settings"]) == [line.split("=")[0].split()[1] for line in lines]
    assert "did you mean 'gan2014'" in call("recipes", "gan2041")[2]


def test_the_list_of_recipes_has_them_all_by_family_the_default_first_and_nothing_is_cut(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("allmodes.cli.lists.say", lambda what: Console(width=80, highlight=False).print(what))
    out = call("recipes")[1]
    assert "…" not in out
    assert max(map(len, out.splitlines())) <= 80
    first = [line.split() for line in out.splitlines() if line and not line.startswith(" ")]
    assert first[0][0] == "direct"
    assert first[1][:3] == ["r3gan", "(default)", "2024"]
    assert {entry.name for entry in recipes().values()} < {words[0] for words in first}
    for entry in recipes().values():
        assert entry.paper in out


def test_a_median_between_two_counts_is_shown_as_it_is() -> None:
    assert spread([5.0, 8.0], "{:g}".format) == "6.5 (5 to 8)"
    lost = Health("collapsed", "", {"modes": 5.0, "high_quality": 0.0})
    most = Health("ok", "", {"modes": 8.0, "high_quality": 1.0})
    study = Study("gan2014", "ring", 1, (lost, most), torch.zeros(2, 1, 2), 1.0)
    assert "6.5 (5 to 8)" in list(study_table([study]).columns[3].cells)


def test_a_study_is_told_by_what_its_seeds_gave() -> None:
    lost = Health("collapsed", "", {"modes": 5.0, "high_quality": 0.0, "reverse_kl": 2.0})
    good = Health("ok", "", {"modes": 8.0, "high_quality": 0.9, "reverse_kl": 0.1})
    study = Study("gan2014", "ring", 1, (lost, good, good, good), torch.zeros(4, 1, 2), 1.0)
    cells = {column.header: next(iter(column.cells)) for column in study_table([study]).columns}
    assert cells["modes captured"] == "8 (5 to 8)"
    assert cells["high quality"] == "90.0 % (0 % to 90.0 %)"
    assert cells["reverse KL"] == "0.100 (0.100 to 2.000)"
    assert cells["collapsed"].startswith("25.0 % [")


def test_a_value_may_hold_an_equals_sign() -> None:
    assert pairs("--condition", ["kind=a=b"]) == {"kind": "a=b"}


def test_of_several_processes_the_first_prints_and_one_alone_is_the_first(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    for size, lines in (("1", 1), ("2", 0)):
        monkeypatch.setenv("RANK", "1")
        monkeypatch.setenv("WORLD_SIZE", size)
        assert len(call("datasets", "--json")[1].splitlines()) == lines
    monkeypatch.setenv("WORLD_SIZE", "abc")
    status, out, err = call("datasets")
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert "WORLD_SIZE=abc: must be a whole number" in err


def test_letters_that_a_terminal_has_not_end_no_work(tmp_path: Path) -> None:
    asked = [sys.executable, "-m", "allmodes", "train", "--recipe", "gan2014", "--out", "é\udcff", *SHORT]
    done = subprocess.run(
        asked, cwd=tmp_path, env=os.environ | {"PYTHONIOENCODING": "ascii:strict"}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert b"everything is in \\xe9\\udcff" in done.stdout


def test_a_network_that_fills_the_memory_is_one_line(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("std::bad_alloc")

    monkeypatch.setattr("allmodes.recipes.recipes", full)
    status, _, err = call("recipes")
    assert (status, len(err.splitlines())) == (2, 1)
    assert "not enough memory" in err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(call: Call, command: str) -> None:
    status, out, _ = call(command, "--help")
    assert status == 0
    assert "--json" in out
    assert "None" not in out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_a_default_once_and_fits_a_terminal(
    call: Call, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = call(command, "--help")[1]
    assert max(map(len, out.splitlines())) <= 80
    for twice in ("(default", "(repeatable", "STR", "INT"):
        assert twice not in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trian"], "the commands are train"),
        (["train", "--stepz", "3"], "did you mean --steps"),
        (["train", "--steps", "many"], "--steps: 'many' is not a whole number"),
        (["train", "--steps", "-3"], "--steps -3"),
        (["train", "--steps", "0"], "at least 1"),
        (["train", "--recipe", "r3gam"], "did you mean 'r3gan'"),
        (["train", "--data", "rnig"], "did you mean 'ring'"),
        (["train", "--data", "no/such/file.npy"], "no/such/file.npy is not there"),
        (["train", "--set", "widht=3"], "did you mean 'width'"),
        (["train", "--set", "width"], "--set NAME=VALUE"),
        (["train", "--set", "width=wide"], "width=wide: expected a whole number"),
        (["train", "--set", "rate=-1"], "must be a positive number"),
        (["train", "--label", "kind"], "--data PATH"),
        (["train", "--recipe", "dcgan"], "use --recipe r3gan"),
        (["train", "--checkpoint-every", "0"], "--checkpoint-every 0"),
        (["train", "--resume", "--out", "nothing"], "nothing is not a run"),
        (["train", "--device", "abacus"], "--device abacus"),
        (["study", "--seeds", "0"], "--seeds 0"),
        (["study", "--resize", "8"], "--data PATH"),
        (["train", "--recipe", ""], "--recipe"),
        (["train", "--set", "width=3", "--set", "width=4"], "width is given twice"),
        (["train", "--set", "width=100000000000000000000"], "must be a positive number and below 2^63"),
        (["train", "--recipe", "nade", "--set", "order_seed=-1"], "must be at least 0"),
        (["train", "--recipe", "eonade", "--set", "orders=9"], "give at most 8; there are 2 orders of 2 numbers"),
        (
            ["train", "--data", "digits", "--recipe", "eonade", "--set", "orders=999999999999999999"],
            "give at most 10000\n",
        ),
        (["compare", "--recipes", "gan2014, vea", "--budget", "1"], "did you mean 'vae'"),
        (["sample"], "required"),
        (["sample", "nothing"], "nothing is not a run"),
        *(
            (command, said)
            for path, said in [("~nobody-of-this-name/x", "no home folder"), (300 * "x", "is too long for a path")]
            for command in [
                ["train", "--data", path],
                ["train", "--data", "digits", "--binarize", path],
                ["train", "--out", path],
                ["train", "--recipe", f"{path}.py:f"],
                ["audit", "--real", path, "--fake", path],
                ["sample", path],
                ["compare", path],
            ]
        ),
    ],
)
def test_a_mistake_gets_one_line_and_status_2(call: Call, words: list[str], said: str, tmp_path: Path) -> None:
    status, out, err = call(*words)
    assert status == 2
    assert out == ""
    assert said in err
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("function", "words", "arrive"),
    [
        (
            "allmodes.training.train.train",
            "train --recipe made --steps 7 --seed 3 --out run --set width=8 --device cpu --checkpoint-every 2 "
            "--keep-best modes",
            {"steps": 7, "seed": 3, "out": "run", "settings": {"width": "8"}, "device": "cpu", "checkpoint_every": 2}
            | {"keep_best": "modes", "resume": False},
        ),
        (
            "allmodes.training.study.study",
            "study --recipe made --seeds 5 --steps 7 --set width=8 --device cpu",
            {"seeds": 5, "steps": 7, "settings": {"width": "8"}, "device": "cpu"},
        ),
        (
            "allmodes.comparison.compare",
            "compare --recipes made,vae --budget 2 --seed 3 --device cpu --out new",
            {"recipes": "made,vae", "budget": 2.0, "seed": 3, "device": "cpu", "out": Path("new")},
        ),
        (
            "allmodes.data.dataset.load_data",
            "train --data x.npz --label kind --condition energy --resize 8 --binarize static --binarize-seed 4",
            {"label": "kind", "condition": ("energy",), "resize": 8, "binarize": "static", "binarize_seed": 4},
        ),
    ],
)
def test_every_flag_arrives(
    call: Call, monkeypatch: pytest.MonkeyPatch, function: str, words: str, arrive: dict[str, Any]
) -> None:
    asked: dict[str, Any] = {}

    def record(*_: object, **given: Any) -> None:
        asked.update(given)
        raise UserError("asked")

    monkeypatch.setattr(function, record)
    assert call(*words.split())[0] == 2
    assert {name: asked.get(name) for name in arrive} == arrive


def test_a_folder_that_holds_another_run_is_left_alone(call: Call, tmp_path: Path) -> None:
    assert call("train", "--out", "run", *SHORT)[0] == 0
    before = {path: path.read_bytes() for path in sorted((tmp_path / "run").rglob("*")) if path.is_file()}
    status, _, err = call("train", "--out", "run", "--seed", 1, *SHORT)
    assert status == 2
    assert "holds another run" in err
    assert before == {path: path.read_bytes() for path in sorted((tmp_path / "run").rglob("*")) if path.is_file()}
    assert call("sample", "run", "--condition", "class=3")[0] == 2
    assert call("sample", "run", "-n", 0)[0] == 2
    assert "unknown suffix" in call("sample", "run", "--out", "x.xyz")[2]
    assert "is too long for a path" in call("sample", "run", "--out", f"{300 * 'x'}.npy")[2]
    assert "no home folder" in call("sample", "run", "--out", "~nobody-of-this-name/x.npy")[2]


def test_pictures_of_two_sizes_name_both_and_resize_mends_it(call: Call, pictures: Path) -> None:
    Image.new("RGB", (7, 9)).save(pictures / "cats" / "odd.png")
    status, _, err = call("train", "--data", pictures, "--steps", 1)
    assert status == 2
    assert "odd.png has 9 x 7" in err
    assert "--resize" in err
    assert call("train", "--data", pictures, "--resize", 16, "--steps", 1)[0] == 0


def test_ctrl_c_saves_says_how_to_resume_and_resuming_ends_the_run(
    call: Call, result: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result("train", "--out", "whole", "--steps", 12, "--set", "batch=16")
    trace = "allmodes.cli.train.progress"
    with monkeypatch.context() as patch:

        class Stopper:
            def __enter__(self) -> Any:
                return lambda step, steps, text: step == 5 and signal.raise_signal(signal.SIGINT)

            def __exit__(self, *_: object) -> None: ...

        patch.setattr(trace, lambda what: Stopper())
        status, _, err = call("train", "--out", "half", "--steps", 12, "--set", "batch=16")
    assert status == 128 + signal.SIGINT
    assert "allmodes train --resume --out half" in err
    assert result("train", "--resume", "--out", "half")["steps"] == 12
    whole, half = (checkpoint.load(tmp_path / name) for name in ("whole", "half"))
    assert whole
    assert half
    assert all((whole.tensors["model"][k] == half.tensors["model"][k]).all() for k in whole.tensors["model"])


def test_two_trainings_do_not_share_a_run(call: Call, result: Any) -> None:
    result("train", "--out", "run", *SHORT)
    with locked(Path("run")):
        status, _, err = call("train", "--resume", "--out", "run")
    assert status == 2
    assert "another process is training run" in err
    assert result("train", "--resume", "--out", "run")["steps"] == 4


def test_resuming_asks_which_run_where_the_default_folder_is_not_the_only_one(call: Call) -> None:
    for _ in range(2):
        assert call("train", *SHORT)[0] == 0
    status, _, err = call("train", "--resume")
    assert status == 2
    assert "runs/ring-r3gan-s0, runs/ring-r3gan-s0-2" in err


def test_labels_that_no_recipe_uses_are_said_to_be_unused(call: Call, pictures: Path) -> None:
    said = "allmodes: note: r3gan is trained without the labels of pictures; constrained and cgan use them\n"
    assert said in call("train", "--data", pictures, "--steps", 1)[2]
    with warnings.catch_warnings(action="error", category=Note):
        allmodes.train("gan2014", "digits", steps=1, settings={"width": 8}, device="cpu")


def test_how_far_long_work_is_reads_as_that_in_a_pipe(call: Call) -> None:
    err = call("train", *SHORT)[2]
    assert "training (4 of 4 done): discriminator.loss " in err
    assert "4 seeds (64 of 64 done)\n" in call("study", "--seeds", 4, "--recipe", "gan2014", "--steps", 16)[2]


def test_a_signal_before_the_first_step_still_leaves_a_run_that_resumes(
    call: Call, result: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def interrupted(*words: Any) -> Any:
            signal.raise_signal(signal.SIGTERM)
            return watch(*words)

        patch.setattr("allmodes.training.witness.watch", interrupted)
        status, _, err = call("train", "--out", "run", *SHORT)
    assert status == 128 + signal.SIGTERM
    assert "stopped at step 1 of 4; resume: allmodes train --resume --out run" in err
    assert result("train", "--resume", "--out", "run")["steps"] == 4


def test_an_interrupt_while_the_command_is_being_read_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupting(ModuleType):
        def __getattr__(self, name: str) -> Any:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "allmodes.cli", Interrupting("allmodes.cli"))
    with pytest.raises(SystemExit) as stopped:
        started()
    assert stopped.value.code == 130
    assert capsys.readouterr().err == "allmodes: interrupted\n"


def test_a_fault_of_ours_has_status_1_and_a_traceback_only_on_request(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("a\nbroken\nwheel")

    monkeypatch.setattr("allmodes.recipes.recipes", broken)
    status, _, err = call("recipes")
    assert (status, len(err.splitlines())) == (1, 1)
    assert "a broken wheel" in err
    assert "Traceback" in call("recipes", "--debug")[2]


@pytest.fixture
def showers(tmp_path: Path) -> Path:
    """A table with a class and a continuous condition."""
    rng = np.random.default_rng(0)
    lines = [
        f"{energy * 0.7},{energy * 0.3},{'gamma' if energy < 2 else 'hadron'},{energy}"
        for energy in rng.uniform(1, 3, 300)
    ]
    path = tmp_path / "showers.csv"
    path.write_text("\n".join(["near,far,particle,energy", *lines]))
    return path


def test_conditions_go_all_the_way_from_a_table_to_samples(
    call: Call, result: Callable[..., Any], showers: Path
) -> None:
    named = ("--data", showers, "--label", "particle", "--condition", "energy")
    run = result("train", "--recipe", "cgan", *named, "--set", "log=energy", *SHORT)["run"]
    lines = [json.loads(line) for line in Path(run, "metrics.jsonl").read_text().splitlines()]
    assert {"particle.agreement", "energy.bias", "energy.spread_real"} <= set(lines[-1])
    assert "a judge sees the particle that was asked for in" in lines[-1]["reason"]
    asked = ("sample", run, "-n", 20, "--condition", "energy=1.5")
    result(*asked, "--condition", "particle=gamma", "--out", "s.csv")
    assert Path("s.csv").read_text().splitlines()[0] == "near,far,energy,particle"
    for particle in ("gamma", "hadron"):
        status, _, err = call(*asked, "--condition", f"particle={particle}")
        assert (status, err) == (0, "")
        assert Path(run, "samples", f"n-20-seed-0-energy-1.5-particle-{particle}.npy").is_file()
    status, _, err = call("sample", run, "--condition", "energy=30", "--condition", "particle=gamma")
    assert status == 0
    assert "warning: energy=30 lies outside the training examples, 1.0" in err
    for words, said in (
        (asked, "condition 'particle' is missing; give --condition particle=VALUE"),
        (("sample", run), "condition 'particle' is missing"),
        ((*asked, "--condition", "particle=gama"), "unknown particle 'gama'; did you mean 'gamma'?"),
        ((*asked, "--condition", "mass=3"), "unknown condition 'mass'"),
    ):
        status, _, err = call(*words)
        assert status == 2
        assert said in err
        assert len(err.splitlines()) == 1


def test_the_commands_that_a_conditional_training_names_draw_samples_that_an_audit_of_files_takes(
    call: Call, result: Callable[..., Any], showers: Path
) -> None:
    text = showers.read_text()
    showers.write_text(text.replace("hadron", "a hadron"))
    named = ("--label", "particle", "--condition", "energy")
    status, out, err = call("train", "--recipe", "cgan", "--data", showers, *named, "--out", "a run", *SHORT)
    assert status == 0, err
    commands = [shlex.split(line.rpartition(": ")[2]) for line in out.splitlines() if ": allmodes " in line]
    assert commands.pop() == ["allmodes", "audit", "a run"]
    assert commands[0][-4:-2] == ["--condition", "particle=a hadron"]
    assert commands[1][-2:] == ["--conditions-of", "data"]
    for program, *words in commands:
        assert program == "allmodes"
        status, _, err = call(*words)
        assert status == 0, err
    assert Path("a run/samples/n-1000-seed-0-conditions-of-data.npz").is_file()
    call("sample", "a run", "-n", 600, "--conditions-of", showers, "--out", "fake.csv")
    rows = Path("fake.csv").read_text().splitlines()
    asked = Counter(tuple(row.split(",")[2:]) for row in rows[1:])
    assert set(asked.values()) == {2}, "300 examples, each asked for twice"
    status, out, err = call("audit", "--real", showers, "--fake", "fake.csv", *named)
    assert status == 0, err
    assert "fake holds" not in out
    assert "that fake has not" not in out


def test_conditions_of_examples_that_do_not_fit_are_named(
    call: Call, result: Callable[..., Any], showers: Path, tmp_path: Path
) -> None:
    named = ("--data", showers, "--label", "particle", "--condition", "energy")
    result("train", "--recipe", "cgan", *named, "--out", "run", *SHORT)
    (tmp_path / "bare.csv").write_text("near,far,energy\n1,2,3\n2,3,1\n")
    (tmp_path / "new.csv").write_text("near,particle,energy\n1,gamma,2\n2,muon,2\n")
    (tmp_path / "far.csv").write_text("near,particle,energy\n1,gamma,2\n2,gamma,30\n")
    for words, said in (
        (("bare.csv",), "bare has no column or array 'particle'; give data with the conditions that samples take"),
        (("new.csv",), "unknown particle in new, 'muon'; Known: gamma, hadron"),
        (("data", "--condition", "energy=2"), "--conditions-of data: its examples have all conditions; leave"),
        (("data", "-n", 0), "-n 0: the number of samples must be at least 1"),
    ):
        status, _, err = call("sample", "run", "--conditions-of", *words)
        assert status == 2
        assert said in err
        assert len(err.splitlines()) == 1
    status, _, err = call("sample", "run", "-n", 3, "--conditions-of", "far.csv", "--out", "s.npy")
    assert status == 0, err
    assert "warning: s.npy does not hold what was asked of each sample; .npz .csv .h5 .parquet do" in err
    assert "of 3 values of energy lie outside the training examples, 1.0" in err


def test_recipes_that_need_conditions_say_how_to_give_them(call: Call) -> None:
    for recipe, said in (("cgan", "--label or --condition"), ("acgan", "--label"), ("constrained", "--set bounds")):
        status, _, err = call("train", "--recipe", recipe, *SHORT)
        assert status == 2
        assert said in err
        assert "use --recipe" in err


def test_a_constrained_run_reports_its_residuals(
    call: Call, result: Callable[..., Any], showers: Path, tmp_path: Path
) -> None:
    (tmp_path / "shower_physics.py").write_text(
        "def share(x, condition):\n    return (x[:, 0] - 0.7 * condition.values[:, 0]) / condition.values[:, 0]\n"
        "def whole(x, condition):\n    return x.sum()\n"
    )
    named = ("--data", showers, "--label", "particle", "--condition", "energy")
    train = ("train", "--recipe", "constrained", *named, *SHORT)
    held = ("--set", "sum=energy", "--set", "bounds=0:")
    run = result(*train, *held, "--set", "constraint=shower_physics:share", "--set", "tolerance=0.02")["run"]
    last = json.loads(Path(run, "metrics.jsonl").read_text().splitlines()[-1])
    assert last["residual.sum=energy.largest"] < 1e-6
    assert last["residual.shower_physics:share.median"] > 0
    assert "residual of sum=energy" in last["reason"]
    for setting, said in (
        ("constraint=shower_physics:whole", "gives residuals of shape [] for"),
        ("constraint=shower_physics:hole", "unknown function in shower_physics, 'hole'"),
        ("constraint=whole", "write file.py:function"),
        ("sum=enery", "not a continuous condition"),
        ("bounds=3", "write LOW:HIGH"),
        ("log=mass", "unknown continuous condition 'mass'"),
    ):
        status, _, err = call(*train, "--set", setting)
        assert status == 2
        assert said in err
        assert len(err.splitlines()) == 1, err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("train --steps abc", "--steps: 'abc' is not a whole number"),
        ("train --sed 3", "did you mean --seed?"),
        ("trian", "the commands are train"),
    ],
)
@pytest.mark.parametrize("columns", ["40", "120"])
def test_a_mistake_on_a_terminal_gets_one_line_too(words: str, said: str, columns: str) -> None:
    """There the parser's complaint is coloured, and as wide as the terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "allmodes", *words.split()]
    done = subprocess.run(
        command, stdout=theirs, stderr=subprocess.PIPE, text=True, check=False, env=os.environ | {"COLUMNS": columns}
    )
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "\x1b" not in done.stderr


def test_a_file_where_a_folder_is_to_be_made_is_told_before_the_work(call: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    status, _, err = call("audit", "--real", "digits", "--fake", "digits", "--out", "file")
    assert (status, (tmp_path / "file").read_text()) == (2, "kept")
    assert "cannot write file" in err
