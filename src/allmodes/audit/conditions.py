"""Conditional generators: is a sample what was asked for?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from allmodes.audit.enough import too_few
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.intervals import normal, together
from allmodes.audit.one_dimension import compare, histogram
from allmodes.audit.question import Question
from allmodes.audit.scan import holm, unequal
from allmodes.audit.sets import Sets
from allmodes.audit.subject import Examples, Subject
from allmodes.audit.wording import ranged
from allmodes.shares import percent

TREES = 100
BINS = 20
"""Of a condition, in each of which as many held-out and generated examples are compared."""
FLAT = 0.1
"""Slope of a judge's estimates below which it knows too little for their scale to be mended."""
UNLIKE = 0.01
"""P-value of equal conditions below which they are matched."""
MOST_TRAIN = 10_000
"""Training examples that a judge learns from."""
FEWEST_A_CLASS = 20
"""Held-out or generated examples of a class, or with the same values, below which it is passed over."""


def judged(subject: Subject) -> bool:
    """Whether there are classes or values that a judge can be asked for; the conditions alone tell."""
    return bool(_told_classes(subject) or _told_values(subject, 0))


def conditions(subject: Subject, sets: Sets, level: float, seed: int) -> Finding:
    r"""A judge that has learned from real training examples tells class and values of held-out and generated ones.

    A class: the share of its examples that the judge gives back their own label, generated against held-out, by
    Fisher's exact test; too high is a fault too (only easy examples). A continuous condition c: the judge's estimate
    minus c, generated against held-out, by `one_dimension.compare`; the difference of the means is the bias. Estimates
    are drawn to the middle, which a line through those of held-out examples mends. What the judge gets wrong at some c,
    it gets wrong on both sides, so a poor judge costs power and not validity, as long as both sides have the same c:
    where other values were asked for than the data have, in each of some bins of c as many examples of either side are
    compared as give the bins the same shares. Holm's correction over classes and values. The judge is a forest of
    extremely randomized trees on the features of the audit (Geurts et al., Machine Learning 63, 2006).

    Arguments:
        subject: of which something can be `judged`.
        sets: features of the three sets, in the order of the subject.

    Returns:
        `estimate`: the gap of the look with the smallest p-value. `figures`: the looks, by classes and by values; the
        intervals of all hold together at 95 %.
    """
    if short := too_few(subject, "conditions", level):
        return short
    told, rows = _told_classes(subject), _told_values(subject, seed)
    confidence = together(len(told) + len(rows))
    classes, values = _classes(subject, sets, seed, told, confidence), _values(subject, sets, seed, rows, confidence)
    looks = classes + values
    adjusted = holm(np.array([look["p_value"] for look in looks]))
    for look, p in zip(looks, adjusted, strict=True):
        look["p_value"] = float(p)
    worst = min(looks, key=lambda look: (look["p_value"], -abs(look["gap"])))
    wrong = [look["name"] for look in looks if look["p_value"] <= level]
    more = f" and {len(wrong) - 4} more" if len(wrong) > 4 else ""
    if "recognised_generated" in worst:
        said = (
            f"of {worst['name']} a judge recognises {percent(worst['recognised_generated'])} of the generated and "
            f"{percent(worst['recognised_held_out'])} of the held-out examples"
        )
    elif wrong and worst["low"] <= 0 <= worst["high"]:
        said = (
            f"a judge's errors of {worst['name']} spread by {worst['spread_generated']:.3g} among generated and by "
            f"{worst['spread_held_out']:.3g} among held-out examples"
        )
    else:
        off = ranged(worst["gap"], worst["low"], worst["high"])
        said = f"{worst['name']} comes out off by {off}" if wrong else f"farthest off is {worst['name']}, by {off}"
    return Finding(
        name="conditions",
        verdict=Verdict.FOUND if wrong else Verdict.NOT_FOUND,
        summary=f"not what was asked for: {', '.join(wrong[:4])}{more}; {said}"
        if wrong
        else f"samples are what was asked for, as far as a judge can tell; {said}",
        estimate=worst["gap"],
        low=worst["low"],
        high=worst["high"],
        p_value=worst["p_value"],
        floor=0.0,
        level=level,
        figures={"classes": classes, "values": values},
    )


def _forest(kind: Any, features: np.ndarray, target: np.ndarray, seed: int) -> Any:
    rows = np.random.default_rng(seed).permutation(len(features))[:MOST_TRAIN]
    return kind(n_estimators=TREES, min_samples_leaf=2, random_state=seed).fit(features[rows], target[rows])


def _told_classes(subject: Subject) -> list[int]:
    """Classes of which there are enough examples on either side; none where a judge has nothing to learn."""
    train, real, fake = subject.train.labels, subject.real.labels, subject.fake.labels
    if train is None or real is None or fake is None or len(np.unique(train)) < 2:
        return []
    counts = [np.bincount(side, minlength=len(subject.event.classes)) for side in (real, fake)]
    return np.flatnonzero(np.minimum(*counts) >= FEWEST_A_CLASS).tolist()


