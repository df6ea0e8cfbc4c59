"""Intervals of shares and of their differences, and how large a fault can hide."""

from __future__ import annotations

import math

import numpy as np


def together(looks: int, confidence: float = 0.95) -> float:
    """The confidence of each of so many intervals of which all hold at this one, by Bonferroni's inequality.

    The clearest of many looks is one that chance has made clear: an interval that is right of a look chosen before
    misses the truth of it.

    >>> together(10)
    0.995
    """
    return 1 - (1 - confidence) / max(1, looks)


def normal(confidence: float = 0.95) -> float:
    """Standard errors to each side of a normal interval.

    >>> round(normal(), 2)
    1.96
    """
    from scipy.special import ndtri

    return float(ndtri((1 + confidence) / 2))


def share(count: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact interval of a binomial share that is seen `count` times in n.

    References:
        The use of confidence or fiducial limits (Clopper and Pearson, 1934), https://doi.org/10.1093/biomet/26.4.404

    >>> [round(bound, 4) for bound in share(0, 100)]
    [0.0, 0.0362]
    """
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = float(betaincinv(count, n - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, n - count, 1 - tail)) if count < n else 1.0
    return low, high


def difference(first: int, n: int, second: int, m: int, confidence: float = 0.95) -> tuple[float, float]:
    r"""An interval of p - q, for shares p, q of two independent samples that are seen in `first` of n, `second` of m.

    .. math:: \hat p - \hat q - \sqrt{(\hat p - l_p)^2 + (u_q - \hat q)^2}, \quad
              \hat p - \hat q + \sqrt{(u_p - \hat p)^2 + (\hat q - l_q)^2}

    Newcombe's square-and-add with exact limits l, u of each share in place of Wilson's. Adding the two errors instead
    of their squares, at half the level each, gives intervals that are half as wide again.

    References:
        Interval estimation for the difference between independent proportions (Newcombe, 1998), method 10,
        https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8%3C873::AID-SIM779%3E3.0.CO;2-I
    """
    p, q = first / n, second / m
    (low_p, high_p), (low_q, high_q) = share(first, n, confidence), share(second, m, confidence)
    return p - q - math.hypot(p - low_p, high_q - q), p - q + math.hypot(high_p - p, q - low_q)


def could_hide(n: int, m: int, level: float = 0.05, looks: int = 200, power: float = 0.9) -> float:
    r"""The smallest share of the data that, never generated, is found with this power.

    A region that holds X of n held-out and none of m generated examples is found at level / looks when

    .. math:: P(0) = \binom{n}{X} / \binom{n + m}{X} \le level / looks, \quad X \sim Bin(n, share)

    Arguments:
        n, m: held-out and generated examples.
        level: of all looks together.
        looks: how many regions are tested.

    Returns:
        A share; 1.0 where not even everything would be found.

    >>> round(100 * could_hide(1000, 5000), 2)
    0.8
    """
    from scipy.special import betaincinv, gammaln

    x = np.arange(n + 1)
    log_p = gammaln(n + 1) - gammaln(n - x + 1) - gammaln(n + m + 1) + gammaln(n + m - x + 1)
    enough = np.flatnonzero(log_p <= math.log(level / looks))
    if not len(enough):
        return 1.0
    least = int(enough[0])
    return float(betaincinv(least, n - least + 1, power))
