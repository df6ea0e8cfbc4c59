"""Tables: is each column distributed as it should be, and do columns go together as they should?"""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np

from allmodes.audit.comparable import name_column
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.one_dimension import Compared, compare, histogram
from allmodes.audit.scan import holm
from allmodes.audit.subject import Subject

MOST_COLUMNS = 64
"""The first columns of a table; of wider ones the others are left to the questions about features."""
DRAWN = 12
"""Columns whose histograms are kept for the report."""


def marginals(subject: Subject, level: float, seed: int) -> Finding:
    r"""Each column by itself, and each pair by its rank correlation; Holm's correction over all of them.

    A rank correlation is the mean of :math:`z_a z_b` with z the standardized ranks in both samples together, which are
    bounded, so that its standard error is that of a mean:

    .. math:: SE^2 = Var[z_a z_b - r (z_a^2 + z_b^2) / 2] / n

    Constant columns are told apart by whether the generated ones are that constant too.
    """
    event = subject.event
    rng = np.random.default_rng(seed)
    real, fake = (side.x.astype(np.float64) for side in (subject.real, subject.fake))
    columns = list(range(event.size))[:MOST_COLUMNS]
    if not subject.enough:
        return Finding("marginals", Verdict.CANNOT_TELL, "too few examples to compare columns", level=level)
    compared = [compare(real[:, c], fake[:, c], rng) for c in columns]
    pairs, gaps, pair_p = _correlations(real, fake, columns)
    adjusted = holm(np.array([one.p_value for one in compared] + pair_p))
    worst = int(np.argmax([one.distance for one in compared]))
    names = [name_column(event, c) for c in columns]
    wrong = [names[i] for i in np.argsort(adjusted[: len(columns)]) if adjusted[i] <= level]
    wrong_pairs = [i for i in np.argsort(adjusted[len(columns) :]) if adjusted[len(columns) + i] <= level]
    p_value = float(adjusted.min())
    one = compared[worst]
    shown = np.argsort(adjusted[: len(columns)], kind="stable")[:DRAWN]
    return Finding(
        name="marginals",
        verdict=Verdict.FOUND if p_value <= level else Verdict.NOT_FOUND,
        summary=_summary(names, columns, one, worst, wrong, [tuple(names[k] for k in pairs[i]) for i in wrong_pairs]),
        estimate=one.distance,
        low=one.low,
        high=one.high,
        p_value=p_value,
        floor=max(other.floor for other in compared),
        level=level,
        figures={
            "columns": [
                {"name": name, "p_value": float(p), **_figures(other)}
                for name, other, p in zip(names, compared, adjusted, strict=False)
            ],
            "correlations": [
                {"columns": [names[k] for k in pairs[i]], **gaps[i], "p_value": float(adjusted[len(columns) + i])}
                for i in np.argsort(adjusted[len(columns) :], kind="stable")[:DRAWN]
            ],
            "histograms": {names[i]: histogram(real[:, columns[i]], fake[:, columns[i]]) for i in shown},
        },
    )


def _figures(one: Compared) -> dict[str, float]:
    return {key: value for key, value in asdict(one).items() if key != "p_value"}


def _summary(
    names: list[str],
    columns: list[int],
    one: Compared,
    worst: int,
    wrong: list[str],
    wrong_pairs: list[tuple[str, ...]],
) -> str:
    distance = f"{one.distance:.3f} [{one.low:.3f}, {one.high:.3f}]"
    far = f"{names[worst]} is farthest off, Kolmogorov-Smirnov distance {distance}"
    if not wrong and not wrong_pairs:
        return f"none of {len(columns)} columns or their rank correlations differs; {far}"
    parts = []
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        parts.append(f"{len(wrong)} of {len(columns)} columns differ: {', '.join(wrong[:3])}{more}; {far}")
    if wrong_pairs:
        parts.append(f"{len(wrong_pairs)} rank correlations differ, most that of {' with '.join(wrong_pairs[0])}")
    return "; ".join(parts)


def _correlations(
    real: np.ndarray, fake: np.ndarray, columns: list[int]
) -> tuple[list[tuple[int, int]], list[dict[str, float]], list[float]]:
    """Pairs of columns, what their rank correlations are, and p-values of no difference."""
    from scipy import stats

    n = len(real)
    ranks = stats.rankdata(np.concatenate([real, fake])[:, columns], axis=0)
    pairs = [(a, b) for a in range(len(columns)) for b in range(a)]
    gaps, p_values = [], []
    z = [_standardized(part) for part in (ranks[:n], ranks[n:])]
    for a, b in pairs:
        (r_real, se_real), (r_fake, se_fake) = (_correlation(side[:, a], side[:, b]) for side in z)
        error = math.hypot(se_real, se_fake)
        gap = r_fake - r_real
        p_values.append(math.erfc(abs(gap) / error / math.sqrt(2)) if error > 0 else 1.0)
        gaps.append({"real": r_real, "fake": r_fake, "gap": gap, "low": gap - 1.96 * error, "high": gap + 1.96 * error})
    return pairs, gaps, p_values


def _standardized(ranks: np.ndarray) -> np.ndarray:
    spread = ranks.std(0)
    return (ranks - ranks.mean(0)) / np.where(spread > 0, spread, 1)


def _correlation(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    product = a * b
    r = float(product.mean())
    return r, float((product - r * (a**2 + b**2) / 2).std() / math.sqrt(len(a)))
