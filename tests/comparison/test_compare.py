"""Models beside each other: what the table says, and what may be ranked."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from rich.console import Console

import allmodes
from allmodes.audit.api import audit
from allmodes.comparison.comparing import _taking, _trained
from allmodes.comparison.pictures import LEAVES, numbers, save_pictures
from allmodes.comparison.rows import Comparison
from allmodes.comparison.table import comparison_table, explained, findings, verdicts
from allmodes.data.dataset import Dataset, load_data
from allmodes.errors import UserError
from allmodes.models.flow import Flow
from allmodes.recipes import build, recipes
from allmodes.shares import percent
from allmodes.training.budget import steps_within

KEYS = ["run", "recipe", "kind", "nats", "bits_per_dim", "se", "missing_mass", "auc", "seconds"]


@pytest.fixture(scope="module")
def bits() -> Dataset:
    return load_data("digits", binarize="static")


@pytest.fixture(scope="module")
def found(bits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = tmp_path_factory.mktemp("runs")
    asked = {"made": ("made", 60, {"width": 32}), "worse": ("made", 1, {"width": 8}), "vae": ("vae", 5, {"width": 16})}
    asked |= {"gan": ("gan2014", 5, {"width": 8})}
    runs = [
        allmodes.train(recipe, bits, steps=steps, out=folder / name, settings=settings, device="cpu")
        for name, (recipe, steps, settings) in asked.items()
    ]
    return allmodes.compare(*runs, data=bits, device="cpu")


def test_rows_have_the_promised_keys_by_year_and_scores_are_those_of_held_out_examples(
    found: Comparison, bits: Dataset
) -> None:
    said = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [row["recipe"] for row in said["rows"]] == ["vae", "gan2014", "made", "made"]
    for row in said["rows"]:
        assert list(row)[: len(KEYS)] == KEYS
    made = next(row for row in said["rows"] if row["run"].endswith("made"))
    model = allmodes.load(made["run"]).model
    test = bits.part("test").x
    assert made["nats"] == pytest.approx(float(model.score(test).value.mean()))
    assert made["bits_per_dim"] == pytest.approx(-made["nats"] / 64 / torch.tensor(2.0).log().item(), rel=1e-5)
    assert made["kind"] == "exact"
    gan = next(row for row in said["rows"] if row["recipe"] == "gan2014")
    assert (gan["kind"], gan["nats"], gan["bits_per_dim"]) == (None, None, None)
    assert 0 <= gan["missing_mass"] <= 1


def test_exact_densities_are_ranked_and_a_bound_never_loses(found: Comparison) -> None:
    ranking = found.to_dict()["ranking"]
    better = {(line["winner"], line["loser"]) for line in ranking}
    assert ("made", "made") in better
    assert ("made", "vae") not in better
    between = next(line for line in ranking if (line["winner"], line["loser"]) == ("made", "made"))
    assert [Path(between[key]).name for key in ("winner_run", "loser_run")] == ["made", "worse"]
    assert all(line["nats"] > 1.9 * line["se"] for line in ranking)
    assert any(
        "made (made) gives the held-out data a higher probability than made (worse)" in line for line in verdicts(found)
    )
    pairs = found.to_dict()["unranked"]
    unranked = {frozenset(Path(run).name for run in pair["runs"]): pair["why"] for pair in pairs}
    assert unranked[frozenset({"made", "vae"})].startswith("a bound from below cannot lose")
    assert len(unranked) + len(ranking) == 3, "every pair of the three with a density"
    assert any(line.startswith("not ranked: vae and made (made): a bound from below") for line in verdicts(found))
    assert {row["measure"] for row in found.to_dict()["rows"]} == {"counting", None}
    assert {found.name(row) for row in found.rows} == {"vae", "gan2014", "made (made)", "made (worse)"}


def test_many_pairs_that_differ_by_chance_alone_are_one_line(found: Comparison) -> None:
    row = next(row for row in found.rows if found.name(row) == "made (made)")
    assert row.score is not None
    value = row.score.value
    rows = [
        replace(
            row, run=f"runs/{i}", score=replace(row.score, value=value + 0.01 * i * (-1) ** torch.arange(len(value)))
        )
        for i in range(5)
    ]
    assert verdicts(Comparison(found.data, tuple(rows), {})) == [
        "not ranked: made (0) and made (1); made (0) and made (2); made (0) and made (3) and 7 more: "
        "they differ by no more than chance"
    ]


def test_the_more_models_the_further_apart_two_must_be_to_be_ranked(found: Comparison) -> None:
    row = next(row for row in found.rows if found.name(row) == "made (made)")
    assert row.score is not None
    value = row.score.value
    apart = 2.3 / len(value) ** 0.5 + (-1.0) ** torch.arange(len(value))
    better = replace(row, run="better", score=replace(row.score, value=value + apart))
    others = tuple(replace(row, run=str(i)) for i in range(4))
    assert "ranking" in Comparison(found.data, (better, row), {}).to_dict()
    assert "ranking" not in Comparison(found.data, (better, *others), {}).to_dict()


def test_the_model_that_beats_most_is_named_first(found: Comparison) -> None:
    row = next(row for row in found.rows if found.name(row) == "made (made)")
    assert row.score is not None
    score = row.score
    noise = 0.1 * (-1.0) ** torch.arange(len(score.value))
    rows = [
        replace(row, run=f"runs/{name}", score=replace(score, value=score.value + shift + shift * noise))
        for name, shift in (("middle", 1.0), ("worst", 0.0), ("best", 2.0))
    ]
    assert [line.partition(" gives")[0] for line in verdicts(Comparison(found.data, tuple(rows), {}))] == [
        "made (best)",
        "made (middle)",
    ]


def test_what_is_missing_and_told_apart_is_the_audits(found: Comparison, bits: Dataset) -> None:
    row = next(row for row in found.rows if row.entry.name == "gan2014")
    run = allmodes.load(row.run)
    findings = audit(run, real=bits, self_test="none", device="cpu").findings
    by_name = {finding.name: finding for finding in findings}
    assert row.missing_mass == by_name["missing"].low
    assert row.auc == by_name["two_sample"].estimate
    assert row.found == tuple(f.name for f in findings if f.decides and f.verdict == "found")
    assert row.parameters == sum(p.numel() for p in run.model.parameters())


def test_people_see_how_a_number_relates_to_the_log_probability(found: Comparison) -> None:
    columns = {column.header: list(column.cells) for column in comparison_table(found).columns}
    vae, gan, made, _ = found.rows
    assert vae.score is not None
    assert made.score is not None
    error = made.score.mean_standard_error
    assert made.to_dict()["se"] == error > 0
    assert columns["nats"][2] == f"{made.score.mean:.2f} ± {error:.2f}"
    assert columns["density"][:3] == ["at least", "none", "exact"]
    assert columns["nats"][1] == ""
    assert gan.missing_mass is not None
    assert columns["surely missing"][1] == percent(gan.missing_mass)
    assert numbers(vae)[0] == f"log p ≥ {vae.score.mean:.1f} nats"
    assert numbers(gan)[-1] == f"told from data: AUC {gan.auc:.2f}"


def test_the_table_and_the_pictures_are_made(found: Comparison, tmp_path: Path) -> None:
    assert comparison_table(found).row_count == 4
    for path in save_pictures(tmp_path, found):
        assert path.read_bytes().startswith(b"\x89PNG")


def test_a_bound_reads_as_one_and_a_narrow_table_keeps_its_words_whole(found: Comparison) -> None:
    def printed(width: int) -> str:
        console = Console(file=io.StringIO(), width=width)
        console.print(comparison_table(found, width))
        return console.file.getvalue()  # type: ignore[attr-defined]

    wide, narrow = printed(160), printed(80)
    for said in (wide, narrow):
        assert said.count("at least  -") == 1
        assert said.count("exact     -") == 2
        assert said.count("none ") == 1
        assert "lower" not in said
        assert "surely missing" in said
        assert "…" not in said
    assert len(narrow.splitlines()) == 5
    assert "parameters" in wide
    assert "parameters" not in narrow
    row = found.rows[-1]
    assert findings(found)[-1].startswith(f"found in {found.name(row)}: ")
    for name in row.found:
        assert name.replace("_", " ") in findings(found)[-1]


def test_models_that_had_another_time_than_the_budget_are_named(found: Comparison) -> None:
    times = [replace(row, seconds=seconds) for row, seconds in zip(found.rows, (60, 71, 73, 40), strict=True)]
    said = verdicts(replace(found, rows=tuple(times), budget_seconds=60.0))[0]
    assert said.startswith("not the same time each: for a budget of 60 s made (")
    assert [word for word in said.split() if word.isdigit()] == ["60", "73", "40"]
    assert not verdicts(replace(found, budget_seconds=None))[0].startswith("not the same time")


def test_the_columns_that_are_shown_are_explained_and_no_others(found: Comparison) -> None:
    assert explained(comparison_table(found)).startswith("nats: ")
    silent = replace(found, rows=tuple(replace(row, score=None) for row in found.rows))
    assert "nats" not in explained(comparison_table(silent))
    assert "surely missing: " in explained(comparison_table(silent))


def test_families_that_the_tree_lacks_stand_below_it(found: Comparison, tmp_path: Path) -> None:
    rows = tuple(replace(row, entry=replace(row.entry, family="mixture")) for row in found.rows[:2])
    alone, beside = replace(found, rows=rows), replace(found, rows=(*rows, *found.rows[2:]))
    heights = []
    for name, compared in (("a", alone), ("b", beside)):
        (tmp_path / name).mkdir()
        with Image.open(save_pictures(tmp_path / name, compared)[1]) as picture:
            heights.append(picture.height)
    assert heights[0] < heights[1]


def test_every_family_has_a_leaf() -> None:
    families = {family for leaf in LEAVES.values() for family in leaf}
    assert {entry.family for entry in recipes().values()} <= families


def test_runs_on_different_data_are_refused(found: Comparison, tmp_path: Path) -> None:
    other = allmodes.train("gan2014", "ring", steps=2, settings={"width": 8}, out=tmp_path / "ring", device="cpu")
    with pytest.raises(UserError, match="scores of different data do not compare"):
        allmodes.compare(found.rows[0].run, other)
    digits = {"recipe": "gan2014", "steps": 2, "settings": {"width": 8}, "device": "cpu"}
    seeds = [
        allmodes.train(
            data=load_data("digits", binarize="static", binarize_seed=seed), out=tmp_path / str(seed), **digits
        )
        for seed in (0, 1)
    ]
    with pytest.raises(
        UserError, match=r"digits binarized static, seed 0 .* \(digits binarized static, seed 1, another"
    ):
        allmodes.compare(*seeds)
    with pytest.raises(UserError, match="ring is given twice"):
        allmodes.compare(other, tmp_path / "ring")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "give runs to compare"),
        ({"recipes": "made", "budget": -1.0}, "--budget -1.0"),
        ({"recipes": "made"}, "--budget None"),
        ({"recipes": "mode", "budget": 1.0}, "did you mean 'made'"),
        ({"recipes": "made, made", "budget": 1.0}, "two are called made"),
        ({"recipes": ",", "budget": 1.0}, "no recipe is named"),
        ({"recipes": "dcgan", "data": "ring", "budget": 1.0}, "dcgan makes images"),
    ],
)
def test_what_does_not_fit_is_said(asked: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        allmodes.compare(**asked)  # type: ignore[arg-type]


def test_all_recipes_are_those_that_take_the_data_and_the_others_say_why(ring: Dataset, bits: Dataset) -> None:
    for data in (ring, bits):
        refused: dict[str, str] = {}
        told: list[str] = []
        taken = _taking("all", data, refused, told.append)
        assert len(told) == (data is bits)
        assert {*taken, *refused} == {*recipes()}
        assert not {*taken} & {*refused}
        for name, why in refused.items():
            with pytest.raises(UserError) as error:
                build(name, data.event)
            assert why == str(error.value)
        assert {"gan2014", "made", "vae"} <= {*taken}
        assert ("dcgan" in taken, "rbm" in taken) == (data is bits, data is bits)


def test_recipes_are_trained_for_a_time_and_what_is_there_is_used(ring: Dataset, tmp_path: Path) -> None:
    asked = {"data": ring, "recipes": ["gan2014", "nice"], "budget": 0.01, "out": tmp_path, "device": "cpu"}
    first = allmodes.compare(**asked)  # type: ignore[arg-type]
    told: list[str] = []
    again = allmodes.compare(**asked, note=told.append)  # type: ignore[arg-type]
    assert [line.partition(" steps already")[2] for line in told] == [", which is used"] * 2
    with pytest.raises(UserError, match=r"--seed 1: the run in .*gan2014 has seed 0; name another folder"):
        allmodes.compare(**asked, seed=1)  # type: ignore[arg-type]
    assert [row.seconds for row in again.rows] == [row.seconds for row in first.rows]
    assert {row.entry.name for row in first.rows} == {"gan2014", "nice"}
    assert first.refusal.startswith("fewer than two")
    assert steps_within("gan2014", ring, 0.05, settings={"width": 8}, device=torch.device("cpu")) >= 1


def test_labels_that_recipes_do_not_use_are_said_once(bits: Dataset, tmp_path: Path) -> None:
    told: list[str] = []
    allmodes.compare(data=bits, recipes="gan2014,nade,cgan", budget=0.003, out=tmp_path, device="cpu", note=told.append)
    said = [line for line in told if "without" in line]
    assert said == ["trained without the labels of digits: gan2014, nade"]


def test_a_budget_is_minutes_and_the_seed_is_that_of_the_training(
    ring: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds: list[float] = []

    def steps(name: str, data: Dataset, budget: float, **_: object) -> int:
        seconds.append(budget)
        return 2

    monkeypatch.setattr("allmodes.comparison.comparing.steps_within", steps)
    run = _trained("gan2014", ring, 0.5, tmp_path / "run", 3, "cpu", None, print)
    assert (seconds, run.plan.steps, run.plan.seed) == ([30.0], 2, 3)


def test_a_training_that_diverges_is_left_out_and_named(
    ring: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Flow.log_density
    monkeypatch.setattr(Flow, "log_density", lambda self, *given, **named: right(self, *given, **named) * torch.nan)
    asked = {"data": ring, "budget": 0.005, "out": tmp_path, "device": "cpu"}
    found = allmodes.compare(recipes="gan2014,nice", **asked)  # type: ignore[arg-type]
    assert [row.entry.name for row in found.rows] == ["gan2014"]
    assert "nice: model.nll is nan at step" in found.refused["nice"]
    assert any(line.startswith("left out: nice") for line in verdicts(found))
    monkeypatch.setattr(Flow, "log_density", right)
    monkeypatch.setattr(Flow, "draw", lambda self, n, *given: torch.full((n, 2), torch.nan))
    found = allmodes.compare(recipes="gan2014,nice", **asked | {"out": tmp_path / "drawn"})  # type: ignore[arg-type]
    assert [row.entry.name for row in found.rows] == ["gan2014"]
    assert "nice: " in found.refused["nice"]
    assert "samples hold NaN" in found.refused["nice"]
    monkeypatch.undo()
    monkeypatch.setattr(Flow, "log_density", lambda self, *given, **named: right(self, *given, **named) * torch.nan)
    with pytest.raises(UserError, match=r"nothing to compare: nice: model\.nll is nan"):
        allmodes.compare(recipes="nice", **asked)  # type: ignore[arg-type]
