"""What findings and the self-test say of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.selftest import SelfTest
from allmodes.audit.subject import Subject
from allmodes.shares import percent


def in_context(findings: Sequence[Finding], subject: Subject, tested: SelfTest | None) -> tuple[Finding, ...]:
    """The findings, of which the one for what is missing knows of the others."""
    labels_tell = subject.real.labels is not None and any(
        one.name == "frequencies" and one.verdict is Verdict.FOUND for one in findings
    )
    return tuple(_missing(one, tested, labels_tell) if one.name == "missing" else one for one in findings)


def _missing(finding: Finding, tested: SelfTest | None, labels_tell: bool) -> Finding:
    """Where groups that were left out on purpose are not seen, that nothing is missing was not found either.

    Arguments:
        labels_tell: whether classes are found at other rates, which regions know nothing of.
    """
    verdict, summary = finding.verdict, finding.summary
    if verdict is Verdict.NOT_FOUND and tested is not None and tested.blind:
        verdict = Verdict.CANNOT_TELL
        summary = f"whether a part of the data is missing cannot be told: {tested.sentence}; give other features"
    if verdict is not Verdict.FOUND and labels_tell:
        summary += "; labels are not looked at here: see frequencies"
    return replace(finding, verdict=verdict, summary=summary)


def hidden(findings: Sequence[Finding], tested: SelfTest | None) -> str:
    """What could be there and not be seen, in half a sentence; empty where nothing is known of that."""
    missing = next((one for one in findings if one.name == "missing"), None)
    smallest = missing.figures.get("could_hide") if missing and not (tested and tested.blind) else None
    said = []
    if smallest is not None and smallest < 1:
        said.append(f"a mode that stands apart, of less than {percent(smallest)} of the data, could be missing unseen")
    elif smallest is not None:
        said.append("with so few examples a mode of any size could be missing unseen")
    if tested is not None:
        said.append(tested.sentence)
    return "; ".join(said)
