"""The ends of a distribution, where tests of its bulk are blind: whose are the most extreme values?"""

from __future__ import annotations

import numpy as np

from allmodes.audit.scan import few

LONGEST = 64
"""Most extreme values that are looked at, on either side."""


def tails(real: np.ndarray, fake: np.ndarray) -> float:
    r"""P-value of the k largest and the k smallest values of both samples belonging to real and fake as chance has it.

    If both samples come from one distribution, which of the k largest values are real is chance: their number is
    hypergeometric, of n + m values of which n are real. A tail that is never generated leaves all of them real, one
    that is too long all of them generated. All k up to 64 are looked at, on both sides and in both directions, with
    Bonferroni's correction; values that are equal come together, so that ties change nothing.

    Arguments:
        real, fake: [n] and [m].

    >>> x = np.arange(200.0)
    >>> tails(x, x[:180]) < 1e-3, tails(x[::2], x[1::2]) > 0.5
    (True, True)
    """
    n, m = len(real), len(fake)
    values, is_real = np.concatenate((real, fake)), np.arange(n + m) < n
    chances = [chance for side in (values, -values) for chance in _owned(side, is_real, n, m)]
    return min(1.0, len(chances) * float(min(chances))) if chances else 1.0


def _owned(values: np.ndarray, is_real: np.ndarray, n: int, m: int) -> np.ndarray:
    """For each k: the chance of so few real ones among the k largest values, then that of so few generated ones."""
    longest = min(LONGEST + 1, len(values))
    first = np.argpartition(-values, longest - 1)[:longest]
    first = first[np.argsort(-values[first], kind="stable")]
    ends = np.flatnonzero(np.diff(values[first]))  # of a run of equal values, none of which lies beyond those looked at
    of_real = np.cumsum(is_real[first])[ends]
    of_fake = ends + 1 - of_real
    return np.concatenate((few(of_real, of_fake, n, m), few(of_fake, of_real, m, n)))
