"""A run's folder: what it accepts, what it refuses, what it says."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import allmodes
from allmodes.data.batches import Batches
from allmodes.data.dataset import Dataset, load_data, split
from allmodes.errors import Note, UserError
from allmodes.random import Rng
from allmodes.training import checkpoint
from allmodes.training.folder import Taken, create, create_beside
from allmodes.training.journal import read_metrics
from allmodes.training.plan import Plan
from allmodes.training.run import Run, load
from allmodes.training.trainer import NotFinite

Small = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, ring: Dataset, small: Small) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "ring"
    return allmodes.train("r3gan", ring, steps=10, out=folder, settings=small("r3gan"), checkpoint_every=5)


@pytest.fixture
def copy(finished: Run, tmp_path: Path) -> Path:
    """The finished run in a folder that a test may spoil."""
    return shutil.copytree(finished.folder, tmp_path / "copy")


def test_a_constraint_that_cannot_be_computed_is_refused_before_there_is_a_run(ring: Dataset, tmp_path: Path) -> None:
    (tmp_path / "sums.py").write_text("def whole(x, condition):\n    return x.sum()\n")
    settings = {"constraint": f"{tmp_path}/sums.py:whole"}
    with pytest.raises(
        UserError, match=r"sums.py:whole gives residuals of shape \[\] for 8 examples; let it give \[8\]"
    ):
        allmodes.train("constrained", ring, steps=2, out=tmp_path / "run", settings=settings)
    assert not (tmp_path / "run").exists()


def test_a_run_finds_its_constraint_from_any_folder(
    ring: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "circle.py").write_text("def radius(x, condition):\n    return x.norm(dim=1) - 1\n")
    monkeypatch.chdir(tmp_path)
    asked: dict[str, Any] = {"width": 8, "batch": 16, "constraint": "circle.py:radius"}
    run = allmodes.train("constrained", ring, steps=2, out=tmp_path / "run", settings=asked)
    assert "residual.circle.py:radius.median" in run.metrics[-1]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load(tmp_path / "run").sample(3).shape == (3, 2)
    told: list[str] = []
    asked = {"data": ring, "out": tmp_path / "run", "resume": True, "note": told.append}
    allmodes.train(**asked)
    assert told == []
    with (tmp_path / "circle.py").open("a") as file:
        file.write("\n")
    allmodes.train(**asked)
    changed = f"{tmp_path}/circle.py has changed since the training began"
    assert told == [f"{changed}: the run may differ from one that never stopped"]


@pytest.mark.parametrize("recipe", ["cgan", "constrained"])
def test_conditions_are_of_training_examples_where_none_is_held_out(recipe: str, tmp_path: Path) -> None:
    x = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    data = load_data(x, labels=torch.arange(64) % 2)
    whole = replace(data, split=split(len(data), 0, (1.0, 0.0, 0.0)))
    settings = {"width": 8, "batch": 16}
    run = allmodes.train(recipe, whole, steps=2, out=tmp_path / "run", settings=settings)
    assert run.step == 2
    assert allmodes.study(recipe, whole, seeds=2, steps=2, settings=settings).samples.shape[0] == 2


def test_a_seed_that_is_none_is_named(finished: Run) -> None:
    with pytest.raises(UserError, match=r"--seed -1: must be at least 0"):
        finished.sample(3, seed=-1)
    with pytest.raises(UserError, match=r"and below 2\^63"):
        finished.sample(3, seed=10**20)


def test_a_run_of_a_gpu_is_not_resumed_without_one(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps(plan | {"device": "cuda"}))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for device in (None, "cpu"):
        with pytest.raises(UserError, match=r"is on a GPU, and this machine has none; resume it there"):
            allmodes.train(out=copy, resume=True, device=device)


def test_a_run_holds_all_that_happened(finished: Run, ring: Dataset) -> None:
    plan = json.loads((finished.folder / "run.json").read_text())
    assert (plan["recipe"], plan["steps"], plan["seed"]) == ("r3gan", 10, 0)
    assert plan["data"]["digest"] == ring.digest
    assert plan["data"]["split"]["counts"] == {"train": 1600, "validation": 200, "test": 200}
    assert plan["versions"]["torch"] == torch.__version__
    assert [line["step"] for line in finished.metrics if "seconds" in line] == list(range(1, 11))
    assert finished.step == 10
    assert finished.verdict in ("ok", "collapsed")
    assert finished.reason
    assert len(list((finished.folder / "samples").glob("*.png"))) == 5
    assert not list(finished.folder.rglob(".*"))


@pytest.mark.parametrize(
    ("verdict", "said"),
    [("ok", "not collapsed"), ("collapsed", "collapsed"), ("ignores_condition", "ignores a condition")],
)
def test_people_are_told_what_a_verdict_means(copy: Path, verdict: str, said: str) -> None:
    with (copy / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": 10, "reason": "8 of 8", "verdict": verdict}) + "\n")
    assert allmodes.load(copy).sentence == f"{said}: 8 of 8"


def test_samples_come_from_the_averaged_weights_in_the_users_units(finished: Run) -> None:
    from allmodes.recipes import build
    from allmodes.training import checkpoint

    kept = checkpoint.load(finished.folder)
    assert kept is not None
    assert not kept.tensors["average"]["generator.0.weight"].equal(kept.tensors["model"]["generator.0.weight"])
    model = build("r3gan", finished.event, finished.plan.settings).model
    model.load_state_dict(kept.tensors["model"] | kept.tensors["average"])
    samples = finished.sample(7, seed=3)
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples, model.sample(7, rng=Rng(3)).numpy())


def test_samples_follow_their_seed_and_survive_a_reload(finished: Run) -> None:
    again = allmodes.load(finished.folder)
    np.testing.assert_array_equal(again.sample(20, seed=1), finished.sample(20, seed=1))
    assert not np.array_equal(finished.sample(20, seed=1), finished.sample(20, seed=2))


def test_whole_numbers_of_other_libraries_are_taken_as_such(tmp_path: Path, small: Small) -> None:
    asked: dict[str, Any] = {"steps": np.int64(3), "seed": torch.tensor(5), "checkpoint_every": np.uint8(2)}
    data = load_data("ring", n=np.int64(2000), split_seed=np.int64(7))  # type: ignore[arg-type]
    run = allmodes.train("gan2014", data, out=tmp_path / "run", settings=small("gan2014"), **asked)
    kept = load(run.folder).plan
    assert (kept.steps, kept.seed, kept.checkpoint_every, kept.data["source"]["split_seed"]) == (3, 5, 2, 7)
    np.testing.assert_array_equal(run.sample(2, seed=np.int64(3)), run.sample(2, seed=3))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"steps": 2.5}, "--steps 2.5: must be a whole number"),
        ({"steps": "10"}, "--steps '10': must be a whole number"),
        ({"seed": 1.5}, "--seed 1.5: must be a whole number"),
        ({"seed": "a"}, "--seed 'a': must be a whole number"),
        ({"checkpoint_every": 1.5}, "--checkpoint-every 1.5: must be a whole number"),
        ({"device": "meta"}, "--device meta: not on this machine; leave it out, or give cpu"),
        ({"out": 5}, "--out 5: give the path of a folder"),
        ({"keep_best": 5}, "unknown --keep-best 5; Known: "),
    ],
)
def test_an_argument_that_is_none_is_refused_before_there_is_a_run(
    asked: dict[str, Any], said: str, ring: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        allmodes.train("gan2014", ring, **({"steps": 2, "out": tmp_path / "run"} | asked))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"n": 2.5}, "-n 2.5: must be a whole number"),
        ({"n": "3"}, "-n '3': must be a whole number"),
        ({"n": 3, "seed": None}, "--seed None: must be a whole number"),
    ],
)
def test_samples_are_counted_in_whole_numbers(asked: dict[str, Any], said: str, finished: Run) -> None:
    with pytest.raises(UserError, match=said):
        finished.sample(**asked)


@pytest.mark.parametrize("n", [0, -3])
def test_too_few_samples_are_named(n: int, finished: Run) -> None:
    with pytest.raises(UserError, match=f"-n {n}: the number of samples must be at least 1"):
        finished.sample(n)


def test_a_condition_of_a_model_that_takes_none_is_an_error(finished: Run) -> None:
    with pytest.raises(UserError, match="'energy' given, but the data have neither"):
        finished.sample(3, {"energy": 1.0})


def test_samples_are_asked_for_the_conditions_of_data(tmp_path: Path) -> None:
    x = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
    data = load_data(x, labels=torch.arange(60) % 3, conditions={"energy": torch.arange(60.0)})
    run = allmodes.train("cgan", data, steps=2, out=tmp_path / "run", settings={"width": 8, "batch": 16})
    asked = run.conditions(60, of=data, seed=np.int64(4))  # type: ignore[arg-type]
    assert asked.values is not None
    assert sorted(asked.values[:, 0].tolist()) == list(range(60))
    told: list[str] = []
    drawn = run.sample(60, asked, note=told.append)
    assert all("of 60 values of energy lie outside the training examples" in line for line in told)
    np.testing.assert_array_equal(drawn, run.model.sample(60, asked, rng=Rng(0)).numpy())
    with pytest.raises(UserError, match=r"the condition class has shape \(60,\); 59 examples need \(59,\)"):
        run.sample(59, asked, note=told.append)
    with pytest.raises(UserError, match="arrays in memory; pass them again"):
        run.conditions(60)


def test_a_folder_that_holds_another_run_is_left_alone(copy: Path, ring: Dataset) -> None:
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=r"holds another run; choose another --out, or continue .*--resume"):
        allmodes.train("gan2014", ring, steps=3, out=copy)
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path, ring: Dataset) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    for out in (tmp_path, tmp_path / "thesis.tex"):
        with pytest.raises(UserError, match="is not an empty folder; choose another --out"):
            allmodes.train("gan2014", ring, steps=3, out=out)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_what_is_not_a_run_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError, match=r"is not a run: it has no run\.json"):
            load(path)
    with pytest.raises(UserError, match="is a file; give the folder"):
        load(tmp_path / "file")
    with pytest.raises(UserError, match="a list is no run; give the folder"):
        load([])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [("seed", "a"), ("seed", 1.5), ("steps", None), ("settings", []), ("keep_best", 3), ("event", {"shape": [2]})],
)
def test_a_value_of_run_json_that_is_none_is_one_line(name: str, value: Any, copy: Path) -> None:
    plan = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps(plan | {name: value}))
    with pytest.raises(UserError, match=rf"run\.json cannot be read \(.*{name}.*\); restore it from a copy") as error:
        load(copy)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"recipe": "r3gan"}', '"r3gan"', "7", "\x00\xff"])
def test_a_spoilt_run_json_is_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(UserError, match=r"run\.json cannot be read") as error:
        load(tmp_path)
    assert "\n" not in str(error.value)


def test_a_run_without_a_checkpoint_says_how_to_go_on(copy: Path) -> None:
    import shutil

    shutil.rmtree(copy / "checkpoints")
    (copy / "metrics.jsonl").unlink()
    with pytest.raises(UserError, match=r"no checkpoint yet; continue it: allmodes train --resume --out"):
        load(copy).sample(1)


def test_weights_of_another_recipe_are_refused(copy: Path) -> None:
    plan = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps(plan | {"recipe": "gan2014", "settings": {}}))
    with pytest.raises(UserError, match="do not fit the recipe gan2014"):
        load(copy).sample(1)


def test_a_torn_last_line_of_the_metrics_is_left_out(copy: Path) -> None:
    whole = read_metrics(copy)
    with (copy / "metrics.jsonl").open("a") as file:
        file.write('{"step": 11, "los')
    assert read_metrics(copy) == whole
    assert load(copy).step == 10


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"steps": 9}, "--steps 9: .* has 10; give more to train it longer, leave it out, or start another run"),
        ({"recipe": "gan2014"}, "--recipe gan2014: .* has r3gan"),
        ({"seed": 1}, "--seed 1: .* has 0"),
        ({"settings": {"width": 9}}, "--set .*9.*: .* has"),
        ({"checkpoint_every": 7}, "--checkpoint-every 7: .* has 5"),
    ],
)
def test_a_resume_that_contradicts_the_run_names_the_flag(asked: dict[str, Any], said: str, copy: Path) -> None:
    with pytest.raises(UserError, match=said):
        allmodes.train(out=copy, resume=True, **asked)


def test_a_resume_that_repeats_the_run_is_accepted_and_a_finished_one_stays(copy: Path, small: Small) -> None:
    weights = (copy / "checkpoints" / "step-00000010" / "model.safetensors").read_bytes()
    run = allmodes.train(
        "r3gan", "ring", steps=10, seed=0, settings=small("r3gan"), checkpoint_every=5, out=copy, resume=True
    )
    assert run.verdict in ("ok", "collapsed")
    assert (copy / "checkpoints" / "step-00000010" / "model.safetensors").read_bytes() == weights


def test_a_resume_removes_what_a_killed_process_was_writing(copy: Path) -> None:
    torn, own = copy / "samples" / ".step-00000005.png.0a1b2c3d.tmp", copy / ".notes.tmp"
    for path in (torn, own):
        path.write_bytes(b"")
    allmodes.train(out=copy, resume=True)
    assert (torn.exists(), own.exists()) == (False, True)


def test_a_resume_finds_its_data_again_by_itself(copy: Path) -> None:
    assert allmodes.train(out=copy, resume=True).step == 10


@pytest.mark.parametrize("data", ["grid", load_data("ring", n=2001), np.zeros((30, 2))])
def test_a_resume_with_other_data_is_refused(data: Any, copy: Path) -> None:
    with pytest.raises(UserError, match=r"not those that .* was trained on"):
        allmodes.train(data=data, out=copy, resume=True)


def test_a_file_that_changed_since_is_refused(tmp_path: Path, small: Small) -> None:
    x = np.random.default_rng(0).standard_normal((100, 2)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    out = tmp_path / "run"
    allmodes.train("gan2014", tmp_path / "x.npy", steps=2, out=out, settings=small("gan2014"))
    np.save(tmp_path / "x.npy", x + 1)
    with pytest.raises(UserError, match=r"not those that .* was trained on \(another digest\)"):
        allmodes.train(out=out, resume=True)


def test_another_split_of_the_same_data_is_refused(tmp_path: Path, small: Small) -> None:
    x = np.random.default_rng(0).standard_normal((100, 2)).astype(np.float32)
    allmodes.train("gan2014", load_data(x, split_seed=3), steps=2, out=tmp_path / "run", settings=small("gan2014"))
    with pytest.raises(UserError, match=r"split by seed 0, .* split seed 3"):
        allmodes.train(data=x, out=tmp_path / "run", resume=True)
    assert allmodes.train(data=load_data(x, split_seed=3), out=tmp_path / "run", resume=True).step == 2


def test_arrays_in_memory_have_to_be_passed_again(tmp_path: Path, small: Small) -> None:
    x = np.random.default_rng(0).standard_normal((100, 2)).astype(np.float32)
    allmodes.train("gan2014", x, steps=2, out=tmp_path / "run", settings=small("gan2014"))
    with pytest.raises(UserError, match="arrays in memory; pass them again"):
        allmodes.train(out=tmp_path / "run", resume=True)
    assert allmodes.train(data=x, out=tmp_path / "run", resume=True).step == 2


def test_runs_without_a_name_get_one_that_is_free(
    tmp_path: Path, ring: Dataset, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folders = [allmodes.train("gan2014", ring, steps=1, settings=small("gan2014")).folder for _ in range(2)]
    assert [str(folder) for folder in folders] == ["runs/ring-gan2014-s0", "runs/ring-gan2014-s0-2"]


def test_of_two_runs_that_begin_at_once_one_has_the_folder(finished: Run, tmp_path: Path) -> None:
    plans = [replace(finished.plan, seed=seed) for seed in range(8)]

    def begin(plan: Plan) -> int | None:
        try:
            return create(tmp_path / "run", plan).plan.seed
        except Taken:
            return None

    with ThreadPoolExecutor(8) as together:
        seeds = [seed for seed in together.map(begin, plans) if seed is not None]
    assert seeds == [load(tmp_path / "run").plan.seed]


def test_runs_without_a_name_that_begin_at_once_get_folders_of_their_own(finished: Run, tmp_path: Path) -> None:
    plans = [replace(finished.plan, seed=seed) for seed in range(6)]
    with ThreadPoolExecutor(6) as together:
        runs = list(together.map(lambda plan: create_beside(tmp_path / "ring", plan), plans))
    assert [load(run.folder).plan.seed for run in runs] == list(range(6))


def test_a_damaged_checkpoint_is_told_by_samples_and_audits(copy: Path) -> None:
    newest = max((copy / "checkpoints").iterdir())
    (newest / "model.safetensors").write_bytes(b"torn")
    told: list[str] = []
    load(copy).sample(3, note=told.append)
    assert len(told) == 1
    assert f"{newest} is damaged" in told[0]
    assert told[0].endswith("using the one before it")


Damage = Callable[[Path], Any]


def edited(name: str, **values: Any) -> Damage:
    """Other values in a file of JSON, deep ones by names with two underlines between them; ... takes one out."""

    def damage(run: Path) -> None:
        (file,) = run.glob(name)
        whole = json.loads(file.read_text())
        for path, value in values.items():
            *outer, last = path.split("__")
            at = whole
            for key in outer:
                at = at[key]
            if value is ...:
                del at[last]
            else:
                at[last] = value
        file.write_text(json.dumps(whole))

    return damage


def line(text: str) -> Damage:
    """One more line of the metrics."""

    def damage(run: Path) -> None:
        with (run / "metrics.jsonl").open("a") as file:
            file.write(f"{text}\n")

    return damage


def tensors(name: str, change: Callable[[dict[str, torch.Tensor]], Any]) -> Damage:
    """Other tensors in the last checkpoint, with the digest that they then have."""

    def damage(run: Path) -> None:
        (state,) = run.glob("checkpoints/step-00000010/state.json")
        file = state.with_name(f"{name}.safetensors")
        held = load_file(file)
        change(held)
        save_file(held, file)
        said = json.loads(state.read_text())
        said["files"][file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
        state.write_text(json.dumps(said))

    return damage


def pipe(name: str) -> Damage:
    """A pipe in place of a file, from which nothing ever comes."""

    def damage(run: Path) -> None:
        (file,) = run.glob(name)
        file.unlink()
        os.mkfifo(file)

    return damage


def moved(held: dict[str, torch.Tensor]) -> None:
    held["generator.0.mean"] = held.pop("generator.0.exp_avg")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (edited("run.json", event__shape=[[1]]), r"run\.json cannot be read \(shape is \(\(1,\),\)\); restore it"),
        (edited("run.json", event__shape=[2, 2, 2], event__layout="HW"), r"run\.json .*shape is \(2, 2, 2\)"),
        (edited("run.json", event__variables=None), r"run\.json cannot be read \(variables is None\)"),
        (edited("run.json", event__variables="energy"), r"run\.json cannot be read \(variables is 'energy'\)"),
        (edited("run.json", event__variables=["e"], event__quantiles=[[1.0]]), r"run\.json .*\(quantiles are"),
        (edited("run.json", event__quantiles=[[math.inf] * 5]), r"run\.json cannot be read \(quantiles is"),
        (edited("run.json", event__support=...), r"run\.json cannot be read \(event lacks 'support'\)"),
        (edited("run.json", data__source__data=...), r"run\.json cannot be read \(data is"),
        (edited("run.json", data__split=math.inf), r"run\.json cannot be read \(data is"),
        (edited("run.json", shorter=[{}]), r"run\.json cannot be read \(shorter is \[\{\}\]\)"),
        (edited("run.json", checkpoint_every=0), r"run\.json cannot be read \(checkpoint_every is 0\)"),
        (lambda run: (run / "run.json").write_text("[" * 200_000), r"run\.json cannot be read \(maximum recursion"),
        (pipe("run.json"), r"run\.json cannot be read \(it is not a file\)"),
        (line("{}"), r"metrics\.jsonl cannot be read \(line \d+ is \{\}\); restore it from a copy"),
        (line("null"), r"metrics\.jsonl cannot be read \(line \d+ is null\)"),
        (line('{"step": 3, "seconds": "long"}'), r"metrics\.jsonl cannot be read \(line \d+ is "),
        (line("[" * 200_000), r"metrics\.jsonl cannot be read \(maximum recursion"),
        (pipe("metrics.jsonl"), r"metrics\.jsonl cannot be read \(it is not a file\)"),
        (
            tensors("random", lambda held: held.update(rng=held["rng"].float())),
            r"-00000010 does not fit the recipe r3gan \(random\.safetensors has another rng\): it is damaged; remove",
        ),
        (
            tensors("random", lambda held: held.update(rng=held["rng"][:5].clone())),
            r"random\.safetensors has another rng",
        ),
        (tensors("optimizers", moved), r"optimizers\.safetensors has no generator\.0\.exp_avg\): it is damaged"),
        (
            tensors("optimizers", lambda held: held.update({"generator.0.exp_avg": torch.zeros(1000)})),
            r"optimizers\.safetensors has another generator\.0\.exp_avg\)",
        ),
        (tensors("model", lambda held: held["transform.parts.1.scale"].fill_(math.nan)), r"scale is not finite\)"),
        (tensors("average", lambda held: held.clear()), r"average\.safetensors has no generator"),
        (
            edited("checkpoints/step-00000010/state.json", **{"files__random.safetensors": ...}),
            r"step-00000010 does not fit the recipe r3gan \(there is no random\.safetensors\): it is damaged",
        ),
        (
            edited("checkpoints/step-00000010/state.json", batches__offset=10**6),
            r"step-00000010 does not fit .*\(batches at epoch 0 and offset 1000000 of 1600 examples\)",
        ),
    ],
)
def test_a_run_that_was_edited_is_refused_in_one_line_that_names_the_file(
    damage: Damage, said: str, copy: Path
) -> None:
    damage(copy)
    with pytest.raises(UserError, match=said) as error:
        allmodes.train(out=copy, resume=True)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (edited("checkpoints/step-00000010/state.json", seconds=...), "'seconds'"),
        (edited("checkpoints/step-00000010/state.json", batches=[1, 2]), r"batches is \[1, 2\]"),
        (edited("checkpoints/step-00000010/state.json", batches__epoch="1"), "batches is"),
        (edited("checkpoints/step-00000010/state.json", step="10"), "step is '10'"),
        (edited("checkpoints/step-00000010/state.json", step=9), "step is 9"),
        (edited("checkpoints/step-00000010/state.json", files=["model.safetensors"]), "files is"),
        (pipe("checkpoints/step-00000010/state.json"), "it is not a file"),
    ],
)
def test_a_checkpoint_whose_state_was_edited_is_told_and_the_one_before_is_used(
    damage: Damage, said: str, copy: Path
) -> None:
    damage(copy)
    notes: list[str] = []
    assert allmodes.train(out=copy, resume=True, note=notes.append).step == 10
    assert re.search(rf"step-00000010 is damaged \(state\.json: {said}.*; using the one before it", notes[0])


def test_a_copy_of_a_checkpoint_is_none(copy: Path) -> None:
    newest = max((copy / "checkpoints").iterdir())
    for name in ("step-00000099_1", "step-00000099-copy1", "step-"):
        shutil.copytree(newest, newest.with_name(name))
    assert checkpoint.newest(copy) == 10


@pytest.mark.parametrize("lines", [0, 1])
def test_a_finished_run_whose_metrics_were_cut_short_gets_its_verdict_on_resume(copy: Path, lines: int) -> None:
    whole = (copy / "metrics.jsonl").read_text()
    (copy / "metrics.jsonl").write_text("".join(whole.splitlines(True)[:lines]))
    assert (load(copy).verdict, load(copy).step > 0) == ("unfinished", True)
    before = load(copy).sample(5)
    run = allmodes.train(out=copy, resume=True)
    assert run.verdict == json.loads(whole.splitlines()[-1])["verdict"]
    assert np.array_equal(run.sample(5), before)


def test_weights_that_are_no_numbers_are_never_kept(tmp_path: Path, digits: Dataset) -> None:
    asked: dict[str, Any] = {"steps": 40, "checkpoint_every": 10, "settings": {"rate": 0.3}}
    with pytest.raises(NotFinite, match=r"training diverged; checkpoints before it are kept"):
        allmodes.train("vae", digits, out=tmp_path / "run", **asked)
    kept = checkpoint.load(tmp_path / "run")
    assert kept is None or all(
        bool(t.isfinite().all()) for t in kept.tensors["model"].values() if t.is_floating_point()
    )


def test_data_without_held_out_examples_train(tmp_path: Path, small: Small) -> None:
    x = np.random.default_rng(0).standard_normal((60, 3))
    data = replace(load_data(x), split=split(60, 0, (1.0, 0.0, 0.0)))
    run = allmodes.train("gan2014", data, steps=4, out=tmp_path / "run", settings=small("gan2014"))
    assert run.verdict != "unfinished"


def test_what_is_odd_about_the_data_is_a_warning_unless_it_is_told_otherwise(tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal((300, 2))
    x[:10, 1] = -1e6
    small = {"width": 8, "batch": 16}
    with pytest.warns(Note, match="stands in 10 of 300 rows") as seen:
        allmodes.train("gan2014", x, steps=1, settings=small, out=tmp_path / "a")
    assert {warning.filename for warning in seen} == {__file__}
    told: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        allmodes.train("gan2014", x, steps=1, settings=small, out=tmp_path / "b", note=told.append)
    assert any("stands in 10 of 300 rows" in line for line in told)


def test_a_model_is_fitted_to_training_examples_alone(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    split = load_data(x).split
    x[torch.cat([split.validation, split.test]).numpy()] += 1000
    data = load_data(x)
    assert data.split.train.equal(split.train)
    run = allmodes.train(
        "gan2014", data, steps=1, out=tmp_path / "run", settings={"width": 8, "batch": 16}, note=lambda line: None
    )
    placed = run.model.transform(data.part("train").x)
    torch.testing.assert_close(placed.mean(0), torch.zeros(2), atol=1e-4, rtol=0)
    assert not run.model.training


def test_another_seed_has_another_order_of_the_data(
    tmp_path: Path, ring: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = []

    class Seen(Batches):
        def __init__(self, dataset: Dataset, size: int, seed: int, *rest: Any) -> None:
            seeds.append(seed)
            super().__init__(dataset, size, seed, *rest)

    monkeypatch.setattr("allmodes.training.session.Batches", Seen)
    allmodes.train("gan2014", ring, steps=1, seed=5, out=tmp_path / "run", settings={"width": 8, "batch": 16})
    assert seeds == [5]
