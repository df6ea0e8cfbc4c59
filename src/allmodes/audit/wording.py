"""How an audit speaks to people: answers in a word or two, numbers as they are read, lists in a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence

from allmodes.audit.finding import Finding, Verdict

_ANSWERS = {Verdict.FOUND: "found", Verdict.NOT_FOUND: "not found", Verdict.CANNOT_TELL: "cannot tell"}
_DIFFERS = {Verdict.FOUND: "differs", Verdict.NOT_FOUND: "", Verdict.CANNOT_TELL: "cannot tell"}


def answer(finding: Finding) -> str:
    """In a word or two; of a figure that informs, whether it is off from its floor, or nothing."""
    return (_ANSWERS if finding.decides else _DIFFERS)[finding.verdict]


def percent(share: float) -> str:
    """A share as people read it, with no more digits than it needs.

    >>> percent(0.1234), percent(0.0123), percent(0.00071), percent(1.0)
    ('12.3 %', '1.2 %', '0.071 %', '100 %')
    """
    value = 100 * share
    digits = 0 if abs(value) >= 99.95 or value == 0 else 1 if abs(value) >= 1 else 2 if abs(value) >= 0.1 else 3
    return f"{value:.{digits}f} %"


def percents(share: float, low: float, high: float) -> str:
    """A share with its interval.

    >>> percents(0.159, 0.1234, 0.2)
    '15.9 % [12.3, 20.0]'
    """
    return f"{percent(share)} [{percent(low).removesuffix(' %')}, {percent(high).removesuffix(' %')}]"


def number(value: float | None, share: bool = False) -> str:
    """A figure for a table; an empty string where there is none."""
    if value is None:
        return ""
    return percent(value) if share else f"{value:.3g}"


def ranged(value: float, low: float, high: float) -> str:
    """A figure with its interval, to two digits of its error.

    >>> ranged(0.425, 0.35561, 0.49442), ranged(1234.5, 1100.2, 1400.7), ranged(0.0, 0.0, 0.0)
    ('0.425 [0.356, 0.494]', '1234 [1100, 1401]', '0 [0, 0]')
    """
    error = (high - low) / 2
    if not 0 < error < math.inf or error < 1e-5:
        return f"{value:.3g} [{low:.3g}, {high:.3g}]"
    digits = max(0, 1 - math.floor(math.log10(error)))
    said = [f"{one:.{digits}f}" if one else "0" for one in (value, low, high)]
    return f"{said[0]} [{said[1]}, {said[2]}]"


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
