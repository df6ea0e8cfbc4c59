"""Findings about numbers of the examples themselves: columns, observables, constraints, conditions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from allmodes.audit.conditions import conditions, judged
from allmodes.audit.exam import Exam
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.inputs import subject_of
from allmodes.audit.log_density import log_density
from allmodes.audit.marginals import marginals
from allmodes.audit.observables import observables
from allmodes.audit.questions import questions
from allmodes.audit.residuals import residuals
from allmodes.audit.sets import Sets
from allmodes.audit.subject import Subject
from allmodes.score import Kind, NoDensity, Score

LEVEL = 0.05


def showers(n: int, rng: np.random.Generator, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Energies in three layers of showers whose true energy is 10 to 100 GeV, resolution 15 %: [n, 3] and [n]."""
    true = rng.uniform(10, 100, n)
    energy = scale * true * (1 + 0.15 * rng.standard_normal(n))
    parts = rng.dirichlet([4, 8, 2], n)
    return (parts * energy[:, None]).astype(np.float32), true.astype(np.float32)


Make = Callable[..., Subject]


@pytest.fixture(scope="module")
def make() -> Make:
    """Training, held-out and generated showers with their energies; the generated ones may be changed."""

    def subject(
        seed: int, sizes: tuple[int, int, int] = (500, 500, 1500), *, scale: float = 1.0, change: Any = None
    ) -> Subject:
        rng = np.random.default_rng(seed)
        (train, t), (real, r) = (showers(n, rng) for n in sizes[:2])
        fake, f = showers(sizes[2], rng, scale)
        if change is not None:
            fake, f = change(fake, f)
        return subject_of(
            real, fake, train, conditions={"train": {"energy": t}, "real": {"energy": r}, "fake": {"energy": f}}
        )

    return subject


def sets(subject: Subject) -> Sets:
    return Sets(
        subject.train.x, subject.real.x, subject.fake.x, True, subject.train.rows, subject.real.rows, subject.fake.rows
    )


def total(x: np.ndarray) -> np.ndarray:
    return x.sum(1)


def response(x: np.ndarray, condition: Any) -> Any:
    return x.sum(1) / condition.values[:, 0].numpy()


def energy_balance(x: np.ndarray, condition: Any) -> Any:
    return response(x, condition) - 1


ASK: dict[str, Callable[[Subject, int], Finding | None]] = {
    "marginals": lambda subject, seed: marginals(subject, LEVEL, seed),
    "observables": lambda subject, seed: observables(subject, {"total": total, "response": response}, LEVEL, seed),
    "residuals": lambda subject, seed: residuals(subject, {"balance": energy_balance}, LEVEL),
    "conditions": lambda subject, seed: conditions(subject, sets(subject), LEVEL, seed),
}


@pytest.mark.parametrize("name", ASK)
def test_healthy_generators_raise_few_alarms(name: str, make: Make) -> None:
    seeds = 40 if name != "conditions" else 12
    alarms = 0
    for seed in range(seeds):
        finding = ASK[name](make(seed, (300, 300, 600)), seed)
        assert finding is not None
        alarms += finding.verdict is Verdict.FOUND
        assert (finding.verdict is Verdict.FOUND) == ((finding.p_value or 0) <= LEVEL)
    assert alarms <= (5 if seeds == 40 else 2), (
        "at level 5 % more than 5 of 40 happen in 1.4 %, more than 2 of 12 in 2 %"
    )


def test_a_scale_shift_of_two_percent_is_seen_in_the_response_at_full_size(make: Make) -> None:
    finding = ASK["observables"](make(0, (200, 5_000, 25_000), scale=1.02), 0)
    assert finding is not None
    assert finding.verdict is Verdict.FOUND
    looks = {(look["name"], look["where"]): look for look in finding.figures["looks"]}
    over_all = looks["response", ""]
    assert over_all["shift_low"] <= 0.02 <= over_all["shift_high"]
    assert len(looks) == 2 * (1 + 4), "each over all, and in quarters of the energy"


def test_a_shift_in_one_bin_of_a_condition_is_found_there(make: Make) -> None:
    def heavy(x: np.ndarray, energy: np.ndarray) -> Any:
        return x * np.where(energy > 80, 1.2, 1.0)[:, None].astype(np.float32), energy

    finding = ASK["observables"](make(0, (200, 2_000, 4_000), change=heavy), 0)
    assert finding is not None
    worst = min(finding.figures["looks"], key=lambda look: look["p_value"])
    assert (finding.verdict, worst["name"]) == (Verdict.FOUND, "response")
    assert worst["where"].startswith("energy >= 7")


