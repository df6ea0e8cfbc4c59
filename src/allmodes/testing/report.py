"""What a check found, and all of them together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


class CheckFailed(AssertionError):
    """A model fails a check; the message is one line for each."""


class NotApplicable(Exception):
    """A check does not apply to a model, with the reason."""


@dataclass(frozen=True)
class Check:
    """One check of one model.

    Arguments:
        name: what should hold.
        outcome: whether it does.
        why: what was found, or why the check does not apply.
    """

    name: str
    outcome: Outcome
    why: str

    def __str__(self) -> str:
        return f"{self.outcome}: {self.name}" + (f" ({self.why})" if self.why else "")


@dataclass(frozen=True)
class Report:
    """All checks of one model, in the order in which they ran."""

    checks: tuple[Check, ...]

    def having(self, outcome: Outcome | str) -> tuple[Check, ...]:
        """Those that ended so."""
        return tuple(check for check in self.checks if check.outcome == outcome)

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.having(Outcome.FAILED)

    def __str__(self) -> str:
        return "\n".join(map(str, self.checks))


def require(holds: bool, why: str) -> None:
    """Fail the check that runs.

    Raises:
        CheckFailed: where it does not hold.
    """
    if not holds:
        raise CheckFailed(why)
