"""Constraints that real data obey (momentum balance, a total energy): how far do generated ones break them?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from allmodes.audit.enough import too_few
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.functions import Function, numbers
from allmodes.audit.intervals import share, together
from allmodes.audit.one_dimension import histogram, usual_value
from allmodes.audit.question import Question
from allmodes.audit.scan import few, holm
from allmodes.audit.subject import Subject
from allmodes.shares import percent, percents

USUAL = 0.99
"""Share of training examples whose residual counts as usual."""


def residuals(subject: Subject, functions: Mapping[str, Function], level: float) -> Finding:
    r"""How many generated examples break a constraint more than real ones do.

    A function gives the residual r of each example, 0 where the constraint holds. The 99 % quantile of its size over
    the training examples is the tolerance; held-out and generated examples beyond it are counted and compared by
    Fisher's exact test, the sizes themselves by the one-sided test of Mann and Whitney; where one size makes up half of
    both samples, what lies above it is counted instead, as in `one_dimension.compare`. The smaller p-value is doubled;
    Holm's correction over the functions. Intervals are of the shares beyond, and hold together at 95 %.

    Raises:
        UserError: for a function that raises or gives no numbers.
    """
    sides = (subject.train, subject.real, subject.fake)
    values = {
        name: [np.abs(numbers(function, side, name, "constraint")) for side in sides]
        for name, function in functions.items()
    }
    if short := too_few(subject, "residuals", level):
        return short
    rows, p_values, confidence = [], [], together(len(values))
    for name, (train, real, fake) in values.items():
        tolerance = float(np.quantile(train, USUAL, method="higher"))
        beyond = [(side > tolerance).sum() for side in (real, fake)]
        p_beyond = float(few(beyond[0], beyond[1], len(real), len(fake)))
        usual, p_larger = _larger(real, fake)
        p_values.append(min(1.0, 2 * min(p_beyond, p_larger)))
        low, high = share(int(beyond[1]), len(fake), confidence)
        rows.append(
            {
                "name": name,
                "tolerance": tolerance,
                "real_beyond": float(beyond[0] / len(real)),
                "fake_beyond": float(beyond[1] / len(fake)),
                "low": low,
                "high": high,
                "real_median": float(np.median(real)),
                "fake_median": float(np.median(fake)),
                "usual": usual,
                "real_above": float((real > usual).mean()),
                "fake_above": float((fake > usual).mean()),
            }
        )
    adjusted = holm(np.array(p_values))
    for row, p in zip(rows, adjusted, strict=True):
        row["p_value"] = float(p)
    worst = min(rows, key=lambda row: (row["p_value"], -row["fake_beyond"]))
    found = worst["p_value"] <= level
    said = (
        f"{worst['name']}: {percents(worst['fake_beyond'], worst['low'], worst['high'])} of the generated and "
        f"{percent(worst['real_beyond'])} of the held-out examples lie beyond {worst['tolerance']:.3g}, with medians "
        f"of {worst['fake_median']:.3g} and {worst['real_median']:.3g}; {percent(worst['fake_above'])} and "
        f"{percent(worst['real_above'])} lie above {worst['usual']:.3g}"
    )
    return Finding(
        name="residuals",
        verdict=Verdict.FOUND if found else Verdict.NOT_FOUND,
        summary=f"a constraint is broken; {said}"
        if found
        else f"no constraint is broken more than in real data; {said}",
        estimate=worst["fake_beyond"],
        low=worst["low"],
        high=worst["high"],
        p_value=worst["p_value"],
        floor=worst["real_beyond"],
        level=level,
        figures={
            "constraints": rows,
            "histograms": [
                {"name": name, "where": "", **histogram(real, fake)} for name, (_, real, fake) in values.items()
            ],
        },
    )


def _larger(real: np.ndarray, fake: np.ndarray) -> tuple[float, float]:
    """The size that is usual, and the p-value of generated ones being no larger than held-out ones."""
    from scipy import stats

    usual = usual_value(real, fake)
    if usual is None:
        _, p_larger = map(float, stats.mannwhitneyu(fake, real, alternative="greater", method="asymptotic"))
        return float(np.median(real)), p_larger
    a, b = ((side > usual).sum() for side in (real, fake))
    return usual, float(few(a, b, len(real), len(fake)))


QUESTION = Question(
    name="residuals",
    title="Does it obey your constraints?",
    method="The residual's 99 % quantile over the training examples is the tolerance; those beyond it are counted, "
    "generated against held-out, by Fisher's exact test, and the sizes of all are compared by a Mann-Whitney test; "
    "the smaller of the two p-values counts, doubled.",
    measure="of the samples",
    share=True,
    weight=2,
    suits=lambda exam: bool(exam.constraints),
    ask=lambda exam, level: residuals(exam.subject, exam.constraints, level),
    claim=lambda found, figure: "breaks constraints",
)
