"""All questions of an audit, in the order in which they are asked, listed and told."""

from __future__ import annotations

from allmodes.audit import (
    conditions,
    copies,
    distances,
    frequencies,
    invented,
    log_density,
    marginals,
    missing,
    observables,
    overlap,
    pixels,
    residuals,
    spacing,
    two_sample,
)
from allmodes.audit.exam import Exam
from allmodes.audit.finding import Finding
from allmodes.audit.question import Question

QUESTIONS: tuple[Question, ...] = (
    missing.QUESTION,
    invented.QUESTION,
    copies.QUESTION,
    spacing.QUESTION,
    frequencies.QUESTION,
    observables.QUESTION,
    residuals.QUESTION,
    conditions.QUESTION,
    marginals.QUESTION,
    pixels.QUESTION,
    two_sample.QUESTION,
    log_density.QUESTION,
    distances.QUESTION,
    overlap.QUESTION,
)
NAMES = {name: question for question in QUESTIONS for name in question.names}
"""Of findings, in the same order: whose answers they are."""


def questions(exam: Exam) -> dict[str, Question]:
    """What is asked, by name."""
    return {question.name: question for question in QUESTIONS if question.suits(exam)}


def of(finding: Finding) -> Question:
    """Whose answer a finding is."""
    return NAMES[finding.name]
