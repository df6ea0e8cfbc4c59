"""What proves a finding, as HTML: pictures of examples, pairs, histograms, tables of figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from allmodes.audit import pictures, plots
from allmodes.audit.finding import Finding, Region
from allmodes.audit.markup import table
from allmodes.audit.questions import of
from allmodes.audit.wording import p_value, ranged, spoken
from allmodes.event import Event
from allmodes.shares import percent, span

if TYPE_CHECKING:
    from allmodes.audit.api import Audit

REGIONS = 8
PAIRS = 12
PLOTS = 12
ROWS = 40
APART = 5
AXES = (
    "Above: the density of held-out data (filled) and of generated examples (line). Below: generated over held-out, "
    "with error bars; a triangle lies beyond the panel."
)
ABREAST = 4
"""Columns of a table up to which two tables fit beside each other."""


def exhibits(finding: Finding, audit: Audit) -> str:
    """All that a finding brings with it."""
    shown = finding.regions[:REGIONS]
    parts = [_map(finding, audit)] if shown and pictures.kind_of(audit.event) != "tiles" else []
    if pictures.kind_of(audit.event) == "plane":
        parts += [_listed(finding)] if shown else []
    else:
        parts += [_region(finding, region, i, audit) for i, region in enumerate(shown, start=1)]
    if len(finding.regions) > REGIONS:
        parts.append(f'<p class="soft">{len(finding.regions) - REGIONS} smaller regions are in audit.json.</p>')
    if finding.pairs:
        parts.append(_pairs(finding, audit))
    labels, plain = of(finding).labels, []
    for name, value in finding.figures.items():
        if name in ("histograms", "histogram"):
            parts.append(_histograms(value))
        elif name == "maps":
            parts.append(_maps(value, audit.event))
        elif isinstance(value, Sequence) and value and all(isinstance(row, Mapping) for row in value):
            parts.append(_rows(labels.get(name, spoken(name)), value))
        elif isinstance(value, Mapping) and value and all(isinstance(row, Mapping) for row in value.values()):
            parts.append(_rows(labels.get(name, spoken(name)), [{"name": key, **row} for key, row in value.items()]))
        elif name in labels and value is not None:
            plain.append(f"{labels[name]}: {_plain(name, value)}")
    if plain:
        parts.append(f'<p class="soft">{escape(" · ".join(plain))}</p>')
    return "".join(parts)


def _plain(name: str, value: Any) -> str:
    return p_value(value) if "p_value" in name else cell(value)


def cell(value: Any) -> str:
    """A plain value in a table."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.3g}"
        case int():
            return f"{value:,}"
        case list() | tuple():
            return ", ".join(cell(one) for one in value)
        case _:
            return str(value)


def _region(finding: Finding, region: Region, i: int, audit: Audit) -> str:
    own, other = of(finding).captions or _captions(region)
    shown = ""
    sides = [
        (audit.real_examples, plots.REAL, audit.subject.real),
        (audit.fake_examples, plots.FAKE, audit.subject.fake),
    ]
    (at, colour, every), (near_at, near_colour, _) = sides[::-1] if region.of == "samples" else sides
    if region.inside:
        different = tuple(dict.fromkeys(region.beside))
        x, near = at(region.inside), near_at(different)
        if len(different) < min(len(region.beside), pictures.shown(audit.event)):
            other += f" ({_different(len(different))})"
        word, near_word = ("generated", "real") if region.of == "samples" else ("real", "generated")
        abreast = "" if pictures.kind_of(audit.event) == "rows" and audit.event.size > ABREAST else ' class="two"'
        shown = (
            f"<div{abreast}>{pictures.show(x, audit.event, own, f'{word} examples of region {i}', colour)}"
            f"{pictures.show(near, audit.event, other, f'{near_word} examples near region {i}', near_colour)}</div>"
        )
        if pictures.kind_of(audit.event) == "rows":
            shown += _apart(x, every.x.reshape(len(every), -1), audit)
    return f'<div class="region"><h3>{escape(_title(finding, region, i))}</h3>{shown}</div>'


def _title(finding: Finding, region: Region, i: int) -> str:
    real, fake, between = _masses(region)
    title = f"Region {i}: {real} of the held-out and {fake} of the generated examples"
    if of(finding).masses:
        title += f" (difference {between})"
    return title + _standing(finding, region)


def _different(count: int) -> str:
    """Why fewer are shown beside a region than of it."""
    return "one and the same to all of these" if count == 1 else f"{count} different ones to all of these"


def _apart(x: np.ndarray, every: np.ndarray, audit: Audit) -> str:
    """The columns that set a region of a table apart, [k, d], from all examples of its kind, [n, d]."""
    here, whole = (np.quantile(side, [0.05, 0.5, 0.95], axis=0) for side in (x.reshape(len(x), -1), every))
    shift = np.abs(here[1] - whole[1]) / np.maximum(whole[2] - whole[0], 1e-12)
    rows = [
        (escape(audit.event.column(c)), *(f"{side[0, c]:.4g} to {side[2, c]:.4g}" for side in (here, whole)))
        for c in np.argsort(-shift, kind="stable")[:APART].tolist()
    ]
    caption = "Columns that set the region apart, the farthest first"
    drawn = table(("column", "in the region, 5 to 95 %", "in all"), rows, caption)
    return f"<figure><figcaption>{caption}</figcaption>{drawn}</figure>"


