"""How many examples it takes to tell anything."""

from __future__ import annotations

from collections.abc import Sized
from typing import Protocol

from allmodes.audit.finding import Finding, Verdict

FEWEST = 100
"""Of each kind; with fewer nothing is decided."""


class Sides(Protocol):
    """Three sets of examples, in whatever form."""

    @property
    def train(self) -> Sized: ...
    @property
    def real(self) -> Sized: ...
    @property
    def fake(self) -> Sized: ...
    @property
    def trained(self) -> bool: ...


def too_few(sides: Sides, name: str, level: float = 0.0, *, fewest: int = FEWEST, train: bool = True) -> Finding | None:
    """The answer where there are too few examples, else None.

    Arguments:
        name, level: of the finding.
        fewest: examples of each kind that it takes.
        train: whether it takes training examples too.
    """
    counts = {"held-out": len(sides.real), "generated": len(sides.fake)}
    if train:
        counts["training" if sides.trained else "mapped"] = len(sides.train)
    kind = min(counts, key=lambda kind: counts[kind])
    if counts[kind] >= fewest:
        return None
    summary = f"{counts[kind]} {kind} examples are too few to tell; at least {fewest} are needed"
    return Finding(name, Verdict.CANNOT_TELL, summary, level=level)
