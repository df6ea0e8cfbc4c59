"""How the level of an audit is shared over its findings, so that all together cry wolf in at most alpha of the runs."""

from __future__ import annotations

from collections.abc import Iterable

from allmodes.audit.questions import QUESTIONS
from allmodes.errors import UserError

SHARES = {question.name: question.weight for question in QUESTIONS if question.weight}
"""Parts of alpha of the findings that decide; what is not named here informs and never decides."""
LEAST = 1e-3
"""The number of permutations grows with 1 / alpha."""


def levels(alpha: float, asked: Iterable[str]) -> dict[str, float]:
    r"""The level of each finding, by a weighted Bonferroni inequality.

    .. math:: P(\text{any false alarm}) \le \sum_f \alpha_f = \alpha, \quad \alpha_f = \alpha w_f / \sum_g w_g

    The sum runs over the findings that are asked for: one that cannot be asked (copies without the training set)
    leaves its part to the others. Which are asked must not depend on what they would answer.

    Arguments:
        alpha: chance that an audit of a healthy generator raises any alarm.
        asked: names of the findings.

    Returns:
        The level of each of them; 0 where it does not decide.

    Raises:
        UserError: for an alpha that is no probability.

    >>> levels(0.05, ["missing", "invented", "spacing", "distances"])
    {'missing': 0.025, 'invented': 0.0125, 'spacing': 0.0125, 'distances': 0.0}
    """
    if not 0 < alpha < 1:
        raise UserError(f"alpha={alpha}: the chance of a false alarm must lie between 0 and 1; 0.05 is usual")
    if alpha < LEAST:
        raise UserError(f"alpha={alpha}: tests by permutation cannot go below {LEAST:g}; give at least that")
    names = list(dict.fromkeys(asked))
    whole = sum(SHARES.get(name, 0) for name in names)
    return {name: alpha * SHARES.get(name, 0) / max(whole, 1) for name in names}
