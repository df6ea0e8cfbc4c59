"""The classifier two-sample test: can generated examples be told from held-out ones at all?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from allmodes.audit.enough import FEWEST, too_few
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.intervals import normal
from allmodes.audit.question import Question
from allmodes.audit.sets import Sets
from allmodes.audit.wording import ranged

MOST = 10_000
"""Examples of each kind that are used, drawn by the seed."""
BLOCKS = (0.4, 0.6, 0.8, 1.0)
"""Where the examples are cut: the first part is only learned from, each further one is scored, then learned from."""
ROUNDS = 100
"""Of boosting: a tree each."""
SHOWN = 12
"""Examples of each kind that were told most surely."""
MOST_COLUMNS = 128
"""Features that trees look at; of more, as many random mixtures."""
INFORMS = 0.01
"""The level of a finding that only informs."""


def two_sample(sets: Sets, level: float, seed: int) -> Finding:
    r"""Whether a classifier tells generated from held-out examples better than a coin.

    Gradient-boosted trees learn from the first 40 % of both kinds and score the next 20 %, learn from 60 % and score
    the next 20 %, learn from 80 % and score the rest. The area under each block's ROC curve is

    .. math:: AUC = P(s(y) > s(x)) + \tfrac12 P(s(y) = s(x))

    for scores of a generated y and a held-out x; the estimate is the mean of the three. Whoever scored a block has seen
    earlier blocks alone. So, if both kinds have one distribution, each block's rank sum has, given all before it, the
    mean and the variance of Mann and Whitney, ties counted, and the sum of the three standard scores has variance 3.
    Ordinary cross-fitting has not: two parts score each other, what they share by chance counts twice, and the
    variance is up to twice as large as if they were independent.

    It says that something differs, neither what nor where, and it may be blind to a mode that is never generated.

    Arguments:
        sets: features; the floor is the same between training and held-out examples, or, where features were fitted to
            the training ones, between two halves of the held-out ones.
        level: at which it decides; 0: it informs, at 1 %.
        seed: of all draws.

    Returns:
        A finding whose estimate is the AUC: 0.5 if nothing can be told.

    References:
        Revisiting classifier two-sample tests (Lopez-Paz and Oquab, 2016), https://arxiv.org/abs/1610.06545
        Global and local two-sample tests via regression (Kim et al., 2019), https://arxiv.org/abs/1812.08927
        Comparing the areas under two or more correlated ROC curves (DeLong et al., 1988), equation 5
    """
    if short := too_few(sets, "two_sample", level, train=False):
        return short
    told = _tell(sets.real, sets.fake, seed)
    floor = _floor(sets, seed)
    found = told.p_value <= (level or INFORMS)
    low, high = (float(np.clip(told.auc + sign * normal() * told.error, 0, 1)) for sign in (-1, 1))
    beside = "" if floor is None else f"; real examples are told from real ones with {floor.auc:.3f}"
    sentence = f"a classifier tells generated from held-out examples with AUC {ranged(told.auc, low, high)}"
    return Finding(
        "two_sample",
        Verdict.FOUND if found else Verdict.NOT_FOUND,
        f"{sentence[0].upper()}{sentence[1:]}, where 0.5 is a coin{beside}.",
        estimate=told.auc,
        low=low,
        high=high,
        p_value=told.p_value,
        floor=None if floor is None else floor.auc,
        level=level,
        figures={
            "standard_error": told.error,
            "floor_p_value": None if floor is None else floor.p_value,
            "most_unlike_generated": [int(row) for row in sets.fake_rows[told.generated]] if found else [],
            "most_unlike_held_out": [int(row) for row in sets.real_rows[told.held_out]] if found else [],
        },
    )


@dataclass(frozen=True, eq=False)
class _Told:
    """How well two kinds are told apart, and the rows of each that were told most surely."""

    auc: float
    error: float
    p_value: float
    held_out: np.ndarray
    generated: np.ndarray


def _floor(sets: Sets, seed: int) -> _Told | None:
    if sets.trained:
        return _tell(sets.real, sets.train, seed) if len(sets.train) >= FEWEST else None
    first, second = np.array_split(np.random.default_rng(seed).permutation(len(sets.real)), 2)
    return _tell(sets.real[first], sets.real[second], seed) if len(second) >= FEWEST else None


def _tell(real: np.ndarray, other: np.ndarray, seed: int) -> _Told:
    rng = np.random.default_rng(seed)
    kinds = []
    for x in (real, other):
        order = rng.permutation(len(x))[:MOST]
        kinds.append(np.split(order, [round(share * len(order)) for share in BLOCKS[:-1]]))
    mix = _mixtures(real.shape[1], rng)
    columns = [x if mix is None else x @ mix for x in (real, other)]
    areas, variances, normals, scored = [], [], [], ([], [])
    for block in range(1, len(BLOCKS)):
        seen = [np.concatenate(kind[:block]) for kind in kinds]
        classifier = _learn(columns[0][seen[0]], columns[1][seen[1]], seed)
        scores = [classifier.decision_function(x[kind[block]]) for x, kind in zip(columns, kinds, strict=True)]
        area, variance, normal = area_under_curve(*scores)
        areas.append(area)
        variances.append(variance)
        normals.append(normal)
        for sure, kind, score in zip(scored, kinds, scores, strict=True):
            sure.append(np.stack([kind[block], score]))
    held, made = (np.concatenate(part, 1) for part in scored)
    return _Told(
        float(np.mean(areas)),
        math.sqrt(sum(variances)) / len(areas),
        0.5 * math.erfc(sum(normals) / math.sqrt(2 * len(normals))),
        held[0, np.argsort(held[1])[:SHOWN]].astype(np.int64),
        made[0, np.argsort(-made[1])[:SHOWN]].astype(np.int64),
    )


def _mixtures(d: int, rng: np.random.Generator) -> np.ndarray | None:
    if d <= MOST_COLUMNS:
        return None
    return (rng.standard_normal((d, MOST_COLUMNS)) / math.sqrt(d)).astype(np.float32)


def _learn(real: np.ndarray, other: np.ndarray, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    x = np.concatenate((real, other))
    y = np.arange(len(x)) >= len(real)
    return HistGradientBoostingClassifier(
        max_iter=ROUNDS, max_leaf_nodes=15, l2_regularization=1.0,
        random_state=seed,
    ).fit(x, y)  # fmt: skip


def area_under_curve(real: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    r"""The chance that another's score lies above a real one's, from scores [n] and [m].

    Returns:
        the area; its variance (DeLong); its distance from one half in standard deviations of equal distributions

        .. math:: \sigma_0^2 = \frac{N + 1}{12 n m} \left(1 - \frac{\sum_t (t^3 - t)}{N^3 - N}\right)

        with N = n + m and t scores in each tie.
    """
    from scipy.stats import rankdata

    n, m = len(real), len(other)
    ranks = rankdata(np.concatenate((real, other)))
    below_real = (ranks[:n] - rankdata(real)) / m  # share of the others below each real one
    below_other = (ranks[n:] - rankdata(other)) / n
    area = float(below_other.mean())
    ties = np.unique(ranks, return_counts=True)[1].astype(np.float64)
    whole = n + m
    null = (whole + 1) / (12 * n * m) * (1 - float((ties**3 - ties).sum()) / (whole**3 - whole))
    variance = float(below_real.var(ddof=1) / n + below_other.var(ddof=1) / m)
    return area, variance, (area - 0.5) / math.sqrt(null) if null > 0 else 0.0


QUESTION = Question(
    name="two_sample",
    title="Can a classifier tell its samples from the data?",
    method="A classifier learns to tell generated from held-out examples and is tried on examples that it did not "
    "learn from; 0.5 is chance.",
    measure="AUC",
    weight=1,
    labels={"floor_p_value": "p-value between real examples"},
    planted=True,
    ask=lambda exam, level: two_sample(exam.sets, level, exam.seed),
    claim=lambda found, figure: f"is told from the data by a classifier (AUC {figure})",
)
