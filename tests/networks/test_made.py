"""MADE's masks: which unit may see what."""

from __future__ import annotations

from allmodes.networks.made import _draw


def test_units_are_cut_off_from_none_that_they_need_and_the_last_number_sees_all_others() -> None:
    _, degrees = _draw(10, (4, 200), 50, 1)
    first, second = degrees.split((4, 200), 1)
    assert (second.min(1).values >= first.min(1).values).all()
    assert degrees.max() == 8
