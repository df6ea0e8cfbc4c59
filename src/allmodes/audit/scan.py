"""Regions that one of two samples avoids: exact tests a region, and the largest of many by permutation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from allmodes.audit.regions import Cover

DRAWS = 999
"""Permutations, where the level does not ask for more (`draws_for`)."""


@dataclass(frozen=True, eq=False)
class Scanned:
    """What a scan found.

    Arguments:
        score: log p-value of each region over its weight, [regions]; small where it is avoided.
        p_value: of each region, corrected for the number of regions, [regions].
    """

    score: np.ndarray
    p_value: np.ndarray

    @property
    def least(self) -> float:
        """The p-value of the whole scan."""
        return float(self.p_value.min())


def draws_for(level: float, least: int = DRAWS) -> int:
    """How many permutations a test at this level needs: the smallest p-value they give is at most half of the level.

    >>> draws_for(0.05), draws_for(0.001)
    (999, 1999)
    """
    return max(least, math.ceil(2 / level) - 1) if level > 0 else least


def few(avoiding: np.ndarray, other: np.ndarray, n_avoiding: int, n_other: int) -> np.ndarray:
    r"""Chance that so few of the examples in a region come from one sample, when both come from one distribution.

    Fisher's exact test, one-sided: of t examples in the region, X come from the sample that may avoid it,

    .. math:: P(X \le x), \quad P(X = i) = \binom{n}{i} \binom{m}{t - i} / \binom{n + m}{t}

    Arguments:
        avoiding, other: counts in regions, of equal shape.
        n_avoiding, n_other: sizes of the samples.

    >>> few(np.array([0, 3]), np.array([3, 3]), 10, 10).round(3).tolist()
    [0.105, 0.686]
    """
    from scipy.stats import hypergeom

    return hypergeom.cdf(avoiding, n_avoiding + n_other, avoiding + other, n_avoiding)


def unequal(one: np.ndarray, other: np.ndarray, n_one: int, n_other: int) -> np.ndarray:
    """Chance of counts so unequal, by Fisher's exact test, two-sided: the smaller of the two sides, doubled.

    Arguments:
        one, other: counts in regions, of equal shape.
        n_one, n_other: sizes of the samples.

    >>> unequal(np.array([0, 3]), np.array([3, 3]), 10, 10).round(3).tolist()
    [0.211, 1.0]
    """
    return np.minimum(1.0, 2 * np.minimum(few(one, other, n_one, n_other), few(other, one, n_other, n_one)))


def holm(p_values: np.ndarray) -> np.ndarray:
    """P-values corrected for their number, so that the chance of any false one below alpha is at most alpha.

    References:
        A simple sequentially rejective multiple test procedure (Holm, 1979), https://www.jstor.org/stable/4615733

    >>> holm(np.array([0.01, 0.04, 0.03])).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values)
    steps = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(steps, 1.0)
    return corrected


def scan(
    regions: Cover, avoiding: np.ndarray, other: np.ndarray, rng: np.random.Generator, draws: int = DRAWS
) -> Scanned:
    r"""Test every region at once.

    .. math:: T = \min_j \log p_j - \log w_j

    with Fisher's p and the weights of the regions; its distribution when the labels of the two samples are permuted is
    known without any approximation, because neither regions nor weights depend on the samples. The counts in disjoint
    atoms are then multivariate hypergeometric, and are drawn as such.

    Arguments:
        avoiding: atom of each example of the sample that may avoid regions, [n].
        other: of the other sample, [m].

    References:
        A spatial scan statistic (Kulldorff, 1997), https://doi.org/10.1080/03610929708831995
        Resampling-based multiple testing (Westfall and Young, 1993), the single-step min-P procedure
    """
    n, m, atoms = len(avoiding), len(other), len(regions.inside)
    seen = np.bincount(avoiding, minlength=atoms)
    whole = seen + np.bincount(other, minlength=atoms)
    drawn = rng.multivariate_hypergeometric(whole, n, size=draws, method="marginals")
    counts = regions.sums(np.vstack((seen, drawn)))
    scores = _log_p(counts, regions.sums(whole), n, m) - np.log(regions.weight)
    least = np.sort(scores[1:].min(1))
    p_value = (1 + np.searchsorted(least, scores[0] + 1e-9, side="right")) / (draws + 1)
    # Where no permutation comes near what is seen, Bonferroni's bound says how far out it is.
    beyond = p_value <= 1 / (draws + 1)
    return Scanned(scores[0], np.where(beyond, np.minimum(p_value, np.exp(scores[0])), p_value))


def _log_p(counts: np.ndarray, whole: np.ndarray, n: int, m: int) -> np.ndarray:
    """The logarithm of `few` of many draws, [draws, regions], by a table for each region: scipy's takes minutes."""
    factorial = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, n + m + 1)))))
    log_p = np.empty(counts.shape)
    for region, total in enumerate(whole):
        x = np.arange(max(0, total - m), min(total, n) + 1)
        mass = factorial[n] - factorial[x] - factorial[n - x]
        mass += factorial[m] - factorial[total - x] - factorial[m - total + x]
        mass += factorial[total] + factorial[n + m - total] - factorial[n + m]
        log_p[:, region] = np.logaddexp.accumulate(mass)[counts[:, region] - x[0]]
    return np.minimum(log_p, 0.0)
