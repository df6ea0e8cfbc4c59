"""Tables for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from allmodes.shares import percent, percents

if TYPE_CHECKING:
    from allmodes.training.study import Study


def table(rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> Table:
    """Rows under the names of their keys."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for key in keys:
        made.add_column(key, no_wrap=key == keys[0])
    for row in rows:
        made.add_row(*(str(row.get(key, "")) for key in keys))
    return made


def study_table(studies: Sequence[Study]) -> Table:
    """One line a study: medians with their range over the seeds, and the share of seeds that collapsed."""
    rows = []
    for study in studies:
        low, high = study.interval
        rows.append(
            {
                "recipe": study.recipe,
                "data": study.data,
                "seeds": len(study.findings),
                "modes captured": spread(study.values("modes"), "{:g}".format),
                "high quality": spread(study.values("high_quality"), percent),
                "reverse KL": spread(study.values("reverse_kl"), "{:.3f}".format),
                "missing mass": spread(study.values("missing_mass"), percent),
                "collapsed": percents(study.collapsed, low, high),
                "seconds": f"{study.seconds:.0f}",
            }
        )
    return table(rows, [key for key in rows[0] if any(row[key] for row in rows)])


def spread(values: Sequence[float] | None, form: Callable[[float], str]) -> str:
    """Median, smallest and largest of the numbers that are finite: "8 (7 to 8)"; empty where there are none."""
    known = sorted(value for value in values or () if math.isfinite(value))
    if not known:
        return ""
    half = len(known) // 2
    median = known[half] if len(known) % 2 else (known[half - 1] + known[half]) / 2
    if known[0] == known[-1]:
        return form(median)
    return f"{form(median)} ({form(known[0])} to {form(known[-1])})"
