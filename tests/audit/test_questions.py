"""The list of questions: none is left out, and each says what reports need."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import numpy as np
import pytest

import allmodes.audit
from allmodes.audit.exam import Exam, prepare
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.inputs import subject_of
from allmodes.audit.question import Question
from allmodes.audit.questions import NAMES, QUESTIONS, of, questions
from allmodes.audit.verdict import claim


def test_every_file_with_a_question_is_in_the_list() -> None:
    files = [import_module(f"allmodes.audit.{found.name}") for found in pkgutil.iter_modules(allmodes.audit.__path__)]
    defined = {file.QUESTION.name for file in files if hasattr(file, "QUESTION")}
    assert sorted(defined) == sorted(question.name for question in QUESTIONS)


def test_no_two_questions_have_a_finding_of_one_name() -> None:
    names = [name for question in QUESTIONS for name in question.names]
    assert list(NAMES) == names


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_a_question_has_words_for_a_report_and_claims_something_where_it_decides(question: Question) -> None:
    assert question.figures or (question.title.endswith("?") and question.method.endswith(".") and question.measure)
    found = Finding(question.names[0], Verdict.FOUND, "", estimate=0.5, low=0.25, high=0.75)
    assert ("differs in" in claim(found)) == (question.weight == 0)


def test_findings_are_those_that_the_questions_name() -> None:
    rng = np.random.default_rng(0)
    subject = subject_of(*(rng.standard_normal((n, 2)).astype(np.float32) for n in (200, 300, 200)))
    exam = Exam(*prepare(subject, "identity", 0, "cpu"))
    for name, question in questions(exam).items():
        found = question.findings(exam, 0.01)
        assert tuple(one.name for one in found) == question.names
        assert {of(one).name for one in found} == {name}


@pytest.mark.parametrize("image", [False, True])
def test_with_too_few_examples_every_question_says_so_in_the_same_words(image: bool) -> None:
    rng = np.random.default_rng(0)
    sides = {
        side: rng.standard_normal((15, 4, 4) if image else (15, 4)).astype(np.float32)
        for side in ("real", "fake", "train")
    }
    subject = subject_of(
        **sides,
        labels=dict.fromkeys(sides, np.arange(15) % 2),
        conditions={side: rng.standard_normal((15, 1)).astype(np.float32) for side in sides},
    )
    given = {"sum": lambda x: x.reshape(len(x), -1).sum(1)}
    exam = Exam(*prepare(subject, "identity", 0, "cpu"), given, given)
    for question in questions(exam).values():
        for found in question.findings(exam, 0.01):
            assert found.verdict is Verdict.CANNOT_TELL
            assert "examples are too few to tell; at least " in found.summary
