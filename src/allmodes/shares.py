"""Shares as people read them."""

from __future__ import annotations


def percent(share: float) -> str:
    """A share as people read it, with no more digits than it needs.

    >>> percent(0.1234), percent(0.0123), percent(0.00071), percent(1.0), percent(1e-7)
    ('12.3 %', '1.2 %', '0.071 %', '100 %', '< 0.001 %')
    """
    value = 100 * share
    if 0 < abs(value) < 0.0005:
        return "< 0.001 %" if value > 0 else "> -0.001 %"
    digits = 0 if abs(value) >= 99.95 or value == 0 else 1 if abs(value) >= 0.995 else 2 if abs(value) >= 0.0995 else 3
    return f"{value:.{digits}f} %"


def span(low: float, high: float) -> str:
    """From one share to another.

    >>> span(0.1234, 0.2)
    '12.3 to 20.0 %'
    """
    return f"{percent(low).removesuffix(' %')} to {percent(high)}"


def percents(share: float, low: float, high: float) -> str:
    """A share with its interval.

    >>> percents(0.159, 0.1234, 0.2)
    '15.9 % [12.3, 20.0]'
    """
    return f"{percent(share)} [{percent(low).removesuffix(' %')}, {percent(high).removesuffix(' %')}]"
