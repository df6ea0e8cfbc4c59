"""What proves a finding, as HTML: pictures of examples, pairs, histograms, tables of figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from allmodes.audit import pictures, plots
from allmodes.audit.finding import Finding, Region
from allmodes.audit.wording import percent

if TYPE_CHECKING:
    from allmodes.audit.api import Audit

REGIONS = 8
PAIRS = 12
PLOTS = 12
ROWS = 40


def exhibits(finding: Finding, audit: Audit) -> str:
    """All that a finding brings with it."""
    parts = [_region(finding, region, i, audit) for i, region in enumerate(finding.regions[:REGIONS])]
    if len(finding.regions) > REGIONS:
        parts.append(f'<p class="soft">{len(finding.regions) - REGIONS} smaller regions are in audit.json.</p>')
    if finding.pairs:
        parts.append(_pairs(finding, audit))
    plain: dict[str, Any] = {}
    for name, value in finding.figures.items():
        if name in ("histograms", "histogram"):
            parts.append(_histograms(value))
        elif isinstance(value, Sequence) and value and all(isinstance(row, Mapping) for row in value):
            parts.append(_rows(name, value))
        elif isinstance(value, Mapping) and value and all(isinstance(row, Mapping) for row in value.values()):
            parts.append(_rows(name, [{"name": key, **row} for key, row in value.items()]))
        elif not isinstance(value, (Mapping, list, tuple)):
            plain[name] = value
    if plain:
        entries = "".join(f"<dt>{spoken(name)}</dt><dd>{escape(cell(value))}</dd>" for name, value in plain.items())
        parts.append(f"<dl>{entries}</dl>")
    return "".join(parts)


def spoken(name: str) -> str:
    """A figure's name for people."""
    return escape(name.replace("_", " "))


def cell(value: Any) -> str:
    """A plain value in a table."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case list() | tuple():
            return ", ".join(cell(one) for one in value)
        case _:
            return str(value)


def _region(finding: Finding, region: Region, i: int, audit: Audit) -> str:
    invented = finding.name == "invented"
    examples, nearest = (audit.fake_examples, audit.real_examples) if invented else (audit.real_examples, audit.fake_examples)
    ratio = region.fake_mass / region.real_mass if region.real_mass else None
    said = (
        f"{percent(region.real_mass)} of the held-out and {percent(region.fake_mass)} of the generated examples; "
        f"difference {percent(region.low)} to {percent(region.high)}"
    )
    if ratio is not None and not invented:
        said += f"; generated at {percent(ratio)} of its rate"
    title = f"Region {i + 1}" + ("" if region.certified else " (suspected)")
    own, other = ("Generated, and not in the data", "Nearest real ones") if invented else (
        "Real, and not generated" if ratio is not None and ratio < 0.1 else "Real, and generated too rarely",
        "Nearest generated ones",
    )
    if finding.name == "spacing":
        own, other = "Real ones", "Generated ones: too close together"
    shown = ""
    if region.examples:
        x = examples(region.examples)
        near = nearest(region.nearest) if region.nearest else x[:0]
        colours = (plots.FAKE, plots.REAL) if invented else (plots.REAL, plots.FAKE)
        shown = (
            f'<div class="two">{pictures.show(x, audit.event, own, colours[0])}'
            f"{pictures.show(near, audit.event, other, colours[1])}</div>"
        )
        shown += _where(region, audit, invented)
    return f'<div class="region"><h3>{title}: {escape(said)}</h3>{shown}</div>'


def _where(region: Region, audit: Audit, invented: bool) -> str:
    """The region on a map: the plane itself for points, for tables the plane that shows most."""
    if pictures.kind_of(audit.event) == "tiles":
        return ""
    real, fake, names = audit.map
    rows = np.isin((audit.subject.fake if invented else audit.subject.real).rows, region.examples)
    marked = (fake if invented else real)[rows]
    word = "generated, not in the data" if invented else "real, in this region"
    drawn = plots.plane(real, fake, marked, "where the region lies", word, names)
    return f'<figure class="one">{drawn}</figure>'


def _pairs(finding: Finding, audit: Audit) -> str:
    shown = finding.pairs[:PAIRS]
    fakes, originals = audit.fake_examples([p.fake for p in shown]), audit.train_examples([p.train for p in shown])
    texts = [f"distance {p.distance:.3g}, usual {p.usual:.3g}" for p in shown]
    more = f", of {len(finding.pairs)}" if len(finding.pairs) > PAIRS else ""
    caption = f"Generated examples beside their originals in the training data, the closest {len(shown)}{more}"
    drawn = pictures.beside(list(zip(fakes, originals, texts, strict=True)), audit.event)
    return f"<h3>{caption}</h3>{drawn}"


def _histograms(given: Any) -> str:
    """Histograms with ratio panels: a mapping from a title, a list of named ones, or one alone."""
    if isinstance(given, Mapping) and "edges" in given:
        drawn = [("", given)]
    elif isinstance(given, Mapping):
        drawn = list(given.items())
    else:
        drawn = [(" where ".join(filter(None, (one["name"], one["where"]))), one) for one in given]
    shown = "".join(f"<figure>{plots.ratio_histogram(counts, title)}</figure>" for title, counts in drawn[:PLOTS])
    more = len(drawn) - PLOTS
    return f'<div class="plots">{shown}</div>' + (f'<p class="soft">{more} more are in audit.json.</p>' if more > 0 else "")


def _rows(name: str, given: Sequence[Mapping[str, Any]]) -> str:
    """A table of figures, a row for each mapping; histograms among them are drawn below it."""
    keys = [key for key in given[0] if not isinstance(given[0][key], Mapping)]
    head = "".join(f"<th>{spoken(key)}</th>" for key in keys)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell(row.get(key)))}</td>" for key in keys) + "</tr>" for row in given[:ROWS]
    )
    more = f'<p class="soft">{len(given) - ROWS} more rows are in audit.json.</p>' if len(given) > ROWS else ""
    drawn = {str(row.get("name", "")): row["histogram"] for row in given if "histogram" in row}
    return (
        f'<h3>{spoken(name).capitalize()}</h3><div class="wide"><table><tr>{head}</tr>{body}</table></div>{more}'
        + (_histograms(drawn) if drawn else "")
    )
