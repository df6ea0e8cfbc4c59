"""The audit as it is called: by arrays, by a run, and what comes out of it."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import allmodes
from allmodes.audit import floors
from allmodes.audit.api import Audit, _by_row, audit
from allmodes.audit.coverage import coverage_null
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.levels import SHARES
from allmodes.audit.questions import of
from allmodes.audit.report import by_weight
from allmodes.audit.runs import _draw, _held_out
from allmodes.audit.subject import Examples
from allmodes.audit.wording import LIMIT, number, p_value, ranged
from allmodes.data.dataset import Dataset
from allmodes.errors import UserError
from allmodes.score import digest
from allmodes.shares import percent
from allmodes.training.run import Run
from allmodes.training.train import train

KEYS = ["verdict", "undecided", "alpha", "n_real", "n_fake", "findings", "report"]
FINDING_KEYS = {"name", "verdict", "estimate", "low", "high", "p_value", "floor"}


@pytest.fixture(scope="module")
def missed(ring: Dataset) -> Audit:
    """A generator that leaves one mode of the ring out."""
    x = ring.x.numpy()
    fake = x[1000:2000]
    return audit(real=x[:400], fake=fake[fake[:, 0] < 0.9], train=x[400:1000], observables={"radius": radius})


def radius(x: np.ndarray) -> np.ndarray:
    return np.hypot(x[:, 0], x[:, 1])


def test_the_package_is_what_is_called_and_still_a_package(ring: Dataset) -> None:
    x = ring.x.numpy()
    found = allmodes.audit(real=x[:300], fake=x[300:1000], self_test="none")
    assert isinstance(found, Audit)
    assert import_module("allmodes.audit").finding.Verdict is Verdict
    assert "audit" in dir(allmodes)


def test_the_keys_are_those_that_programs_rely_on(missed: Audit) -> None:
    result = missed.to_dict()
    assert list(result) == KEYS
    assert (result["verdict"], result["n_real"], result["n_fake"]) == ("fail", 400, len(missed.subject.fake))
    assert all(set(finding) - {"regions"} == FINDING_KEYS for finding in result["findings"])
    assert {finding["verdict"] for finding in result["findings"]} <= {"found", "not_found", "cannot_tell"}
    regions = next(finding["regions"] for finding in result["findings"] if finding["name"] == "missing")
    assert set(regions[0]) == {"real_mass", "fake_mass", "low", "high", "examples", "fake_examples"}
    json.dumps(result, allow_nan=False)


def test_the_missing_mode_is_shown_by_its_own_examples(missed: Audit, ring: Dataset) -> None:
    missing = next(finding for finding in missed.findings if finding.name == "missing")
    assert missing.verdict is Verdict.FOUND
    shown = missed.real_examples(missing.regions[0].examples)
    assert (shown[:, 0] > 0.9).all()
    assert len(shown) == (ring.x[:400, 0] > 0.9).sum()


def test_the_sentence_names_the_fault_the_features_and_what_could_hide(missed: Audit) -> None:
    for part in (
        "misses",
        "standardized features",
        "400 held-out",
        "level 5 %",
        "could be missing unseen",
        "of 4 trials",
    ):
        assert part in missed.sentence
    assert missed.sentence.count("\n") == 0


def test_the_levels_of_what_decides_add_up_to_alpha(missed: Audit) -> None:
    assert sum(finding.level for finding in missed.findings) == pytest.approx(0.05)
    assert {finding.name for finding in missed.findings if finding.decides} <= set(SHARES)


def test_what_was_found_and_decides_comes_first(missed: Audit) -> None:
    found = [finding.decides and finding.verdict is Verdict.FOUND for finding in by_weight(missed.findings)]
    assert found[0]
    assert found == sorted(found, reverse=True)


def test_the_report_is_one_file_with_everything_in_it(missed: Audit, tmp_path: Path) -> None:
    path = missed.save(tmp_path / "audit")
    page = path.read_text()
    box = page[page.index('class="verdict fail"') : page.index("</div></div>")]
    assert box.count("<li>") == len(missed.said.claims)
    assert all(html.escape(claim[1:]) in box for claim in missed.said.claims)
    assert html.escape(missed.said.basis) in box
    assert html.escape(missed.hides) in box
    assert "[, ]" not in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page), "nothing is fetched"
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", page)
    anchors = re.findall(r'href="#([^"]+)"', page)
    names = re.findall(r' id="([^"]+)"', page)
    assert set(anchors) <= set(names)
    assert len(names) == len(set(names)), "no two things on the page have one name"
    assert page.count("<section") == page.count("</section>") == sum(not of(one).figures for one in missed.findings) + 3
    stored = json.loads((tmp_path / "audit" / "audit.json").read_text())
    assert list(stored)[: len(KEYS)] == KEYS
    assert stored["report"] == str(path)
    assert stored["sentence"] == missed.sentence
    assert missed.to_dict(path)["report"] == str(path)


def test_a_report_speaks_to_people(missed: Audit, tmp_path: Path) -> None:
    page = missed.save(tmp_path).read_text()
    assert page.count("<table") == page.count("<thead>") == page.count('tabindex="0" role="region" aria-label="')
    assert "<th>" not in page
    assert '<th scope="col"></th>' not in page
    for key in ("kl floor", "tree points", "could hide 0", "standard error", "p value tree"):
        assert key not in page, "what has no label for people is in audit.json alone"
    assert "regions looked at: " in page
    assert "found if p ≤</th>" in page
    level = next(finding.level for finding in missed.findings if finding.name == "missing")
    assert f"<td>{level:.2g}</td>" in page
    assert (missed.how["device"], missed.how["threads"]) == ("cpu", str(torch.get_num_threads()))


def test_nothing_is_said_of_what_was_not_computed(ring: Dataset, tmp_path: Path) -> None:
    x = ring.x.numpy()
    found = audit(real=x[:60], fake=x[200:1000], train=x[1000:1200], self_test="none")
    page = found.save(tmp_path).read_text()
    assert found.hides == ""
    assert "not computed" not in page + found.sentence
    assert "What could hide" not in page
    assert 'id="figures"' not in page


def test_two_audits_of_the_same_say_the_same(ring: Dataset, tmp_path: Path) -> None:
    x = ring.x.numpy()
    pages = []
    for _ in range(2):
        found = audit(real=x[:200], fake=x[300:600], train=x[1000:1400], seed=3)
        pages.append(re.sub(r"<dt>seconds</dt><dd>[^<]*", "", found.save(tmp_path).read_text()))
    assert pages[0] == pages[1]


def test_figures_of_pairs_are_of_a_draw_where_there_are_very_many_examples(
    ring: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floors, "MOST", 300)
    x = ring.x.numpy()
    found = audit(real=x[:400], fake=x[1000:1900], train=x[400:1000], self_test="none")
    sizes = {
        (one.figures["n_real"], one.figures["n_fake"], one.figures["floor_size"])
        for one in found.findings
        if of(one).figures
    }
    assert sizes == {(300, 300, 150)}
    coverage = next(one for one in found.findings if one.name == "coverage")
    assert coverage.figures["null"] == coverage_null(300, 300)
    assert found.to_dict()["n_fake"] == 900


def test_fewer_than_a_hundred_examples_cannot_tell(ring: Dataset, tmp_path: Path) -> None:
    x = ring.x.numpy()
    found = audit(real=x[100:190], fake=x[200:1000], train=x[1200:2000], observables=[radius])
    answers = {finding.name: finding.verdict for finding in found.findings}
    assert answers.pop("copies") is Verdict.NOT_FOUND, "the one question that twenty examples can answer"
    assert set(answers.values()) == {Verdict.CANNOT_TELL}
    assert found.verdict == "pass"
    assert found.sentence == "Cannot tell: 90 held-out examples are too few: give at least 100, better thousands."
    assert "cannot tell" in found.save(tmp_path).read_text()


@pytest.mark.parametrize(
    ("real", "train", "said"),
    [
        (1000, 120, "80 training examples are too few beside those that features were fitted to: give at least 150 in"),
        (120, None, "120 real examples are too few where 60 of them make the map: give at least 200, or training"),
        (90, 120, "give at least 100 and 80 training examples are too few"),
    ],
)
def test_the_set_that_is_too_small_is_named_with_what_to_give(
    real: int, train: int | None, said: str, ring: Dataset
) -> None:
    x = ring.x.numpy()
    found = audit(real=x[:real], fake=x[1120:], train=train and x[1000 : 1000 + train], self_test="none")
    assert found.undecided
    assert said in found.sentence
    assert "generated" not in found.sentence


def test_where_labels_tell_more_than_regions_the_regions_say_that_they_know_none() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1200, 3)).astype(np.float32)
    labels = {"real": np.arange(400) % 4, "fake": np.arange(800) % 3}
    found = audit(real=x[:400], fake=x[400:], labels=labels, self_test="none")
    assert "never makes class 3 (30" in found.sentence
    missing = next(finding for finding in found.findings if finding.name == "missing")
    assert missing.verdict is Verdict.NOT_FOUND
    assert missing.summary.endswith("; labels are not looked at here: see frequencies")


def test_one_repeated_sample_fails(ring: Dataset, tmp_path: Path) -> None:
    x = ring.x.numpy()
    found = audit(real=x[:400], fake=x[1000:1001].repeat(800, 0), train=x[400:1000], self_test="none")
    assert found.verdict == "fail"
    assert "misses" in found.sentence
    found.save(tmp_path)


@pytest.fixture(scope="module")
def runs(events: dict[str, Dataset], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Run, Any]]:
    """A barely trained run on a kind of event, and its data, which were arrays in memory."""

    def run(kind: str) -> tuple[Run, Any]:
        folder = tmp_path_factory.mktemp(kind) / "run"
        return train("gan2014", events[kind], steps=2, settings={"batch": 16}, out=folder), events[kind]

    return run


def test_a_run_is_audited_on_examples_that_it_was_not_trained_on(ring: Dataset, tmp_path: Path) -> None:
    run = train("gan2014", ring, steps=2, settings={"batch": 16}, out=tmp_path / "run")
    found = audit(run, n_fake=300, self_test="none")
    held = {*ring.split.validation.tolist(), *ring.split.test.tolist()}
    assert set(found.subject.real.rows.tolist()) == held
    assert not held & set(found.subject.train.rows.tolist())
    assert (found.verdict, len(found.subject.fake)) == ("fail", 300)
    assert {"missing", "frequencies"} <= {finding.name for finding in found.findings}


@pytest.mark.parametrize("kind", ["table", "levels", "HWC", "binary"])
def test_every_kind_of_event_is_audited_and_reported(
    kind: str, runs: Callable[[str], tuple[Run, Any]], tmp_path: Path
) -> None:
    run, data = runs(kind)
    with pytest.raises(UserError, match="trained on an array in memory; give it again"):
        audit(run)
    found = audit(run, real=data)
    assert len(found.subject.fake) == 10 * len(found.subject.real)
    assert found.undecided, "20 to 40 held-out examples decide nothing"
    assert found.save(tmp_path).stat().st_size < 3_000_000


def test_a_conditional_run_is_asked_for_the_conditions_of_all_real_examples_equally_often(
    events: dict[str, Dataset], tmp_path: Path
) -> None:
    """Held-out conditions alone, ten times each, would bring the samples together around the held-out examples."""
    data = events["table"]
    run = train("cgan", data, steps=2, settings={"batch": 16}, out=tmp_path / "run")
    known = torch.cat([data.split.train, data.split.validation, data.split.test])
    subject = audit(run, real=data, self_test="none", n_fake=2 * len(known) + 7).subject
    assert subject.asked
    fake = subject.fake
    assert fake.values is not None
    assert fake.labels is not None
    assert data.values is not None
    assert data.labels is not None
    asked = Counter(zip(fake.values[:, 0].tolist(), fake.labels.tolist(), strict=True))
    all_real = Counter(zip(data.values[known, 0].tolist(), data.labels[known].tolist(), strict=True))
    assert max(all_real.values()) == 1, "every real example has a condition of its own"
    assert asked.keys() == all_real.keys()
    assert Counter(asked.values()) == {2: len(known) - 7, 3: 7}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "give a run, or both real= and fake="),
        ({"run": "runs/ring"}, r"runs/ring is a path; give the run: allmodes\.audit\(allmodes\.load\('runs/ring'\)\)"),
        ({"run": 3}, "a int is not a run"),
        ({"run": 3, "resize": 8}, "label, condition and resize are of files; leave them out"),
        ({"alpha": 0}, "alpha=0"),
        ({"features": "clasifier"}, "did you mean 'classifier'"),
        ({"seed": 1.5}, "--seed 1.5: must be a whole number"),
        ({"n_fake": 3}, "n_fake=3: samples are drawn from a run alone"),
        ({"observables": ["nowhere:energy"]}, "there is no nowhere.py in"),
        ({"features": lambda x: x[:-1]}, "gave shape"),
        ({"features": lambda x: x * np.nan}, "NaN or infinite"),
        ({"features": lambda x: 1 / 0}, "ZeroDivisionError"),
    ],
)
def test_a_mistake_gets_one_line(arguments: dict[str, Any], said: str, ring: Dataset) -> None:
    if "run" not in arguments and arguments:
        arguments = {"real": ring.x[:300], "fake": ring.x[300:900]} | arguments
    with pytest.raises(UserError, match=said) as error:
        audit(**arguments)
    assert "\n" not in str(error.value)


def test_it_is_told_how_it_was_done(missed: Audit, ring: Dataset) -> None:
    n_fake = len(missed.subject.fake)
    assert missed.how["examples"] == f"400 held-out, {n_fake:,} generated, 400 training"
    for finding in missed.findings:
        assert (f"{finding.name} {finding.level:.4g}" in missed.how["level"]) == finding.decides
    x = ring.x.numpy()
    other = audit(real=x[:400], fake=x[400:700], seed=7, alpha=0.01, self_test="none")
    assert other.how["examples"] == "200 held-out, 300 generated, 200 real ones in place of training ones"
    assert other.how["seed"] == "7"
    assert other.to_dict()["alpha"] == pytest.approx(sum(one.level for one in other.findings)) == 0.01


def test_what_programs_read_is_what_was_found(missed: Audit, tmp_path: Path) -> None:
    stored = json.loads(missed.save(tmp_path).with_name("audit.json").read_text())
    keys = ("estimate", "low", "high", "p_value", "floor")
    for finding, brief, detail in zip(missed.findings, stored["findings"], stored["details"], strict=True):
        assert [brief[key] for key in keys] == [getattr(finding, key) for key in keys]
        assert (detail["level"], detail["figures"].keys()) == (finding.level, finding.figures.keys())
    assert stored["how"] == missed.how
    assert missed.self_test is not None
    assert stored["self_test"]["sentence"] == missed.self_test.sentence


def test_examples_are_found_by_their_row_in_a_file_of_any_order() -> None:
    examples = Examples(np.array([30.0, 10, 20]), np.array([3, 1, 2]))
    assert _by_row(examples, [1, 3, 2, 1]).tolist() == [10, 30, 20, 10]


def test_the_map_is_of_held_out_then_of_generated_examples(missed: Audit, ring: Dataset) -> None:
    real, fake, names = missed.map
    assert (real is missed.subject.real.x, fake is missed.subject.fake.x, names) == (True, True, ("x", "y"))
    rng = np.random.default_rng(0)
    x = [rng.standard_normal((n, 4)) * [3, 2, 1, 1] + shift for n, shift in ((200, 0.0), (300, 5.0), (200, 0.0))]
    real, fake, _ = audit(real=x[0], fake=x[1], train=x[2], features="identity", self_test="none").map
    assert (len(real), len(fake)) == (200, 300)
    assert np.abs(real.mean(0)).max() < 1e-4
    assert real.var(0, ddof=1) == pytest.approx(np.linalg.eigvalsh(np.cov(x[0].T))[:1:-1], rel=1e-3)


def test_a_row_of_the_report_has_the_numbers_of_its_finding_under_their_names(missed: Audit, tmp_path: Path) -> None:
    page = missed.save(tmp_path).read_text()
    head = re.findall('<th scope="col">(.*?)</th>', page[page.index('<table class="all">') :])[:7]
    for finding in missed.findings:
        question = of(finding)
        if question.figures:
            continue
        row = page[page.index(f'<tr><td><a href="#{finding.name}">') :]
        cells = dict(zip(head, re.findall("<td>(.*?)</td>", row)[:7], strict=True))
        assert cells["figure"].startswith(question.figure(finding))
        assert cells["interval"] == question.interval(finding)
        assert cells["floor"] == question.number(finding.floor)
        assert html.unescape(cells["p-value"]) == p_value(finding.p_value)
        assert cells[LIMIT] == (f"{finding.level:.2g}" if finding.decides else "informs")
    missing = next(finding for finding in missed.findings if finding.name == "missing")
    assert missing.low is not None
    assert of(missing).interval(missing).startswith(percent(missing.low).removesuffix(" %") + " to ")


def test_a_figure_of_the_report_stands_beside_its_floor(missed: Audit, tmp_path: Path) -> None:
    page = missed.save(tmp_path).read_text()
    table = page[page.index('id="figures"') :]
    head = re.findall('<th scope="col">(.*?)</th>', table)
    assert head[1:6] == ["examples", "value and interval", "at the floor&#x27;s size", "floor", "expected"]
    for finding in missed.findings:
        if title := of(finding).figures.get(finding.name):
            cells = re.findall("<td>(.*?)</td>", table[table.index(f"<td>{title}</td>") :])[1:6]
            assert cells.pop(0) == f"400, {len(missed.subject.fake)}, 200"
            assert finding.estimate is not None
            assert finding.low is not None
            assert finding.high is not None
            assert cells[0] == ranged(finding.estimate, finding.low, finding.high)
            others = finding.figures["at_floor_size"], finding.floor, finding.figures.get("null")
            assert cells[1:] == [number(other) for other in others]


def test_what_cannot_be_told_comes_before_what_was_not_found() -> None:
    given = {"missing": Verdict.NOT_FOUND, "invented": Verdict.FOUND, "copies": Verdict.CANNOT_TELL}
    findings = [Finding(name, verdict, "", level=0.01) for name, verdict in given.items()]
    assert [one.name for one in by_weight(findings)] == ["invented", "copies", "missing"]


def test_held_out_are_the_test_examples_alone_where_the_others_chose_the_checkpoint(ring: Dataset) -> None:
    split = ring.split
    for chosen, parts in (("coverage", [split.test]), (None, [split.validation, split.test])):
        run: Any = SimpleNamespace(plan=SimpleNamespace(keep_best=chosen))
        assert _held_out(run, ring).tolist() == sorted(torch.cat(parts).tolist())


def test_a_run_is_named_with_its_samples_and_their_digest(events: dict[str, Dataset], tmp_path: Path) -> None:
    data = events["table"]
    run = train("cgan", data, steps=2, settings={"batch": 16}, out=tmp_path / "run")
    first, second = (audit(run, real=data, self_test="none", n_fake=30, seed=seed).subject for seed in (0, 1))
    source, fake = first.sources["fake"], first.fake
    assert source["name"].endswith("recipe cgan, 30 samples")
    given = (torch.from_numpy(part) for part in (fake.x, fake.labels, fake.values) if part is not None)
    assert source["digest"] == digest(*given)
    assert first.sources["real"]["digest"] == data.digest
    assert not np.array_equal(fake.values, second.fake.values)
    same = [_draw(run.model, data.condition[torch.zeros(1, dtype=torch.int64)], 5, seed).x for seed in (0, 1)]
    assert not np.array_equal(*same)