def _classes(subject: Subject, sets: Sets, seed: int, told: list[int], confidence: float) -> list[dict[str, Any]]:
    if not told:
        return []
    from sklearn.ensemble import ExtraTreesClassifier

    train, real, fake = subject.train.labels, subject.real.labels, subject.fake.labels
    assert train is not None
    judge = _forest(ExtraTreesClassifier, sets.train, train, seed)
    right = [judge.predict(features) == labels for features, labels in ((sets.real, real), (sets.fake, fake))]
    looks = []
    for index in told:
        a, b = right[0][real == index], right[1][fake == index]
        gap = float(b.mean() - a.mean())
        spread = sum((side.mean() * (1 - side.mean()) + 1 / len(side)) / len(side) for side in (a, b))
        error = normal(confidence) * math.sqrt(spread)
        looks.append(
            {
                "name": f"{subject.event.label} {subject.event.classes[index]}",
                "recognised_held_out": float(a.mean()),
                "recognised_generated": float(b.mean()),
                "gap": gap,
                "low": max(gap - error, -1.0),
                "high": min(gap + error, 1.0),
                "p_value": float(unequal(a.sum(), b.sum(), len(a), len(b))),
                "held_out": len(a),
                "generated": len(b),
            }
        )
    return looks


def _told_values(subject: Subject, seed: int) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Columns of the conditions with the rows of either side that are compared, where those are enough."""
    real, fake = subject.real.values, subject.fake.values
    if subject.train.values is None or real is None or fake is None:
        return {}
    rng = np.random.default_rng(seed)
    varying = np.flatnonzero(np.ptp(subject.train.values, axis=0)).tolist()
    rows = {column: _matched(real[:, column], fake[:, column], rng) for column in varying}
    return {column: sides for column, sides in rows.items() if min(map(len, sides)) >= FEWEST_A_CLASS}


def _values(
    subject: Subject,
    sets: Sets,
    seed: int,
    told: dict[int, tuple[np.ndarray, np.ndarray]],
    confidence: float,
) -> list[dict[str, Any]]:
    from sklearn.ensemble import ExtraTreesRegressor

    rng = np.random.default_rng(seed)
    looks = []
    for column, rows in told.items():
        train, real, fake = (_column(side, column) for side in (subject.train, subject.real, subject.fake))
        judge = _forest(ExtraTreesRegressor, sets.train, train, seed)
        known, guessed = (judge.predict(features) for features in (sets.real, sets.fake))
        mended = [_undrawn(known, real, one) for one in (known, guessed)]
        a, b = (one[some] - truth[some] for some, one, truth in zip(rows, mended, (real, fake), strict=True))
        one = compare(a, b, rng, confidence)
        looks.append(
            {
                "name": subject.event.variables[column],
                "gap": one.shift,
                "low": one.shift_low,
                "high": one.shift_high,
                "spread_held_out": one.spread_real,
                "spread_generated": one.spread_fake,
                "p_value": one.p_value,
                "held_out": len(a),
                "generated": len(b),
                "histogram": histogram(a, b),
            }
        )
    return looks


def _column(side: Examples, column: int) -> np.ndarray:
    assert side.values is not None
    return side.values[:, column]


def _matched(real: np.ndarray, fake: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows of held-out and of generated examples whose condition, [n] and [m], has the same distribution."""
    from scipy import stats

    _, equal = map(float, stats.ks_2samp(real, fake, method="asymp"))
    if equal > UNLIKE:
        return np.arange(len(real)), np.arange(len(fake))
    edges = np.quantile(np.concatenate([real, fake]), np.linspace(0, 1, BINS + 1), method="lower")
    edges = np.unique([edges, np.nextafter(edges, np.inf)])  # a value that makes up a bin has one for itself
    places = [np.searchsorted(edges, side, side="right") for side in (real, fake)]
    shares = np.minimum(*(np.bincount(place, minlength=len(edges) + 1) / len(place) for place in places))
    first, second = (
        np.concatenate(
            [rng.permutation(np.flatnonzero(place == b))[: int(share * len(place))] for b, share in enumerate(shares)]
        )
        for place in places
    )
    return np.sort(first), np.sort(second)


def _undrawn(estimate: np.ndarray, truth: np.ndarray, told: np.ndarray) -> np.ndarray:
    """Estimates on the scale of what they estimate, by the line of real ones, [n], through real truths, [n]."""
    slope, start = np.polyfit(truth, estimate, 1) if np.ptp(truth) > 0 else (1.0, 0.0)
    return (told - start) / slope if slope > FLAT else told


QUESTION = Question(
    name="conditions",
    title="Does it make what it is asked for?",
    method="A judge trained on real training examples recognises classes and values, of held-out and of generated "
    "examples; what it gets wrong, it gets wrong on both sides.",
    measure="clearest gap",
    weight=2,
    suits=lambda exam: judged(exam.subject),
    ask=lambda exam, level: conditions(exam.subject, exam.sets, level, exam.seed),
    claim=lambda found, figure: "does not make what it is asked for",
)
