"""Tables: is each column distributed as it should be, and do columns go together as they should?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from allmodes.audit.enough import too_few
from allmodes.audit.exam import Exam
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.intervals import normal, together
from allmodes.audit.one_dimension import Compared, compare, histogram
from allmodes.audit.question import Question
from allmodes.audit.scan import draws_for, holm
from allmodes.audit.subject import Subject
from allmodes.audit.wording import ranged
from allmodes.event import Layout

MOST_COLUMNS = 1_000
"""The first columns of a table; of wider ones the others are left to the questions about features."""
MOST_PAIRED = 64
"""Of these, the first ones of which pairs are looked at."""
LISTED = 40
"""Columns up to which a report lists all, as they come; of more the clearest are first."""
DRAWN = 12
"""Columns whose histograms are kept for the report."""
MOST_ROWS = 10_000
"""Examples of each kind, drawn by the seed, whose labels are permuted."""


def marginals(subject: Subject, level: float, seed: int) -> Finding:
    r"""Each column by itself, and each pair by its rank correlation.

    Columns are compared by `one_dimension.compare`, with Holm's correction over them. A rank correlation r is that of
    the standardized ranks z in both samples together; its difference between the samples is divided by a standard error
    from both together,

    .. math:: s^2 = Var[z_a z_b - r (z_a^2 + z_b^2) / 2] (1/n + 1/m),

    and the largest of all pairs is compared with its distribution when the labels real and generated are permuted. (The
    normal distribution will not do: it alarms too often where columns are mostly zero.) The two families share the
    level, half and half.

    Constant columns are told apart by whether the generated ones are that constant too.

    Returns:
        `estimate`, `low`, `high`, `floor`: the distance of the column with the smallest p-value where one differs;
        nothing where correlations alone differ; else the largest distance, and the largest floor.
    """
    event = subject.event
    rng = np.random.default_rng(seed)
    real, fake = subject.real.x, subject.fake.x
    columns = range(min(event.size, MOST_COLUMNS))
    if short := too_few(subject, "marginals", level):
        return short
    reach = together(len(columns))
    compared = [compare(real[:, c].astype(np.float64), fake[:, c].astype(np.float64), rng, reach) for c in columns]
    pairs, gaps, pair_p = _correlations(real[:, :MOST_PAIRED], fake[:, :MOST_PAIRED], rng, draws_for(level / 2))
    adjusted = np.minimum(1.0, 2 * np.concatenate([holm(np.array([one.p_value for one in compared])), pair_p]))
    distance = np.array([one.distance for one in compared])
    names = [event.column(c) for c in columns]
    order = np.lexsort((-distance, adjusted[: len(columns)]))
    wrong = [i for i in order if adjusted[i] <= level]
    clearest = np.lexsort((-np.abs([gap["gap"] for gap in gaps]), adjusted[len(columns) :]))
    wrong_pairs = [i for i in clearest if adjusted[len(columns) + i] <= level]
    p_value = float(adjusted.min())
    told = wrong[0] if wrong else int(distance.argmax())
    one = compared[told]
    floor = one.floor if wrong else max(other.floor for other in compared)
    alone = bool(wrong_pairs) and not wrong  # correlations, of which there is no distance
    estimate, low, high, floor = (None,) * 4 if alone else (one.distance, one.low, one.high, floor)
    return Finding(
        name="marginals",
        verdict=Verdict.FOUND if p_value <= level else Verdict.NOT_FOUND,
        summary=_summary(
            f"{names[told]}: {one.said()}",
            [names[i] for i in wrong],
            [(" with ".join(names[k] for k in pairs[i]), gaps[i]) for i in wrong_pairs],
            event.size,
        ),
        estimate=estimate,
        low=low,
        high=high,
        p_value=p_value,
        floor=floor,
        level=level,
        figures={
            "columns": [
                {"name": names[i], "p_value": float(adjusted[i]), **_figures(compared[i])}
                for i in (columns if len(columns) <= LISTED else order)
            ],
            "correlations": [
                {"columns": [names[k] for k in pairs[i]], **gaps[i], "p_value": float(adjusted[len(columns) + i])}
                for i in clearest[:DRAWN]
            ],
            "histograms": {names[i]: histogram(real[:, i], fake[:, i]) for i in order[:DRAWN]},
        },
    )


def _figures(one: Compared) -> dict[str, float]:
    return {key: value for key, value in asdict(one).items() if key != "p_value"}


def _summary(
    said: str, wrong: Sequence[str], wrong_pairs: Sequence[tuple[str, Mapping[str, float]]], columns: int
) -> str:
    """What differs, and of the clearest of these, or of the column that is farthest off, by how much."""
    looked = f"{columns:,} columns" if columns <= MOST_COLUMNS else f"the first {MOST_COLUMNS:,} of {columns:,} columns"
    paired = f"; pairs are of the first {MOST_PAIRED} columns" if columns > MOST_PAIRED else ""
    if not wrong and not wrong_pairs:
        return f"neither any of {looked} nor a rank correlation differs; farthest off is {said}{paired}"
    parts = []
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        differ = "differs" if len(wrong) == 1 else "differ"
        named = f": {', '.join(wrong[:3])}{more}; " if len(wrong) > 1 else ", "
        parts.append(f"{len(wrong)} of {looked} {differ}{named}{said}")
    if wrong_pairs:
        pair, gap = wrong_pairs[0]
        alone = f"the rank correlation of {pair} differs"
        differ = alone if len(wrong_pairs) == 1 else f"{len(wrong_pairs)} rank correlations differ, most that of {pair}"
        parts.append(f"{differ}, by {ranged(gap['gap'], gap['low'], gap['high'])}")
    return "; ".join(parts) + paired


def _correlations(
    real: np.ndarray, fake: np.ndarray, rng: np.random.Generator, draws: int
) -> tuple[list[tuple[int, int]], list[dict[str, float]], np.ndarray]:
    """Pairs of columns, their rank correlations, and p-values of no difference in any pair, by permutation.

    Arguments:
        real, fake: [n, d] and [m, d].
    """
    from scipy import stats

    d, n = real.shape[1], len(real)
    first, second = np.tril_indices(d, -1)
    pairs = list(zip(first.tolist(), second.tolist(), strict=True))
    if not pairs:
        return [], [], np.empty(0)
    z = np.empty((n + len(fake), d), np.float32)
    for column in range(d):
        z[:, column] = _standardized(stats.rankdata(np.concatenate([real[:, column], fake[:, column]])))
    gaps, reach = [], normal(together(len(pairs)))
    for a, b in pairs:
        (r_real, se_real), (r_fake, se_fake) = (_correlation(side[:, a], side[:, b]) for side in (z[:n], z[n:]))
        error, gap = reach * math.hypot(se_real, se_fake), r_fake - r_real
        gaps.append({"real": r_real, "fake": r_fake, "gap": gap, "low": gap - error, "high": gap + error})
    drawn = [start + rng.permutation(size)[:MOST_ROWS] for start, size in ((0, n), (n, len(fake)))]
    z = z[np.concatenate(drawn)].astype(np.float64)
    real_rows = np.arange(min(n, MOST_ROWS))
    spread = np.array([_correlation(z[:, a], z[:, b])[1] for a, b in pairs])
    whole = z.T @ z, z.sum(0)

    def score(rows: np.ndarray) -> np.ndarray:
        """The size of each pair's difference between these rows and the others, in standard errors of a constant."""
        part = z[rows]
        product, total = part.T @ part, part.sum(0)
        sides = ((product, total, len(rows)), (whole[0] - product, whole[1] - total, len(z) - len(rows)))
        here, there = (_of_moments(*side)[first, second] for side in sides)
        return np.abs(here - there) / np.where(spread > 0, spread, np.inf)

    seen = score(real_rows)
    largest = np.sort([score(rng.permutation(len(z))[: len(real_rows)]).max() for _ in range(draws)])
    at_least = draws - np.searchsorted(largest, seen - 1e-9)
    return pairs, gaps, (1 + at_least) / (1 + draws)


