"""The ends of a distribution, where tests of its bulk are blind: whose are the most extreme values?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from allmodes.audit.scan import few

LONGEST = 64
"""Most extreme values that are looked at, on either side."""


@dataclass(frozen=True)
class Ends:
    """What the most extreme values of two samples say of each other.

    Arguments:
        p_value: of all looks together.
        side: of the clearest look, "largest" or "smallest"; empty where all values are alike.
        values, real: how many values it took in, and how many of these are real.
        expected: how many would be by chance.
    """

    p_value: float
    side: str
    values: int
    real: int
    expected: float

    def said(self) -> str:
        """The clearest look in words."""
        return f"of the {self.values} {self.side} values {self.real} are real, by chance {self.expected:.0f}"


def tails(real: np.ndarray, fake: np.ndarray) -> Ends:
    r"""Whether the k largest and the k smallest values of both samples belong to real and fake as chance has it.

    If both samples come from one distribution, which of the k largest values are real is chance: their number is
    hypergeometric, of n + m values of which n are real. A tail that is never generated leaves all of them real, one
    that is too long all of them generated. All k up to 64 are looked at, on both sides and in both directions, with
    Bonferroni's correction; values that are equal come together, so that ties change nothing.

    Arguments:
        real, fake: [n] and [m].

    >>> x = np.arange(200.0)
    >>> tails(x, x[:180]).said()
    'of the 20 largest values 20 are real, by chance 11'
    """
    n, m = len(real), len(fake)
    looks = [look for side in ("largest", "smallest") for look in _looks(real, fake, side)]
    if not looks:
        return Ends(1.0, "", 0, 0, 0.0)
    chance, side, k, owned = min(looks)
    return Ends(min(1.0, len(looks) * chance), side, k, owned, k * n / (n + m))


def _looks(real: np.ndarray, fake: np.ndarray, side: str) -> Iterator[tuple[float, str, int, int]]:
    """For each k: the chance of so few real ones, or of so few generated ones, the side, k, and how many are real."""
    n, m = len(real), len(fake)
    values = np.concatenate((real, fake)) * (1 if side == "largest" else -1)
    longest = min(LONGEST + 1, len(values))
    first = np.argpartition(-values, longest - 1)[:longest]
    first = first[np.argsort(-values[first], kind="stable")]
    ends = np.flatnonzero(np.diff(values[first]))  # of a run of equal values, none of which lies beyond those looked at
    of_real = np.cumsum(first < n)[ends]
    of_fake = ends + 1 - of_real
    for chances in (few(of_real, of_fake, n, m), few(of_fake, of_real, m, n)):
        for k, owned, chance in zip(ends + 1, of_real, chances, strict=True):
            yield float(chance), side, int(k), int(owned)
