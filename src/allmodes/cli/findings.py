"""What an audit found, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from allmodes.audit.api import Audit
from allmodes.audit.finding import Verdict
from allmodes.audit.questions import of
from allmodes.audit.report import by_weight
from allmodes.audit.wording import LIMIT, answer, limit, p_value, spoken

COLOURS = {Verdict.FOUND: "red", Verdict.NOT_FOUND: "green", Verdict.CANNOT_TELL: "yellow"}


def summary(audit: Audit, *, self_test: bool) -> Iterator[Any]:
    """The verdict, the findings by weight, what was said of those found; the self-test where it was asked for."""
    from rich.text import Text

    colour = {"pass": "green", "fail": "red", "cannot tell": "yellow"}[audit.answer]
    yield Text.assemble((audit.answer, f"bold {colour}"), f": {audit.said.plain}")
    yield _table(audit)
    for finding in by_weight(audit.findings):
        if finding.verdict is Verdict.FOUND:
            yield f"{spoken(finding.name)}: {finding.summary}"
    for note in audit.subject.notes:
        yield f"note: {note}"
    if self_test and audit.self_test is not None:
        from allmodes.tables import table

        keys = ("planted", "of the data", "seen by, of trials", "seen in", "trials")
        yield audit.self_test.how
        yield table([dict(zip(keys, row, strict=True)) for row in audit.self_test.rows()], keys)


def _table(audit: Audit) -> Any:
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("question", "answer", "p-value", LIMIT, "figure", "interval", "floor"):
        made.add_column(name, no_wrap=name == "question")
    for finding in by_weight(audit.findings):
        question = of(finding)
        made.add_row(
            spoken(finding.name),
            Text(answer(finding), style=COLOURS[finding.verdict]),
            p_value(finding.p_value),
            limit(finding),
            question.figure(finding),
            question.interval(finding),
            question.number(finding.floor),
        )
    return made