def test_columns_that_are_right_and_no_longer_go_together_are_found(make: Make) -> None:
    def shuffled(x: np.ndarray, energy: np.ndarray) -> Any:
        x = x.copy()
        x[:, 0] = np.random.default_rng(0).permutation(x[:, 0])
        return x, energy

    finding = ASK["marginals"](make(0, change=shuffled), 0)
    assert finding is not None
    assert finding.verdict is Verdict.FOUND
    assert min(column["p_value"] for column in finding.figures["columns"]) > LEVEL
    assert {tuple(row["columns"]) for row in finding.figures["correlations"] if row["p_value"] <= LEVEL} == {
        ("column 1", "column 0"),
        ("column 2", "column 0"),
    }


def test_broken_constraints_are_counted_with_an_interval_that_holds_the_truth(make: Make) -> None:
    def broken(x: np.ndarray, energy: np.ndarray) -> Any:
        return x * np.where(np.arange(len(x)) % 10 == 0, 3, 1)[:, None].astype(np.float32), energy

    finding = ASK["residuals"](make(0, change=broken), 0)
    assert finding is not None
    assert finding.verdict is Verdict.FOUND
    assert finding.low is not None
    assert finding.high is not None
    assert finding.low <= 0.1 + 0.9 * 0.01 <= finding.high
    assert finding.floor == pytest.approx(0.01, abs=0.015)


def test_values_that_were_not_asked_for_are_found_with_their_bias(make: Make) -> None:
    finding = ASK["conditions"](make(0, (2_000, 1_000, 2_000), change=lambda x, energy: (x, energy + 8)), 0)
    assert finding is not None
    assert finding.verdict is Verdict.FOUND
    assert finding.estimate == pytest.approx(-8, abs=1)


def test_other_values_than_the_data_have_may_be_asked_for(make: Make) -> None:
    """A judge's estimates are drawn to the middle, so what it gets wrong depends on the value."""

    def high(x: np.ndarray, energy: np.ndarray) -> Any:
        return x[energy > 55], energy[energy > 55]

    found = [ASK["conditions"](make(seed, (600, 600, 1_200), change=high), seed) for seed in range(10)]
    assert sum(one is not None and one.verdict is Verdict.FOUND for one in found) <= 2


