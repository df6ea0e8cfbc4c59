"""Rates of classes: exact tests, intervals, and the confusion matrix undone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from scipy.stats import fisher_exact

from allmodes.audit.exam import Exam, prepare
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.frequencies import QUESTION as FREQUENCIES
from allmodes.audit.frequencies import _vote, frequencies
from allmodes.audit.inputs import subject_of
from allmodes.audit.questions import questions
from allmodes.audit.subject import Subject
from allmodes.audit.verdict import claim
from allmodes.data.dataset import Dataset, load_data
from allmodes.shares import percent

LEVEL = 0.05


def ask(plane, sets, seed: int = 0, **given):
    labels = {"real_label": plane.group(sets.real), "train_label": plane.group(sets.train)}
    return frequencies(sets, LEVEL, seed, **(labels | given))


def test_a_healthy_generator_is_wrong_in_no_class_in_95_percent(plane) -> None:
    verdicts = [ask(plane, plane(seed, sizes=(150, 200, 300)), seed).verdict for seed in range(100)]
    assert verdicts.count(Verdict.FOUND) <= 9


def test_dropped_rare_and_captured_classes(plane) -> None:
    sets = plane(0, sizes=(400, 900, 3000), keep={0: 0.0, 1: 0.2, 2: 0.8})
    found = ask(plane, sets, names=list("abcdefghi"))
    assert found.verdict is Verdict.FOUND
    rates = {rate["name"]: rate for rate in found.figures["classes"]}
    assert (rates["a"]["status"], rates["b"]["status"]) == ("dropped", "rare")
    assert {rates[name]["status"] for name in "cdefghi"} == {"captured"}
    assert rates["a"]["p_value"] < 1e-10
    assert all(rate["low"] <= rate["ratio"] <= rate["high"] for rate in rates.values())
    assert "a never, b at 0.2" in found.summary
    assert claim(found) == f"never makes class a ({percent(rates['a']['expected'])} of the data)"
    assert "7 of 9 classes captured" in found.summary
    assert found.estimate > 4 * found.floor
    assert found.figures["kl"] > 4 * found.figures["kl_floor"]


def test_a_class_generated_too_often_is_found(plane) -> None:
    found = ask(plane, plane(0, keep={5: 3.0}))
    assert found.verdict is Verdict.FOUND
    assert "5 at " in found.summary
    assert claim(found) == "makes some classes too rarely or too often"


def test_modes_are_called_modes_and_named_by_where_they_are() -> None:
    data = load_data("ring", n=1500, seed=0)
    x = data.x.numpy()
    away = (x[:, 0] < 0.9) & (x[:, 1] < 0.9)
    exam = Exam(*prepare(subject_of(data, x[away] + 1e-4), "standardized", 0, "cpu"))
    found = FREQUENCIES.ask(exam, 0.01)
    assert isinstance(found, Finding)
    assert "6 of 8 modes captured" in found.summary
    assert "class" not in found.summary
    assert claim(found).startswith("never makes 2 modes (mode 0 at (1, 0) and mode 2 at (0, 1): 23.3 %")


def test_p_values_are_fishers_over_the_number_of_classes(plane) -> None:
    sets = plane(1, keep={3: 0.3})
    rates = ask(plane, sets).figures["classes"]
    real, fake = (np.bincount(plane.group(x), minlength=9) for x in (sets.real, sets.fake))
    tails = [
        min(
            fisher_exact([[fake[3], 600 - fake[3]], [real[3], 300 - real[3]]], alternative=side).pvalue
            for side in ("less", "greater")
        )
    ]
    assert np.isclose(rates[3]["p_value"], 9 * 2 * min(tails))


def test_one_sample_captures_no_mode_by_our_count(plane) -> None:
    # "At least one sample" counts a mode with 2 % of its mass as captured.
    found = ask(plane, plane(2, sizes=(400, 900, 3000), keep={6: 0.02}))
    assert found.figures["classes"][6]["generated"] > 0
    assert found.figures["classes"][6]["status"] == "dropped"


def test_errors_of_the_classifier_are_no_modes(plane) -> None:
    # The trap of Stacked MNIST: a classifier with errors sees classes that are never generated.
    rng = np.random.default_rng(0)

    def wrong(label: np.ndarray) -> np.ndarray:
        return np.where(rng.random(len(label)) < 0.1, rng.integers(0, 9, len(label)), label)

    sets = plane(3, sizes=(200, 2000, 4000), keep={0: 0.0, 1: 0.0})
    true = plane.group(sets.real)
    with patch("allmodes.audit.frequencies._vote", side_effect=[wrong(true), wrong(plane.group(sets.fake))]):
        found = ask(plane, sets)
    classes = found.figures["classes"]
    assert 0.85 < found.figures["accuracy"] < 0.95
    for dropped in classes[:2]:
        assert dropped["status"] == "dropped"
        assert dropped["ratio"] < 0.03  # as classified it would be 0.1
    assert {rate["status"] for rate in classes[2:]} == {"captured"}


def test_intervals_of_the_ratios_cover(plane) -> None:
    covered = []
    for seed in range(40):
        rates = ask(plane, plane(seed, sizes=(150, 400, 800), keep={4: 0.3}), seed).figures["classes"]
        truth = np.full(9, 9 / 8.3)
        truth[4] *= 0.3
        covered += [rate["low"] <= t <= rate["high"] for rate, t in zip(rates, truth, strict=True)]
    assert np.mean(covered) > 0.93


def test_labels_that_are_known_need_no_classifier(plane) -> None:
    sets = plane(4, keep={7: 0.0})
    found = ask(plane, sets, train_label=None, fake_label=plane.group(sets.fake))
    assert found.verdict is Verdict.FOUND
    assert not found.figures["corrected"]
    assert found.figures["classes"][7]["status"] == "dropped"
    with pytest.raises(ValueError, match="labels"):
        ask(plane, sets, train_label=None)


def test_the_vote_by_hand() -> None:
    train = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [100.0]], np.float32)
    label = np.array([1, 0, 0, 2, 2, 3])
    assert _vote(np.array([[0.1]], np.float32), train, label, "cpu").tolist() == [0]
    assert _vote(np.array([[3.9]], np.float32), train, label, "cpu").tolist() == [2]


def test_too_few_examples_are_an_answer(plane) -> None:
    assert ask(plane, plane(0, sizes=(400, 50, 300))).verdict is Verdict.CANNOT_TELL


def test_the_floor_knows_what_the_correction_of_a_poor_classifier_adds(plane) -> None:
    """Labels that are half wrong: the correction multiplies the noise, of a perfect generator too."""
    floors, seen = [], []
    for seed in range(10):
        sets, rng = plane(seed, sizes=(400, 600, 900)), np.random.default_rng(seed)
        labels = [np.where(rng.random(len(x)) < 0.5, rng.integers(9, size=len(x)), plane.group(x)) for x in
                  (sets.train, sets.real)]  # fmt: skip
        found = frequencies(sets, LEVEL, seed, train_label=labels[0], real_label=labels[1])
        floors.append(found.floor)
        seen.append(found.estimate)
    assert 0.5 < np.mean(floors) / np.mean(seen) < 2


def test_classes_that_are_hardly_told_apart_are_not_corrected(plane) -> None:
    """Two classes of one distribution: the confusion matrix has no inverse, and its rates would be noise."""
    sets = plane(0, sizes=(400, 900, 3000))
    labels = []
    for seed, x in enumerate((sets.train, sets.real)):
        group = plane.group(x)
        labels.append(np.where(group == 8, np.random.default_rng(seed).integers(7, 9, len(x)), np.minimum(group, 6)))
    found = frequencies(sets, LEVEL, 0, train_label=labels[0], real_label=labels[1])
    assert found.verdict is Verdict.NOT_FOUND
    assert not found.figures["corrected"]
    assert f"as a vote tells them that is right for {100 * found.figures['accuracy']:.1f} %" in found.summary
    assert all(0.7 < rate["ratio"] < 1.4 for rate in found.figures["classes"])
    assert found.estimate < 2 * found.floor


def labelled(seed: int, shares: tuple[float, float], change: Any = None) -> Subject:
    """Gammas and hadrons, alike but for a column, of which so large shares of real and of the samples are gammas."""
    rng = np.random.default_rng(seed)
    sides, labels = {}, {}
    for side, n, share in (("real", 1000, shares[0]), ("fake", 3000, shares[1]), ("train", 1000, shares[0])):
        gamma = rng.random(n) < share
        x = rng.standard_normal((n, 4)).astype(np.float32)
        x[:, 0] += 1.5 * gamma
        sides[side], labels[side] = x if change is None or side != "fake" else change(x), np.where(gamma, "g", "h")
    return subject_of(**sides, labels=labels)


def asked(subject: Subject) -> dict[str, Finding]:
    exam = Exam(*prepare(subject, "standardized", 0, "cpu"))
    asked = questions(exam)
    return {"frequencies": asked["frequencies"].ask(exam, 0.005)} if "frequencies" in asked else {}  # type: ignore[dict-item]


def test_labels_that_samples_have_are_counted() -> None:
    """A vote that is right for three of four would not see so small a change of the rates."""
    found = asked(labelled(0, (0.40, 0.28)))["frequencies"]
    assert found.verdict is Verdict.FOUND
    g = next(rate for rate in found.figures["classes"] if rate["name"] == "g")
    assert g["generated"] == pytest.approx(0.28, abs=0.03)


def test_classes_drawn_in_a_wrong_shape_are_not_drawn_too_often() -> None:
    def moved(x: np.ndarray) -> np.ndarray:
        return x + np.float32([1.0, 0, 0, 0])

    assert asked(labelled(0, (0.34, 0.34), moved))["frequencies"].verdict is Verdict.NOT_FOUND


def test_a_generator_that_was_asked_for_classes_is_not_asked_how_often_they_come() -> None:
    assert not asked(replace(labelled(0, (0.34, 0.34)), asked=True))


def test_distances_between_the_rates_are_those_of_the_generated_from_the_expected_ones(plane) -> None:
    sets = plane(0, sizes=(100, 100, 5000), keep={0: 0.2})
    found = ask(plane, sets, train_label=None, fake_label=plane.group(sets.fake))
    p, q = (np.bincount(plane.group(x), minlength=9) / len(x) for x in (sets.real, sets.fake))
    assert found.figures["kl"] == pytest.approx((q * np.log(q / p)).sum())
    assert found.estimate == pytest.approx(np.abs(q - p).sum() / 2)
    rng = np.random.default_rng(1)
    again, perfect = (rng.multinomial(n, p, 2000) / n for n in (5000, 100))
    assert found.floor == pytest.approx(np.abs(again - perfect).sum(1).mean() / 2, rel=0.05)
    assert found.figures["kl_floor"] == pytest.approx(
        (again * np.log(again / np.maximum(perfect, 1e-12))).sum(1).mean(), rel=0.2
    )


def test_the_clearest_class_is_named_first(plane) -> None:
    found = ask(plane, plane(0, sizes=(400, 900, 3000), keep={1: 0.6, 7: 0.0}), names=list("abcdefghi"))
    assert found.summary.startswith("not at their rates: h never, b at 0.6")


def test_a_class_that_the_vote_hardly_names_is_neither_captured_nor_dropped(plane) -> None:
    """Two classes of one distribution, one of them rare: the vote names the other."""
    sets, labels = plane(0, sizes=(900, 900, 1500)), []
    for seed, x in enumerate((sets.train, sets.real)):
        rare = np.random.default_rng(seed).random(len(x)) < 0.1
        labels.append(np.minimum(plane.group(x), 7) + ((plane.group(x) >= 7) & rare))
    found = frequencies(sets, LEVEL, 0, train_label=labels[0], real_label=labels[1])
    rates = found.figures["classes"]
    assert [rate["status"] for rate in rates] == ["captured"] * 8 + ["untold"]
    assert rates[8]["expected"] < 0.1 * (labels[1] == 8).mean()
    assert "8 of 9 classes captured" in found.summary


def test_known_modes_are_told_by_their_number_and_counted_among_held_out_examples(ring: Dataset) -> None:
    assert ring.modes is not None
    centres = ring.modes.centres.numpy()
    nearest = np.linalg.norm(ring.x.numpy()[:, None] - centres, axis=2).argmin(1)
    made = ring.x.numpy()[1000:][nearest[1000:] != 2]
    found = asked(subject_of(replace(ring, x=ring.x[:600]), made, ring.x.numpy()[600:1000]))["frequencies"]
    rate = found.figures["classes"][2]
    assert (rate["name"], rate["status"]) == ("mode 2 at (0, 1)", "dropped")
    assert rate["expected"] == pytest.approx((nearest[:600] == 2).mean())