def _masses(region: Region) -> tuple[str, str, str]:
    """Shares of the held-out and of the generated examples, and the interval of the difference, the larger first."""
    low, high = region.lack
    return percent(region.real_mass), percent(region.fake_mass), span(low, high)


def _standing(finding: Finding, region: Region) -> str:
    question = of(finding)
    suspected = ", suspected" if question.certifies and not region.certified else ""
    unsure = ", not sure by itself" if question.masses and region.low <= 0 <= region.high else ""
    return suspected + unsure


def _listed(finding: Finding) -> str:
    """Regions of the plane, whose numbers are on the map."""
    columns = 4 if of(finding).masses else 3
    rows = [
        (f"{i}{_standing(finding, region)}", *_masses(region))[:columns]
        for i, region in enumerate(finding.regions[:REGIONS], start=1)
    ]
    return table(("region", "held-out", "generated", "difference")[:columns], rows, "regions on the map")


def _map(finding: Finding, audit: Audit) -> str:
    """The regions in the plane itself for points, for anything else in the plane that shows most."""
    on_fake = finding.regions[0].of == "samples"
    real, fake, names = audit.map
    own = (audit.subject.fake if on_fake else audit.subject.real).rows
    marked = [np.isin(own, region.inside) for region in finding.regions[:REGIONS] if region.inside]
    drawn = plots.plane(real, fake, marked, on_fake=on_fake, axes_names=names)
    word = "generated" if on_fake else "real"
    caption = (
        f'<figcaption><span class="ring"></span>red circles: {word} examples of the regions; dashed: their outline, '
        "where they lie on either side</figcaption>"
    )
    return f'<figure>{caption}<div class="plots">{drawn[0]}{drawn[1]}</div></figure>'


def _captions(region: Region) -> tuple[str, str]:
    """What to say of a region's examples, and of the nearest of the other kind."""
    if region.of == "samples":
        hardly = "hardly" if region.real_mass else "not"
        own = f"Generated, and {hardly} in the data" if region.absent else "Generated, and more often than in the data"
        return own, "Nearest real ones"
    hardly = "hardly" if region.fake_mass else "not"
    own = (
        f"Real, and {hardly} generated"
        if region.absent
        else f"Real, and generated at {percent(region.fake_mass / region.real_mass)} of their rate"
    )
    return own, "Nearest generated ones"


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
    shown = "".join(
        f"<figure><figcaption>{escape(title)}</figcaption>{plots.ratio_histogram(counts, escape(title))}</figure>"
        for title, counts in drawn[:PLOTS]
    )
    more = len(drawn) - PLOTS
    return f'<p class="soft">{AXES}</p><div class="plots">{shown}</div>' + (
        f'<p class="soft">{more} more are in audit.json.</p>' if more > 0 else ""
    )


def _maps(shares: Mapping[str, Any], event: Event) -> str:
    """Where pixels are lit, held-out and generated, and the difference."""
    held, made = (pictures.flat(np.array(shares[side]), event) for side in ("real", "fake"))
    drawn = plots.maps({"held-out": held, "generated": made, "generated less held-out": made - held})
    return f'<figure class="one"><figcaption>Share of examples that light a pixel</figcaption>{drawn}</figure>'


def _rows(name: str, given: Sequence[Mapping[str, Any]]) -> str:
    """A table of figures under a name, a row for each mapping; histograms among them are drawn below it."""
    lines = [_with_intervals(row) for row in given]
    cells = [[escape(line.get(key, "")) for key in lines[0]] for line in lines[:ROWS]]
    drawn = table([spoken(key) for key in lines[0]], cells, name)
    more = f'<p class="soft">{len(given) - ROWS} more rows are in audit.json.</p>' if len(given) > ROWS else ""
    histograms = {str(row.get("name", "")): row["histogram"] for row in given if "histogram" in row}
    return f"<h3>{escape(name[:1].upper() + name[1:])}</h3>{drawn}{more}" + (
        _histograms(histograms) if histograms else ""
    )


def _with_intervals(row: Mapping[str, Any]) -> dict[str, str]:
    """A row's cells; bounds stand in brackets behind what they bound: "shift": "0.1 [0.08, 0.12]"."""
    cells: dict[str, str] = {}
    last = ""
    for key, value in row.items():
        if isinstance(value, Mapping):
            continue
        if key == "p_value":
            cells[key] = p_value(value)
        elif key == "low" or key.endswith("_low"):
            cells[last] = ranged(row[last], value, row[f"{key.removesuffix('low')}high"])
        elif key != "high" and not key.endswith("_high"):
            cells[key], last = cell(value), key
    return cells