@pytest.mark.parametrize("few", [lambda energy: 10 + 10 * (energy > 50), lambda energy: energy // 20 * 20 + 10])
def test_whole_numbers_may_be_asked_for_at_other_rates(few: Callable[[np.ndarray], np.ndarray], make: Make) -> None:
    """A bin that joins two values compares one with the other."""
    alarms = 0
    for seed in range(10):
        subject = make(seed, (600, 1_000, 3_000))
        sides = {}
        for side in ("train", "real", "fake"):
            given = getattr(subject, side)
            values = few(given.values)
            kept = np.random.default_rng(seed).random(len(values)) < (
                values[:, 0] / values.max() if side == "fake" else 1
            )
            sides[side] = replace(given, x=given.x + values, values=values)[kept]
        subject = replace(subject, **sides)
        alarms += conditions(subject, sets(subject), LEVEL, seed).verdict is Verdict.FOUND
    assert alarms <= 2


def test_a_condition_that_never_changes_is_not_judged(make: Make) -> None:
    subject = make(0)
    assert judged(subject)
    same = {side: replace(one, values=np.full_like(one.values, 7)) for side, one in vars(subject).items() if side in
            ("train", "real", "fake")}  # fmt: skip
    assert not judged(replace(subject, **same))


def test_constraints_that_hardly_anyone_breaks_raise_no_alarm() -> None:
    """Ranks of residuals that are nearly all 0 are far from normal."""
    p_values = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        x = [(rng.random((n, 2)) < 0.001).astype(np.float32) for n in (500, 3_000, 300)]
        subject = subject_of(x[1], x[2], x[0])
        p_values.append(residuals(subject, {"rare": lambda x: x[:, 0]}, 0.01).p_value)
    assert sum(p is not None and p <= 0.01 for p in p_values) <= 6  # 2 expected, more in 1 % of all


def test_functions_of_whole_numbers_do_not_wrap() -> None:
    rng = np.random.default_rng(0)
    x = [rng.integers(0, 100, (400, 2)) for _ in range(3)]
    subject = subject_of(*x)
    looks = observables(subject, {"gap": lambda x: x[:, 0] - x[:, 1]}, LEVEL, 0).figures["looks"]
    assert looks[0]["mean_real"] == pytest.approx((x[0][:, 0] - x[0][:, 1]).mean())


def test_a_class_that_is_not_what_was_asked_for_is_named() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 200)
    x = [(3 * labels[:, None] + rng.standard_normal((600, 2))).astype(np.float32) for _ in range(3)]
    asked = labels.copy()
    asked[labels == 2] = np.where(rng.random(200) < 0.3, 1, 2)
    subject = subject_of(x[0], x[1], x[2], labels={"real": labels, "train": labels, "fake": asked})
    finding = conditions(subject, sets(subject), LEVEL, 0)
    assert finding is not None
    assert finding.verdict is Verdict.FOUND
    assert [look["name"] for look in finding.figures["classes"] if look["p_value"] <= LEVEL] == ["class 1"]


def test_one_class_leaves_its_level_to_the_other_questions() -> None:
    rng = np.random.default_rng(0)
    x = [rng.standard_normal((300, 2)).astype(np.float32) for _ in range(3)]
    one, two = np.zeros(300, int), np.arange(300) % 2
    for labels, asked in ((one, False), (two, True)):
        subject = subject_of(*x, labels=dict.fromkeys(("real", "fake", "train"), labels))
        named = questions(Exam(subject, sets(subject), features=None))  # type: ignore[arg-type]
        assert ("conditions" in named, "frequencies" in named) == (asked, asked)


def scored(nats: Callable[[np.ndarray], np.ndarray]) -> Any:
    def score(x: np.ndarray, condition: object) -> Score:
        return Score(torch.from_numpy(nats(x)), Kind.EXACT, 0.0, None, "lebesgue", "sha256:0", x[0].size)

    return score


def test_density_tells_the_gap_between_training_and_held_out_examples(make: Make) -> None:
    subject = make(0)
    same = log_density(replace(subject, scorer=scored(lambda x: -x.sum(1))), 0)
    assert same is not None
    assert same.figures["nats"] == pytest.approx(-subject.real.x.sum(1).mean(), rel=1e-5)
    assert same.level == 0
    known = {row.tobytes() for row in subject.train.x}
    learned = scored(lambda x: np.array([float(row.tobytes() in known) for row in x]) + 0.1 * x[:, 0])
    overfit = log_density(replace(subject, scorer=learned), 0)
    assert overfit is not None
    assert overfit.verdict is Verdict.FOUND
    assert overfit.low is not None
    assert overfit.high is not None
    assert overfit.low <= 1 + 0.1 * (subject.train.x[:, 0].mean() - subject.real.x[:, 0].mean()) <= overfit.high
    assert log_density(subject, 0) is None

    def none(x: np.ndarray, condition: object) -> Score:
        raise NoDensity("a GAN has none")

    assert log_density(replace(subject, scorer=none), 0) is None


@pytest.mark.parametrize("name", ASK)
def test_too_few_examples_cannot_tell(name: str, make: Make) -> None:
    finding = ASK[name](make(0, (300, 99, 300)), 0)
    assert finding is not None
    assert finding.verdict is Verdict.CANNOT_TELL


def test_columns_that_are_mostly_zero_raise_no_more_alarms() -> None:
    """By the normal distribution 1 in 40 pairs of such columns has p < 0.1 %, and nearly every table is flagged."""

    def layers(n: int, rng: np.random.Generator) -> np.ndarray:
        shared = rng.standard_normal((n, 1))
        energy = 0.95 * shared + 0.3 * rng.standard_normal((n, 8))
        return np.where(energy > 1.6, energy, 0.0).astype(np.float32)

    alarms = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        subject = subject_of(layers(200, rng), layers(1000, rng), layers(200, rng))
        alarms += marginals(subject, LEVEL, seed).verdict is Verdict.FOUND
    assert alarms <= 4, "of 20 at level 5 %, more than 4 happen in 0.3 %"
