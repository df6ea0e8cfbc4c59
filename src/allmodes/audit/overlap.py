"""Precision, recall, density and coverage, by exact neighbours or by approximate ones."""

from __future__ import annotations

from allmodes.audit.approximate import approximate_coverage
from allmodes.audit.coverage import TITLES, coverage
from allmodes.audit.exam import Exam
from allmodes.audit.finding import Finding
from allmodes.audit.floors import drawn
from allmodes.audit.question import Question


def _ask(exam: Exam, level: float) -> tuple[Finding, ...]:
    if exam.neighbours == "approximate":
        return approximate_coverage(exam.sets, exam.seed, device=exam.device)
    return coverage(drawn(exam.sets, exam.seed), exam.seed, device=exam.device)


QUESTION = Question(name="overlap", figures=TITLES, ask=_ask)
