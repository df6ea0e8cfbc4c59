"""The tables of audit_power.py, out of the trials of one run or of several pieces of one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from common import markdown
from faults import FAULTS, POOLS

from allmodes.audit.intervals import share

FINDINGS = ("missing", "invented", "spacing", "frequencies", "copies", "two_sample", "observables")
BESIDE = ("NDB", "bins, Holm", "plain tree")
LARGE = (5000, 5000, 25000)
"""Training, held-out and generated examples of the large trials."""
Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Piece:
    """What one run has measured.

    Arguments:
        where: when and on what.
        alpha: level of the verdict.
        levels: share of it of each finding.
        seconds: that it took.
        trials: as `audit_power.work` gives them.
    """

    where: str
    alpha: float
    levels: Mapping[str, float]
    seconds: float
    trials: Sequence[Row]


def pieces(path: Path) -> list[Piece]:
    """The pieces in a file beside a table: one, or those of a table that was merged."""
    stored = json.loads(path.read_text())
    keys = [field.name for field in fields(Piece)]
    return [Piece(**{key: one[key] for key in keys}) for one in stored.get("pieces", [stored])]


def write(some: Sequence[Piece], out: Path) -> None:
    """The pieces with all their trials, beside the table."""
    out.parent.mkdir(parents=True, exist_ok=True)
    stored = [asdict(piece) for piece in some]
    text = json.dumps(stored[0] if len(stored) == 1 else {"pieces": stored}, separators=(",", ":"))
    out.with_suffix(".json").write_text(text + "\n")


def merge(some: Sequence[Piece]) -> list[Piece]:
    """The pieces, each trial left in the first that has it: (set, features, sizes, fault, seed) name a trial."""
    seen: set[tuple[Any, ...]] = set()
    merged = []
    for piece in some:
        new = []
        for row in piece.trials:
            if (name := trial(row)) not in seen:
                seen.add(name)
                new.append(row)
        if new:
            merged.append(replace(piece, trials=new))
    return merged


def trial(row: Row) -> tuple[Any, ...]:
    """What names a trial."""
    return row["set"], row["features"], tuple(row.get("sizes", ())), row.get("fault", "interval"), row["seed"]


def document(some: Sequence[Piece]) -> list[str]:
    """Title, where it was measured and the parts of the text, for `common.publish`."""
    rows = [row for piece in some for row in piece.trials]
    trials = sorted((row for row in rows if "p" in row), key=_order)
    healthy = [row for row in trials if row["fault"] == "none"]
    faulty = [row for row in trials if row["fault"] != "none"]
    parts = ["## Healthy generators flagged, %", markdown(power_table(healthy))] if healthy else []
    for title, large in (("small", False), ("large", True)):
        if chosen := [row for row in faulty if (tuple(row["sizes"]) == LARGE) == large]:
            parts += [f"## Faults found, %, {title} samples", markdown(power_table(chosen))]
    if more := details(rows):
        parts += ["## Intervals, localization, copies", markdown(more)]
    where = [f"{piece.where} {piece.seconds:.0f} s in all, {len(piece.trials)} trials." for piece in some]
    return ["False alarms and power of the audit", "\n\n".join(where), _legend(some), *parts]


def _legend(some: Sequence[Piece]) -> str:
    alpha = 100 * some[0].alpha
    shares = dict.fromkeys(
        ", ".join(f"{name} {100 * level:.2f} %" for name, level in piece.levels.items()) for piece in some
    )
    return (
        f"Columns of findings: share of trials in which that finding alone fires at {alpha:g} %; in brackets, on the "
        "same trials, what is published or simpler: NDB (1805.12462), its bins with an exact test on held-out "
        f"examples, our tree without weights. Verdict: any finding at its share of {alpha:g} % ({'; or '.join(shares)})"
        ", with the 95 % interval of Clopper and Pearson; the classifier's test takes part where nothing is planted, "
        "at the small sizes. At the large sizes some trials ask only the question that is about their fault. Faults: "
        "drop, a group of about 5 % (digits: 10 %) never generated; rare, one of 1 % (digits: 3 %); thin and half, the "
        "group of drop at a tenth and at half of its rate; invent, 5 % of the "
        "samples half-way between two groups; intra, one group as three points; memo20 and memo5, 20 and 5 % "
        "near-copies of training examples."
    )


def _order(row: Row) -> tuple[Any, ...]:
    """Tables are in the same order whatever piece came first."""
    fault, name = row["fault"], row["set"]
    return (
        list(POOLS).index(name) if name in POOLS else len(POOLS),
        row["features"],
        tuple(row["sizes"]),
        FAULTS.index(fault) if fault in FAULTS else len(FAULTS),
        row["seed"],
    )


def percent(count: int, n: int) -> str:
    """A share with its 95 % interval."""
    low, high = share(count, n)
    return f"{100 * count / n:.0f} [{100 * low:.1f}, {100 * high:.1f}]"


def alone(row: Row, name: str, alpha: float) -> bool | None:
    """Whether a finding would be made at the whole level; None where it was not asked."""
    asked = row["p"] | row.get("beside", {})
    return bool(asked[name] is not None and asked[name] <= alpha) if name in asked else None


def power_table(rows: Sequence[Row], alpha: float = 0.05) -> list[dict[str, str]]:
    """One line for each set, size and fault."""
    cells: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        cells.setdefault(trial(row)[:-1], []).append(row)
    names = [name for name in FINDINGS if any(name in row["p"] for row in rows)]
    others = [name for name in BESIDE if any(name in row.get("beside", {}) for row in rows)]
    table = []
    for (name, kind, sizes, fault), some in cells.items():
        line = {"set": name if kind == "identity" else f"{name}, {kind}"}
        line |= {"train, held-out, generated": "{}, {}, {}".format(*sizes), "fault": fault}
        line |= {finding: _share(alone(row, finding, alpha) for row in some) for finding in names}
        line |= {f"({other})": _share(alone(row, other, alpha) for row in some) for other in others}
        count = sum(bool(row["found"]) for row in some)
        line |= {"verdict at 5 %": percent(count, len(some)), "trials": str(len(some))}
        table.append(line)
    return table


def _share(fired: Iterable[bool | None]) -> str:
    """Of the trials in which it was asked, %."""
    asked = [one for one in fired if one is not None]
    return f"{100 * sum(asked) / len(asked):.0f}" if asked else ""


def details(rows: Sequence[Row]) -> list[dict[str, str]]:
    """Intervals, localization and the list of copies."""
    table = []
    covered = [row["low"] <= row["truth"] <= row["high"] for row in rows if "truth" in row]
    if covered:
        tried = sum("interval" in row for row in rows)
        what = f"interval covers the missing mass of the certified regions (grid, {tried} trials)"
        table.append({"figure": what, "%": percent(sum(covered), len(covered)), "n": str(len(covered))})
    trials = [row for row in rows if "p" in row]
    places = sorted({(row["set"], row["features"], tuple(row["sizes"])) for row in trials})
    for name, kind, sizes in places:
        here = [row for row in trials if (row["set"], row["features"], tuple(row["sizes"])) == (name, kind, sizes)]
        where = f"{name} ({kind}), {sizes[1]} held-out"
        drop = [row for row in here if row["fault"] == "drop" and "flagged" in row]
        if drop:
            for key, what in (
                ("flagged", "of the group never generated, flagged"),
                ("right", "of what is flagged, right"),
            ):
                mean, least = (100 * f([row[key] for row in drop]) for f in (np.mean, min))
                table.append(
                    {"figure": f"{where}: {what}", "%": f"{mean:.1f} (least {least:.1f})", "n": str(len(drop))}
                )
            width = 100 * np.median([row["high"] - row["low"] for row in drop])
            table.append(
                {"figure": f"{where}: width of the interval, median", "%": f"{width:.2f}", "n": str(len(drop))}
            )
        for fault in ("memo20", "memo5"):
            if listed := [row for row in here if row["fault"] == fault and "listed" in row]:
                false = np.mean([row["false"] / max(1, row["listed"]) for row in listed])
                count = np.mean([row["listed"] for row in listed])
                what = f"{where}: {fault}, false among {count:.0f} listed copies"
                table.append({"figure": what, "%": f"{100 * false:.1f}", "n": str(len(listed))})
    return table
