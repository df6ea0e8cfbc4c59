"""The table of a comparison, and what may be claimed from it, for people."""

from __future__ import annotations

from rich.table import Table

from allmodes.audit.wording import spoken
from allmodes.comparison.rows import Comparison, Row
from allmodes.score import Kind
from allmodes.shares import percent
from allmodes.tables import table

PAIRS = 3
"""That are named of those that are not ranked for the same reason."""
WIDE = 140
"""Columns that all numbers of a model need."""
FEW = ("recipe", "density", "nats", "surely missing", "AUC", "seconds")
"""What is shown where there are fewer columns."""
APART = 0.2
"""Of the budget: a training that differs more from it is named."""
CLAIMS = {Kind.LOWER: "at least", Kind.UPPER: "at most"}
EXPLAINED = {
    "nats": "the mean log-probability of held-out examples, or what density says of it; higher is better",
    "surely missing": "the share of the data that is certainly not generated",
    "AUC": "of a classifier that tells samples from data, 0.5 where it cannot",
}


def comparison_table(comparison: Comparison, width: int = WIDE) -> Table:
    """One line a model, by year, with what so many columns can hold."""
    rows = []
    for row in comparison.rows:
        score = row.score
        rows.append(
            {
                "recipe": comparison.name(row),
                "year": row.entry.year,
                "density": CLAIMS.get(score.kind, str(score.kind)) if score else "none",
                "nats": f"{score.mean:.2f} ± {score.mean_standard_error:.2f}" if score else "",
                "bits/dim": f"{row.bits_per_dim:.3f}" if row.bits_per_dim is not None else "",
                "surely missing": "cannot tell" if row.missing_mass is None else percent(row.missing_mass),
                "AUC": "" if row.auc is None else f"{row.auc:.3f}",
                "found": _found(row),
                "samples/s": f"{row.samples_per_second:,.0f}",
                "parameters": f"{row.parameters:,}",
                "seconds": f"{row.seconds:.0f}",
            }
        )
    shown = rows[0] if width >= WIDE else FEW
    return table(rows, [key for key in shown if any(str(row[key]) for row in rows)])


def explained(shown: Table) -> str:
    """What the columns of the table are, those that need a word."""
    there = [str(column.header) for column in shown.columns]
    return " ".join(f"{name}: {said}." for name, said in EXPLAINED.items() if name in there)


def findings(comparison: Comparison) -> list[str]:
    """What the audit found of each model, for a table that has no column for it."""
    return [f"found in {comparison.name(row)}: {_found(row)}" for row in comparison.rows]


def _found(row: Row) -> str:
    return ", ".join(map(spoken, row.found)) or "nothing"


def verdicts(comparison: Comparison) -> list[str]:
    """What may be ranked, best first by the number of models beaten; what may not, and why; and what was left out.

    Before these, models that had another time than the budget.
    """
    lines = _unequal(comparison)
    wins: dict[str, list[str]] = {}
    unranked: dict[str, list[str]] = {}
    for one, other, said in comparison.rankings:
        names = comparison.name(one), comparison.name(other)
        if said.winner is not None:
            wins.setdefault(names[0], []).append(names[1])
        else:
            why = "they differ by no more than chance" if said.within_chance else said.why
            unranked.setdefault(why, []).append(" and ".join(names))
    for name, beaten in sorted(wins.items(), key=lambda item: -len(item[1])):
        lines.append(f"{name} gives the held-out data a higher probability than {', '.join(beaten)}")
    for why, pairs in unranked.items():
        more = f" and {len(pairs) - PAIRS} more" if len(pairs) > PAIRS else ""
        lines.append(f"not ranked: {'; '.join(pairs[:PAIRS])}{more}: {why}")
    if not comparison.rankings:
        lines.append(f"no ranking: {comparison.refusal}")
    lines += [f"left out: {refusal}" for refusal in comparison.refused.values()]
    return lines


def _unequal(comparison: Comparison) -> list[str]:
    budget = comparison.budget_seconds
    if budget is None:
        return []
    apart = [row for row in comparison.rows if abs(row.seconds - budget) > APART * budget]
    took = ", ".join(f"{comparison.name(row)} trained {row.seconds:.0f} s" for row in apart)
    return [f"not the same time each: for a budget of {budget:.0f} s {took}"] if apart else []
