"""The audit as it is called: by arrays, by a run, and what comes out of it."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import allmodes
from allmodes.audit.api import Audit, audit
from allmodes.audit.finding import Verdict
from allmodes.audit.levels import SHARES
from allmodes.audit.questions import of
from allmodes.audit.report import by_weight
from allmodes.data.dataset import Dataset
from allmodes.errors import UserError
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
