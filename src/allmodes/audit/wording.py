"""How an audit speaks to people: answers in a word or two, numbers as they are read, lists in a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence

from allmodes.audit.finding import Finding, Verdict
from allmodes.shares import percent

_ANSWERS = {Verdict.FOUND: "found", Verdict.NOT_FOUND: "not found", Verdict.CANNOT_TELL: "cannot tell"}
_DIFFERS = {Verdict.FOUND: "differs", Verdict.NOT_FOUND: "", Verdict.CANNOT_TELL: "cannot tell"}


def answer(finding: Finding) -> str:
    """In a word or two; of a figure that informs, whether it is off from its floor, or nothing."""
    return (_ANSWERS if finding.decides else _DIFFERS)[finding.verdict]


def number(value: float | None, share: bool = False) -> str:
    """A figure for a table; an empty string where there is none."""
    if value is None:
        return ""
    return percent(value) if share else f"{value:.3g}"


def rounded(value: float, low: float, high: float) -> tuple[str, str, str]:
    """A figure and its interval, to two digits of its error.

    >>> rounded(0.425, 0.35561, 0.49442), rounded(1234.5, 1100.2, 1400.7), rounded(0.0, 0.0, 0.0)
    (('0.425', '0.356', '0.494'), ('1230', '1100', '1400'), ('0', '0', '0'))
    >>> rounded(-0.001, -0.3, 0.298), rounded(1.01331e14, 9.4930e13, 1.07732e14)
    (('0', '-0.30', '0.30'), ('1.013e+14', '9.49e+13', '1.077e+14'))
    """
    error = (high - low) / 2
    if not 0 < error < math.inf:
        return f"{value:.3g}", f"{low:.3g}", f"{high:.3g}"
    digits = 1 - math.floor(math.log10(error))

    def said(one: float) -> str:
        near = round(one, digits) + 0.0
        if not near:
            return "0"
        if abs(near) >= 1e-4 and error < 1e5:
            return f"{near:.{max(0, digits)}f}"
        return f"{near:.{max(0, math.floor(math.log10(abs(near))) + digits)}e}"

    return said(value), said(low), said(high)


def ranged(value: float, low: float, high: float) -> str:
    """`rounded` in a sentence: "0.425 [0.356, 0.494]"."""
    near, lowest, highest = rounded(value, low, high)
    return f"{near} [{lowest}, {highest}]"


def spoken(name: str) -> str:
    """A name of a question or a figure for people."""
    return name.replace("_", " ")


def p_value(p: float | None) -> str:
    """A p-value for a table.

    >>> p_value(0.04321), p_value(1e-9), p_value(None)
    ('0.043', '< 0.0001', '')
    """
    if p is None:
        return ""
    return "< 0.0001" if p < 1e-4 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


LIMIT = "found if p ≤"
"""Heading of what `limit` gives."""


def limit(finding: Finding) -> str:
    """Up to which p-value a question is answered "found", for a table."""
    return f"{finding.level:.2g}" if finding.decides else "informs"


def joined(parts: Sequence[str]) -> str:
    """Words as a list in a sentence.

    >>> joined(["a"]), joined(["a", "b"]), joined(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
