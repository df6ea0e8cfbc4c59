"""The verdict of an audit in one sentence: what was found, by what, and what could hide."""

from __future__ import annotations

from collections.abc import Sequence

from allmodes.audit.enough import FEWEST
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.questions import of
from allmodes.audit.wording import joined


def claim(finding: Finding) -> str:
    """What a finding that was found says of the generator, as the end of a sentence: "misses 12 % of the data"."""
    question = of(finding)
    figure = question.number(finding.estimate)
    if finding.low is not None and finding.high is not None and figure:
        ends = (question.number(end).removesuffix(" %") for end in (finding.low, finding.high))
        figure = f"{figure} [{', '.join(ends)}]"
    return question.claim(finding, figure)


def sentence(
    findings: Sequence[Finding],
    *,
    features: str,
    n_real: int,
    n_fake: int,
    alpha: float,
    enough: bool,
    blind: bool,
    hides: str,
) -> str:
    """The verdict in one sentence: what was found, in which features, from how many examples, and what could hide.

    Arguments:
        enough: whether there are enough examples to test anything.
        blind: whether the features show no group that is left out.
    """
    basis = f"{n_real:,} held-out and {n_fake:,} generated examples in {features}"
    found = [finding for finding in findings if finding.decides and finding.verdict is Verdict.FOUND]
    if found:
        claims = joined([claim(one) for one in found])
        return f"The generator {claims}, judged by {basis} at level {100 * alpha:g} %; {hides}."
    if not enough:
        return f"Cannot tell: {basis} are too few to test anything; give at least {FEWEST} of each, better thousands."
    if blind:
        return f"Cannot tell: no fault was found in {basis} at level {100 * alpha:g} %, but {hides}."
    return f"No fault was found in {basis} at level {100 * alpha:g} %; {hides}."
