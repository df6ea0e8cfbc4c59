"""The table of a comparison, and what may be claimed from it, for people."""

from __future__ import annotations

from rich.table import Table

from allmodes.audit.wording import percent
from allmodes.comparison.rows import Comparison
from allmodes.tables import table

PAIRS = 3
"""That are named of those that are not ranked for the same reason."""


def comparison_table(comparison: Comparison) -> Table:
    """One line a model, by year."""
    rows = []
    for row in comparison.rows:
        score = row.score
        rows.append(
            {
                "recipe": comparison.name(row),
                "year": row.entry.year,
                "density": str(score.kind) if score else "none",
                "nats": f"{score.kind.relation} {score.mean:.2f} ± {score.mean_standard_error:.2f}" if score else "",
                "bits/dim": f"{row.bits_per_dim:.3f}" if row.bits_per_dim is not None else "",
                "surely missing": "cannot tell" if row.missing_mass is None else percent(row.missing_mass),
                "AUC": "" if row.auc is None else f"{row.auc:.3f}",
                "found": ", ".join(row.found) or "nothing",
                "samples/s": f"{row.samples_per_second:,.0f}",
                "parameters": f"{row.parameters:,}",
                "seconds": f"{row.seconds:.0f}",
            }
        )
    return table(rows, [key for key in rows[0] if any(str(row[key]) for row in rows)])


def verdicts(comparison: Comparison) -> list[str]:
    """What may be ranked, best first by the number of models beaten; what may not, and why; and what was left out."""
    lines = []
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
