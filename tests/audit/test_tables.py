"""Findings about numbers of the examples themselves: columns, observables, constraints, conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from allmodes.audit.conditions import conditions, judged
from allmodes.audit.exam import Exam
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.inputs import subject_of
from allmodes.audit.intervals import normal, share
from allmodes.audit.log_density import log_density
from allmodes.audit.marginals import _correlation, marginals
from allmodes.audit.observables import bins, observables
from allmodes.audit.one_dimension import compare
from allmodes.audit.questions import questions
from allmodes.audit.residuals import residuals
from allmodes.audit.sets import Sets
from allmodes.audit.subject import Subject
from allmodes.audit.verdict import claim
from allmodes.score import Kind, NoDensity, Score
from allmodes.shares import percent, percents

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


def test_what_a_judge_recognises_is_told_of_the_side_that_it_is_of() -> None:
    rng = np.random.default_rng(0)
    labels = {side: np.repeat([0, 1, 2], n) for side, n in (("real", 100), ("fake", 150), ("train", 200))}
    x = {side: 6.0 * given[:, None] + rng.standard_normal((len(given), 2)) for side, given in labels.items()}
    x["fake"][150:210] += 6
    subject = subject_of(**x, labels=labels)
    finding = conditions(subject, sets(subject), LEVEL, 0)
    look = finding.figures["classes"][1]
    shares = [look["recognised_held_out"], look["recognised_generated"]]
    assert (look["name"], look["held_out"], look["generated"]) == ("class 1", 100, 150)
    assert shares == pytest.approx([1, 0.6], abs=0.05)
    assert look["gap"] == finding.estimate == pytest.approx(shares[1] - shares[0])
    error = math.sqrt(sum((p * (1 - p) + 1 / n) / n for p, n in zip(shares, (100, 150), strict=True)))
    assert look["high"] - look["gap"] == pytest.approx(normal(1 - 0.05 / 3) * error)
    told = [[round(p * n), n - round(p * n)] for p, n in zip(shares, (100, 150), strict=True)]
    assert look["p_value"] == pytest.approx(3 * 2 * stats.fisher_exact(told, "greater").pvalue, abs=0)
    fake, real = percent(shares[1]), percent(shares[0])
    said = f"of class 1 a judge recognises {fake} of the generated and {real} of the held-out examples"
    assert said in finding.summary
    assert conditions(subject, sets(subject), look["p_value"] / 2, 0).verdict is Verdict.NOT_FOUND


def test_a_judges_errors_are_told_of_the_side_that_makes_them(make: Make) -> None:
    def blurred(x: np.ndarray, energy: np.ndarray) -> Any:
        return x * np.resize([0.75, 1.25], len(x))[:, None].astype(np.float32), energy

    finding = ASK["conditions"](make(0, (600, 400, 900), change=blurred), 0)
    assert finding is not None
    look = finding.figures["values"][0]
    assert look["spread_generated"] > 1.5 * look["spread_held_out"]
    assert sum(look["histogram"]["real"]) == look["held_out"] == 400
    assert sum(look["histogram"]["fake"]) == look["generated"] == 900
    assert f"spread by {look['spread_generated']:.3g} among generated" in finding.summary


def test_numbers_of_columns_are_those_of_the_side_and_the_column_that_they_name() -> None:
    rng = np.random.default_rng(0)
    shifts = np.array([0, 0.3, 0.7, 0.5, 0.6, 0.4])
    real, fake = rng.standard_normal((400, 6)), shifts + rng.standard_normal((600, 6))
    finding = marginals(subject_of(real, fake, rng.standard_normal((300, 6))), LEVEL, 0)
    columns = finding.figures["columns"]
    assert [row["name"] for row in columns] == [f"column {i}" for i in range(6)]
    assert [row["mean_fake"] for row in columns] == pytest.approx(fake.mean(0).tolist(), abs=1e-6)
    assert [row["shift"] for row in columns] == pytest.approx((fake.mean(0) - real.mean(0)).tolist(), abs=1e-6)
    reach = sum(math.sqrt(math.log(4 * 6 / 0.05) / (2 * n)) for n in (400, 600))
    assert finding.high == pytest.approx(finding.estimate + reach)
    assert finding.estimate == max(row["distance"] for row in columns)
    assert finding.floor == columns[2]["floor"]
    alone = compare(*(side[:, 2].astype(np.float32).astype(float) for side in (real, fake)), rng)
    assert columns[2]["p_value"] == finding.p_value == pytest.approx(2 * 6 * alone.p_value, abs=0)
    clearest = [row["name"] for row in sorted(columns, key=lambda row: row["p_value"])]
    assert f"5 of 6 columns differ: {', '.join(clearest[:3])} and 2 more; column 2: " in finding.summary
    drawn = finding.figures["histograms"]
    assert (clearest[0], list(drawn)) == ("column 2", clearest)
    assert (sum(drawn["column 2"]["real"]), sum(drawn["column 2"]["fake"])) == (400, 600)


def test_a_correlation_alone_has_no_distance_and_is_not_that_of_a_column_that_differs() -> None:
    rng = np.random.default_rng(1)
    real, fake, train = (rng.standard_normal((1500, 5)) for _ in range(3))
    real[:, 1] += 2 * real[:, 0]
    fake[:, 1] = fake[:, 1] * 5**0.5
    alone = marginals(subject_of(real, fake, train), 0.05, 0)
    assert (alone.verdict, alone.estimate, alone.low, alone.floor) == (Verdict.FOUND, None, None, None)
    assert claim(alone) == "distorts how columns go together"
    fake[:, 4] *= 1.5
    assert claim(marginals(subject_of(real, fake, train), 0.05, 0)) == (
        "distorts 1 of 5 columns and how columns go together"
    )


def test_every_column_of_a_wide_table_is_looked_at_and_pairs_of_the_first() -> None:
    rng = np.random.default_rng(3)
    real, fake, train = (rng.standard_normal((300, 90)) for _ in range(3))
    assert "neither any of 90 columns" in (found := marginals(subject_of(real, fake, train), 0.05, 0)).summary
    assert found.summary.endswith("; pairs are of the first 64 columns")
    fake[:, 80] += 1
    found = marginals(subject_of(real, fake, train), 0.05, 0)
    assert found.summary.startswith("1 of 90 columns differs, column 80: ")
    assert (found.figures["columns"][0]["name"], len(found.figures["columns"])) == ("column 80", 90)


def test_of_correlations_that_are_equally_sure_the_largest_difference_is_said() -> None:
    rng = np.random.default_rng(0)
    real, fake, train = (rng.standard_normal((1000, 8)) for _ in range(3))
    fake[:, :7] += 0.6 * rng.standard_normal((1000, 1))
    fake[:, 7] = fake[:, 6] + 0.05 * rng.standard_normal(1000)
    found = marginals(subject_of(real, fake / fake.std(0), train), 0.05, 0)
    assert "28 rank correlations differ, most that of column 7 with column 6" in found.summary
    assert found.figures["correlations"][0]["columns"] == ["column 7", "column 6"]


def test_correlations_are_those_of_the_side_that_they_name_with_intervals_that_hold_together() -> None:
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal((500, 3)), rng.standard_normal((700, 3))
    fake[:, 1], fake[:, 2] = 0.25 * fake[:, 0] + fake[:, 1], fake[:, 0] + 0.5 * fake[:, 2]
    finding = marginals(subject_of(real, fake / fake.std(0), rng.standard_normal((300, 3))), LEVEL, 0)
    row = finding.figures["correlations"][0]
    assert row["columns"] == ["column 2", "column 0"]
    assert "3 rank correlations differ, most that of column 2 with column 0" in finding.summary
    ranks = [stats.spearmanr(side[:, 2], side[:, 0])[0] for side in (real, fake)]
    assert [row["real"], row["fake"]] == pytest.approx(ranks, abs=0.02)
    assert row["gap"] == pytest.approx(row["fake"] - row["real"])
    errors = [_correlation(*(stats.rankdata(side[:, i]) for i in (2, 0)))[1] for side in (real, fake)]
    assert row["high"] - row["gap"] == pytest.approx(normal(1 - 0.05 / 3) * math.hypot(*errors), rel=0.05)


def test_the_error_of_a_correlation_is_its_spread_over_draws() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 300, 200))
    found = np.array([_correlation(one, 0.8 * one + 0.6 * other) for one, other in zip(a, b, strict=True)])
    assert found[:, 1].mean() == pytest.approx(found[:, 0].std(ddof=1), rel=0.2)


def test_looks_are_named_counted_and_corrected_and_the_clearest_is_said() -> None:
    rng = np.random.default_rng(0)
    kinds = {side: np.resize(["p", "q"], n) for side, n in (("real", 400), ("fake", 700), ("train", 200))}
    x = {side: rng.standard_normal((len(kind), 2)) for side, kind in kinds.items()}
    x["fake"][kinds["fake"] == "q", 1] += 0.8
    subject = subject_of(**x, labels=kinds)
    first, second = (lambda x: x[:, 0]), (lambda x: x[:, 1])
    finding = observables(subject, {"first": first, "second": second}, LEVEL, 0)
    looks = {(look["name"], look["where"]): look for look in finding.figures["looks"]}
    look = looks["second", "class is q"]
    assert len(looks) == 6
    assert (look["n"], look["m"]) == (200, 350)
    real, fake = (getattr(subject, side).x[kinds[side] == "q", 1].astype(float) for side in ("real", "fake"))
    alone = compare(real, fake, rng)
    assert look["p_value"] == finding.p_value == pytest.approx(6 * alone.p_value, abs=0)
    assert (finding.estimate, finding.floor) == (look["distance"], look["floor"])
    reach = sum(math.sqrt(math.log(4 * 6 / 0.05) / (2 * n)) for n in (200, 350))
    assert look["high"] == pytest.approx(look["distance"] + reach)
    said = f"second where class is q: mean {fake.mean():.4g} generated and {real.mean():.4g} real"
    assert finding.summary.startswith(f"not distributed as in the data: second; {said}, difference 0.80 [")
    drawn = finding.figures["histograms"][0]
    assert (drawn["name"], drawn["where"]) == ("second", "class is q")
    assert (sum(drawn["real"]), sum(drawn["fake"])) == (200, 350)


def test_of_looks_that_are_all_within_chance_the_largest_distance_is_said() -> None:
    order = np.random.default_rng(0).permutation(300)[:, None]
    x = {"real": order + 0.0, "fake": order + 3.5, "train": order + 0.25}
    functions = {"same": lambda x: x[:, 0] * 0, "number": lambda x: x[:, 0], "none": lambda x: 0 * x[:, 0]}
    finding = observables(subject_of(**x), functions, LEVEL, 0)
    assert {look["p_value"] for look in finding.figures["looks"]} == {1}
    assert "nearest to it number: Kolmogorov-Smirnov distance 0.01" in finding.summary


def test_bins_of_a_condition_are_quarters_of_the_real_examples_with_their_lower_ends() -> None:
    e = {"real": np.arange(400.0) // 4, "fake": np.arange(800.0) % 100, "train": np.arange(200.0)}
    x = {side: np.random.default_rng(0).standard_normal((len(value), 1)) for side, value in e.items()}
    found = bins(subject_of(**x, conditions={side: {"e": value} for side, value in e.items()}))
    names = [name for name, _, _ in found]
    assert names == ["", "e < 24.8", "24.8 <= e < 49.5", "49.5 <= e < 74.2", "e >= 74.2"]
    for number, (_, real, fake) in enumerate(found[1:]):
        assert (e["real"][real] // 25 == number).all()
        assert (e["fake"][fake] // 25 == number).all()
        assert (len(real), len(fake)) == (100, 200)
    e["real"] = np.repeat([1.0, 2.0, 3.0], [150, 150, 100])
    e["fake"] = np.repeat([1.0, 2.0, 3.0], [500, 250, 50])
    found = bins(subject_of(**x, conditions={side: {"e": value} for side, value in e.items()}))
    assert [(name, len(real), len(fake)) for name, real, fake in found] == [
        ("", 400, 800),
        ("e < 2", 150, 500),
        ("2 <= e < 2.25", 150, 250),
    ]


def test_numbers_of_constraints_are_those_of_the_side_that_they_name() -> None:
    rng = np.random.default_rng(0)
    x = {side: rng.standard_normal((n, 2)) for side, n in (("real", 400), ("fake", 700), ("train", 1000))}
    x["fake"][:, 1] *= 1.5
    given = {"rare": lambda x: x[:, 0].clip(1) - 1, "broken": lambda x: x[:, 1], "fine": lambda x: x[:, 0]}
    finding = residuals(subject_of(**x), given, LEVEL)
    row = finding.figures["constraints"][1]
    train, real, fake = (np.abs(x[side][:, 1]) for side in ("train", "real", "fake"))
    tolerance = np.quantile(train, 0.99, method="higher")
    beyond = [int((side > tolerance).sum()) for side in (real, fake)]
    assert row["tolerance"] == pytest.approx(tolerance)
    assert (row["real_beyond"], row["fake_beyond"]) == (beyond[0] / 400, beyond[1] / 700)
    assert (row["real_median"], row["fake_median"]) == pytest.approx((np.median(real), np.median(fake)))
    assert row["fake_above"] == pytest.approx((fake > np.median(real)).mean())
    rare = finding.figures["constraints"][0]
    shares = [(x[side][:, 0] > 1).mean() for side in ("real", "fake")]
    assert (rare["usual"], rare["real_above"], rare["fake_above"]) == (0, *shares)
    assert (row["low"], row["high"]) == pytest.approx(share(beyond[1], 700, 1 - 0.05 / 3))
    larger = stats.mannwhitneyu(fake, real, alternative="greater", method="asymptotic").pvalue
    more = stats.fisher_exact([[beyond[0], 400 - beyond[0]], [beyond[1], 700 - beyond[1]]], "less").pvalue
    assert row["p_value"] == finding.p_value == pytest.approx(3 * 2 * min(larger, more), rel=1e-4, abs=0)
    assert (finding.estimate, finding.floor) == (row["fake_beyond"], row["real_beyond"])
    assert f"broken: {percents(row['fake_beyond'], row['low'], row['high'])} of the generated" in finding.summary
    assert f"medians of {row['fake_median']:.3g} and {row['real_median']:.3g}" in finding.summary
    drawn = finding.figures["histograms"][1]
    assert (drawn["name"], sum(drawn["real"]), sum(drawn["fake"])) == ("broken", 400, 700)


def test_nats_are_told_of_the_side_and_with_the_condition_that_they_are_of(make: Make) -> None:
    subject = make(0)

    def score(x: np.ndarray, condition: Any) -> Score:
        nats = 2 * (len(x) == len(subject.train)) + 0.01 * condition.values[:, 0].double()
        return Score(nats, Kind.EXACT, 0.0, None, "lebesgue", "sha256:0", 3)

    subject = replace(subject, real=subject.real[np.arange(400)])
    finding = log_density(replace(subject, scorer=score), 0)
    assert finding is not None
    held, train = subject.real.values[:, 0] / 100, 2 + subject.train.values[:, 0] / 100  # type: ignore[index]
    figures, error = finding.figures, [side.std(ddof=1) / math.sqrt(len(side)) for side in (held, train)]
    assert (figures["nats"], figures["train_nats"]) == pytest.approx((held.mean(), train.mean()))
    assert (figures["standard_error"], figures["train_standard_error"]) == pytest.approx(error, rel=0.01)
    assert (figures["n"], figures["n_train"], figures["bits_per_dim"]) == (400, 500, None)
    assert finding.estimate == pytest.approx(train.mean() - held.mean())
    assert finding.high == pytest.approx(finding.estimate + 1.96 * math.hypot(*error), rel=0.01)
    assert f"{held.mean():.2f} ± {error[0]:.2f} nats" in finding.summary
    assert f"{train.mean():.2f} ± {error[1]:.2f} on training data" in finding.summary


def test_a_gap_that_chance_explains_is_not_found(make: Make) -> None:
    subject = make(0)
    known = {row.tobytes() for row in subject.train.x}
    nats = scored(lambda x: np.array([0.03 * (row.tobytes() in known) for row in x]) + np.resize([-0.5, 0.5], len(x)))
    finding = log_density(replace(subject, scorer=nats), 0)
    assert finding is not None
    assert finding.estimate == pytest.approx(0.03)
    assert finding.verdict is Verdict.NOT_FOUND
    assert finding.p_value == pytest.approx(stats.norm.sf(0.03 / (0.5 * math.sqrt(2 / 500))), rel=0.01)
