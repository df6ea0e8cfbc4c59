"""A question of the audit: when it is asked, how, and what is said of its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from allmodes.audit.exam import Exam
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.wording import number, rounded, spoken
from allmodes.shares import percent

Answer = Finding | tuple[Finding, ...] | None
"""One that is about several figures has several findings; one that comes to nothing has none."""
Claim = Callable[[Finding, str], str]


def always(exam: Exam) -> bool:
    """Whatever the data are."""
    return True


def differs(finding: Finding, figure: str) -> str:
    """What is said where nothing better is known."""
    return f"differs in {spoken(finding.name)}"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What an audit asks of samples; each stands in a file of its own, and all of them in `questions`.

    Arguments:
        name: of the question, and of its finding.
        title: the question in words.
        method: how it is answered.
        measure: what its figure is, or is a share of.
        share: whether its figure is a share of the examples.
        weight: its part of alpha, beside those of the others; 0: it informs and never decides.
        certifies: whether its regions stand a test on data that did not choose them; one that does not is suspected.
        masses: whether its regions are those where real and generated examples differ in number.
        captions: over the examples of its regions, and over those of the other kind that are nearest to them, where
            they say something else than which kind is absent.
        labels: of the further figures of its finding that people are shown, what they are called.
        figures: of one that informs by several figures, their names and titles; they stand in one table.
        planted: whether it asks about features alone, so that the self-test can ask it of planted faults.
        suits: whether it is asked: what the data allow, whatever it would answer.
        ask: its answer at a level.
        claim: what a finding that was found says of the generator, as the end of a sentence ("misses 12 % of the
            data"), from the finding and its figure in words.
    """

    name: str
    title: str = ""
    method: str = ""
    measure: str = ""
    share: bool = False
    weight: int = 0
    certifies: bool = False
    masses: bool = True
    captions: tuple[str, str] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, str] = field(default_factory=dict)
    planted: bool = False
    suits: Callable[[Exam], bool] = always
    ask: Callable[[Exam, float], Answer]
    claim: Claim = differs

    @property
    def names(self) -> tuple[str, ...]:
        """Of its findings."""
        return tuple(self.figures) or (self.name,)

    def findings(self, exam: Exam, level: float) -> tuple[Finding, ...]:
        """Its answer, however many findings that has."""
        answer = self.ask(exam, level)
        return answer if isinstance(answer, tuple) else () if answer is None else (answer,)

    def figure(self, finding: Finding) -> str:
        """What was measured and what that is, in words; a share that may be nothing, by what it is at most."""
        if finding.estimate is None:
            return ""
        if self.share and finding.verdict is not Verdict.FOUND and not finding.low and finding.high:
            return f"at most {percent(finding.high)} {self.measure}" if finding.high < 1 else "nothing can be said"
        return f"{self._rounded(finding)[0]} {self.measure}".rstrip()

    def ranged(self, finding: Finding) -> str:
        """Its figure with the interval, where there are such."""
        value, *ends = self._rounded(finding)
        return f"{value} [{', '.join(ends)}]" if ends else value

    def interval(self, finding: Finding) -> str:
        """Of the figure; an empty string where there is none."""
        _, *ends = self._rounded(finding)
        said = " to ".join(ends)
        return f"{said} %" if ends and self.share else said

    def _rounded(self, finding: Finding) -> tuple[str, ...]:
        """Its figure, and the ends of the interval where there is one, shares without their sign."""
        value, low, high = finding.estimate, finding.low, finding.high
        if value is None or low is None or high is None:
            return (self.number(value),)
        if self.share:
            return percent(value), *(percent(end).removesuffix(" %") for end in (low, high))
        return rounded(value, low, high)

    def number(self, value: float | None) -> str:
        """Its figure for a table; an empty string where there is none."""
        return number(value, self.share)
