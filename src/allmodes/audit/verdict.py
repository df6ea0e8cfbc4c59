"""The verdict of an audit: what was found, by what, and what could hide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.questions import of
from allmodes.audit.wording import joined


def claim(finding: Finding) -> str:
    """What a finding that was found says of the generator, as the end of a sentence: "misses 12 % of the data"."""
    question = of(finding)
    return question.claim(finding, question.ranged(finding))


def claims(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Those of the findings that decide and were found."""
    return tuple(claim(one) for one in findings if one.decides and one.verdict is Verdict.FOUND)


@dataclass(frozen=True)
class Said:
    """The verdict in parts, of which a sentence is made, and the head of a report.

    Arguments:
        claims: what the generator does wrong, as ends of a sentence.
        lacking: which examples are too few to tell.
        blind: whether the features show no group that is left out.
        basis: what it was judged from.
        hides: what could be there and not be seen, in half a sentence; empty where that was not computed.
    """

    claims: tuple[str, ...]
    lacking: tuple[str, ...]
    blind: bool
    basis: str
    hides: str

    @property
    def undecided(self) -> bool:
        """Whether nothing was found and nothing could be."""
        return not self.claims and bool(self.lacking or self.blind)

    @property
    def judged(self) -> bool:
        """Whether there were examples enough to judge from, or something was found all the same."""
        return bool(self.claims) or not self.lacking

    @property
    def headline(self) -> str:
        """The verdict in a line."""
        if self.claims:
            count = len(self.claims)
            return "1 fault was found" if count == 1 else f"{count} faults were found"
        if self.lacking:
            return "There are too few examples"
        return "No fault was found, but some could not have been seen" if self.blind else "No fault was found"

    @property
    def items(self) -> tuple[str, ...]:
        """What stands below that line, an item each."""
        return self.claims or self.lacking

    @property
    def plain(self) -> str:
        """The sentence without its first words where nothing can be told."""
        hides = f"; {self.hides}" if self.hides else ""
        if self.claims:
            return f"The generator {joined(self.claims)}, judged by {self.basis}{hides}."
        if self.lacking:
            return f"{joined(self.lacking)}, better thousands."
        if self.blind:
            return f"no fault was found in {self.basis}, but {self.hides}."
        return f"No fault was found in {self.basis}{hides}."

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        return f"Cannot tell: {self.plain}" if self.undecided else self.plain
