"""What an audit says: findings, each with an interval, a p-value, a floor and the examples that prove it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal

HARDLY = 0.1
"""Share of its rate below which a region counts as not there."""


class Verdict(StrEnum):
    """The answer of one finding."""

    FOUND = "found"
    NOT_FOUND = "not_found"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True)
class Region:
    """A part of the data that is generated too rarely, or a part of the samples that is not in the data.

    Arguments:
        real_mass, fake_mass: share of the held-out and of the generated examples in it.
        low, high: interval of the difference of the two.
        examples: indices of held-out examples in it, typical ones first; of those nearest to the generated ones in it
            where it is a part of the samples.
        fake_examples: indices of the generated examples nearest to them; of those in it, typical ones first, where it
            is a part of the samples.
        certified: whether it stood a test on data that did not choose it.
        of: what it is a part of.
    """

    real_mass: float
    fake_mass: float
    low: float
    high: float
    examples: tuple[int, ...] = ()
    fake_examples: tuple[int, ...] = ()
    certified: bool = True
    of: Literal["data", "samples"] = "data"

    @property
    def inside(self) -> tuple[int, ...]:
        """Indices of the examples in it, of the kind that it is a part of."""
        return self.fake_examples if self.of == "samples" else self.examples

    @property
    def beside(self) -> tuple[int, ...]:
        """Indices of the nearest examples of the other kind."""
        return self.examples if self.of == "samples" else self.fake_examples

    @property
    def lack(self) -> tuple[float, float]:
        """Interval of what the other kind lacks of it."""
        return (-self.high, -self.low) if self.of == "samples" else (self.low, self.high)

    @property
    def absent(self) -> bool:
        """Whether the other kind hardly has it."""
        masses = self.real_mass, self.fake_mass
        own, other = masses[::-1] if self.of == "samples" else masses
        return other < HARDLY * own


@dataclass(frozen=True)
class Pair:
    """A generated example and what it is a copy of.

    Arguments:
        fake, train: indices in the two files.
        distance: between them, in the features.
        usual: distance from the generated example to its nearest held-out example.
    """

    fake: int
    train: int
    distance: float
    usual: float


@dataclass(frozen=True)
class Finding:
    """One question asked of the samples, and its answer.

    Arguments:
        name: as in the report: "missing", "invented", "copies", ...
        verdict: found, not found, or cannot tell.
        summary: one sentence for people, with its numbers.
        estimate, low, high: the figure and its interval; None where there is none.
        p_value: corrected for the number of looks inside this finding; None where nothing is tested.
        floor: the same figure between two halves of the real data, or its value for a perfect generator.
        level: the share of alpha at which it decides; 0 for a finding that informs and does not decide.
        regions: where, largest first.
        pairs: copies beside their originals.
        figures: further named numbers for tables, plain values for JSON.
    """

    name: str
    verdict: Verdict
    summary: str
    _: KW_ONLY
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    floor: float | None = None
    level: float = 0.0
    regions: tuple[Region, ...] = ()
    pairs: tuple[Pair, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def decides(self) -> bool:
        """Whether the verdict of the whole audit depends on it."""
        return self.level > 0

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return asdict(self)