def _of_moments(product: np.ndarray, total: np.ndarray, n: int) -> np.ndarray:
    """Correlations from sums of products [d, d] and sums [d]; 0 for a column that does not change."""
    covariance = product / n - np.outer(total, total) / n**2
    spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    spread = np.where(spread > 1e-9, spread, np.inf)
    return covariance / np.outer(spread, spread)


def _standardized(ranks: np.ndarray) -> np.ndarray:
    spread = ranks.std(0)
    return (ranks - ranks.mean(0)) / np.where(spread > 0, spread, 1)


def _correlation(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """The correlation of two columns [n], and its standard error; 0 of a column that does not change."""
    a, b = (_standardized(np.asarray(side, np.float64)) for side in (a, b))
    product = a * b
    r = float(product.mean())
    return r, float((product - r * (a**2 + b**2) / 2).std() / math.sqrt(len(a)))


def _claim(finding: Finding, figure: str) -> str:
    columns, pairs = (finding.figures.get(name, ()) for name in ("columns", "correlations"))
    wrong = sum(row["p_value"] <= finding.level for row in columns)
    pairwise = any(row["p_value"] <= finding.level for row in pairs)
    if not wrong:
        return "distorts how columns go together"
    return f"distorts {wrong} of {len(columns):,} columns{' and how columns go together' if pairwise else ''}"


def _suits(exam: Exam) -> bool:
    event = exam.subject.event
    return event.layout is Layout.VECTOR and len(event.shape) == 1


QUESTION = Question(
    name="marginals",
    title="Is each column, and each pair of columns, distributed as in the data?",
    method="Kolmogorov-Smirnov and Mann-Whitney tests of each column, and of its most extreme values whose they "
    "are, with Holm's correction over the columns; rank correlations of each pair, the largest difference against "
    "permuted labels. The two share the level.",
    measure="distance",
    weight=1,
    suits=_suits,
    ask=lambda exam, level: marginals(exam.subject, level, exam.seed),
    claim=_claim,
)
