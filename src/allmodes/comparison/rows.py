"""Models beside each other, and what may be claimed from their scores."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from allmodes.audit.intervals import together
from allmodes.data.dataset import Dataset
from allmodes.plain import plain
from allmodes.recipes import Entry
from allmodes.score import Ranking, Score, rank


@dataclass(frozen=True, eq=False)
class Row:
    """One model in the table.

    Arguments:
        run: its folder.
        entry: the recipe, its year and its paper.
        score: of held-out examples, where the model has a density.
        missing_mass: share of the data that is certainly not generated, the audit's lower bound; None where it cannot
            tell.
        auc: of a classifier that tells samples from data, 0.5 where it cannot.
        found: the questions of the audit that decide and were answered "found".
        seconds: of training.
        samples_per_second: on this machine, in pieces of 64.
        parameters: numbers that training moves.
        samples: some, in the user's units, [n, *shape].
    """

    run: str
    entry: Entry
    score: Score | None
    missing_mass: float | None
    auc: float | None
    found: tuple[str, ...]
    seconds: float
    samples_per_second: float
    parameters: int
    samples: np.ndarray

    @property
    def bits_per_dim(self) -> float | None:
        """Where the score counts bits, of discrete values."""
        return self.score.bits_per_dim if self.score and self.score.measure == "counting" else None

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON; a number that is not finite becomes null."""
        score = self.score
        row = {
            "run": self.run,
            "recipe": self.entry.name,
            "kind": str(score.kind) if score else None,
            "nats": score.mean if score else None,
            "bits_per_dim": self.bits_per_dim,
            "se": score.mean_standard_error if score else None,
            "missing_mass": self.missing_mass,
            "auc": self.auc,
            "seconds": self.seconds,
            "measure": score.measure if score else None,
            "found": list(self.found),
            "samples_per_second": self.samples_per_second,
            "parameters": self.parameters,
        }
        return plain(row)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Models beside each other.

    Arguments:
        data: what they were trained on.
        rows: one for each model, by year.
        refused: recipes that do not take such data, whose training diverged or whose samples cannot be examined, with
            what they say.
        budget_seconds: of training that each was to have; None where runs were given.
    """

    data: Dataset
    rows: tuple[Row, ...]
    refused: Mapping[str, str]
    budget_seconds: float | None = None

    def name(self, row: Row) -> str:
        """What a model is called: its recipe, with the run's folder where several have that recipe."""
        alone = sum(row.entry.name == other.entry.name for other in self.rows) == 1
        return row.entry.name if alone else f"{row.entry.name} ({Path(row.run).name})"

    @cached_property
    def rankings(self) -> list[tuple[Row, Row, Ranking]]:
        """Every pair of models with a score, and what may be said of it; the winner first where there is one.

        If all models were equally good, one pair or more would be ranked in at most 5 % of all comparisons.
        """
        pairs = []
        every = list(itertools.combinations([row for row in self.rows if row.score], 2))
        for one, other in every:
            assert one.score
            assert other.score
            said = rank(one.score, other.score, confidence=together(len(every)))
            pairs.append((other, one, said) if said.winner == 1 else (one, other, said))
        return pairs

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON: rows, and `ranking`, or `refusal` with its reason where nothing may be ranked.

        `unranked` holds every pair of models with a density of which nothing may be claimed, with the reason;
        `budget_seconds` is how long each was to be trained, and is not there where runs were given.
        """
        ranked = [
            {
                "winner": one.entry.name,
                "loser": other.entry.name,
                "winner_run": one.run,
                "loser_run": other.run,
                "nats": abs(said.difference or 0.0),
                "se": said.standard_error,
                "why": said.why,
            }
            for one, other, said in self.rankings
            if said.winner is not None
        ]
        claims: dict[str, Any] = {"ranking": ranked} if ranked else {"refusal": {"why": self.refusal}}
        unranked = [
            {"runs": [one.run, other.run], "why": said.why} for one, other, said in self.rankings if said.winner is None
        ]
        rows = [row.to_dict() for row in self.rows]
        budget = {} if self.budget_seconds is None else {"budget_seconds": self.budget_seconds}
        return plain({"rows": rows, **claims, "unranked": unranked, "refused": self.refused, **budget})

    @property
    def refusal(self) -> str:
        """Why nothing is ranked, in a sentence; empty where something is."""
        pairs = self.rankings
        if any(said.winner is not None for *_, said in pairs):
            return ""
        if not pairs:
            return "fewer than two of the models have a density; compare what the audit found instead"
        return "; ".join(sorted({said.why for *_, said in pairs}))
