"""The report of an audit: one HTML file with everything in it, verdict first, then findings by weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from allmodes.audit import plots
from allmodes.audit.exhibits import exhibits
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.markup import table
from allmodes.audit.questions import NAMES, of
from allmodes.audit.report_page import PAGE
from allmodes.audit.verdict import Said
from allmodes.audit.wording import LIMIT, answer, limit, number, p_value, spoken

if TYPE_CHECKING:
    from allmodes.audit.api import Audit


def by_weight(findings: Sequence[Finding]) -> list[Finding]:
    """Those that decide first: what was found, what cannot be told, what was not found; then those that inform."""
    known = list(NAMES)

    def weight(finding: Finding) -> tuple[int, int, int]:
        answer = {Verdict.FOUND: 0, Verdict.CANNOT_TELL: 1, Verdict.NOT_FOUND: 2}[finding.verdict]
        return 3 if not finding.decides else answer, answer, known.index(finding.name)

    return sorted(findings, key=weight)


def page(audit: Audit) -> str:
    """The whole report as HTML."""
    ordered = by_weight(audit.findings)
    figures = [one for one in audit.findings if of(one).figures and one.estimate is not None]
    told = [one for one in ordered if not of(one).figures]
    body = [
        *(f'<p class="soft">{escape(_capital(line))}.</p>' for line in audit.subject.notes),
        _overview(told, audit.alpha),
        *(_section(finding, audit) for finding in told),
        _figures(figures),
        _hides(audit),
        _method(audit),
    ]
    return PAGE.substitute(
        title=escape(audit.title),
        tone="open" if audit.undecided else audit.verdict,
        verdict=audit.answer,
        said=_said(audit.said),
        body="\n".join(body),
    )


def _said(said: Said) -> str:
    """The verdict in a line, what is behind it, an item each, and what it rests on."""
    items = "".join(f"<li>{escape(_capital(item))}.</li>" for item in said.items)
    listed = f"<ul>{items}</ul>" if items else ""
    basis = f"<p>Judged from {escape(said.basis)}.</p>" if said.judged else ""
    hides = f"<p>What could hide: {escape(said.hides)}.</p>" if said.hides else ""
    return f"<p>{escape(said.headline)}.</p>{listed}<div>{basis}{hides}</div>"


def _pill(finding: Finding) -> str:
    """The answer; what informs and does not decide is quiet."""
    tone = finding.verdict if finding.decides or finding.verdict is Verdict.CANNOT_TELL else "informs"
    return f'<span class="pill {tone}">{said}</span>' if (said := answer(finding)) else ""


def _overview(findings: Sequence[Finding], alpha: float) -> str:
    rows = []
    for finding in findings:
        rows.append(
            (
                f'<a href="#{finding.name}">{spoken(finding.name)}</a>',
                _pill(finding),
                escape(p_value(finding.p_value)),
                limit(finding),
                of(finding).figure(finding),
                of(finding).interval(finding),
                of(finding).number(finding.floor),
            )
        )
    head = ("question", "answer", "p-value", LIMIT, "figure", "interval", "floor")
    note = (
        '<p class="soft">The floor is the same figure for a perfect generator, or for two halves of the real data. '
        f"P-values are corrected for the number of looks inside each question. A question that decides is answered "
        f"“found” where its p-value is at most its level, beside it; the levels add up to {alpha:g}, so that a "
        f"generator without fault fails in at most {100 * alpha:g} % of all audits. The others inform.</p>"
    )
    return table(head, rows, "questions and answers", "all") + note


def _section(finding: Finding, audit: Audit) -> str:
    question = of(finding)
    shown = exhibits(finding, audit)
    return (
        f'<section class="finding" id="{finding.name}"><h2>{escape(question.title)} {_pill(finding)}</h2>'
        f"<p>{escape(_capital(finding.summary))}.</p>{shown}"
        f'<p class="soft">{escape(question.method)}</p></section>'
    )


def _figures(findings: Sequence[Finding]) -> str:
    """Distances and overlap, each beside its floor."""
    if not findings:
        return ""
    rows = []
    for finding in findings:
        figures = finding.figures
        rows.append(
            (
                of(finding).figures[finding.name],
                _sizes(figures),
                of(finding).ranged(finding),
                number(figures.get("at_floor_size")),
                number(finding.floor),
                number(figures.get("null")),
                answer(finding),
            )
        )
    return (
        '<section class="finding" id="figures"><h2>How far apart are the two distributions?</h2>'
        "<p>These figures inform and do not decide: a mode that is never generated can leave all of them within their "
        "noise, and the true distribution does not reach 1, or 0, either.</p>"
        + table(
            (
                "figure",
                "examples",
                "value and interval",
                "at the floor's size",
                "floor",
                "expected",
                "against the floor",
            ),
            rows,
            "figures that inform",
        )
        + '<p class="soft">Examples are held-out ones, generated ones, and those on each side of the floor, which is '
        "the figure between two halves of the held-out ones; beside it stands the figure of as many generated ones "
        "against one of the halves. “Expected” is the mean for a perfect generator, where it is known.</p></section>"
    )


def _sizes(figures: Mapping[str, Any]) -> str:
    return ", ".join(f"{figures[key]:,}" for key in ("n_real", "n_fake", "floor_size") if key in figures)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".")


def _hides(audit: Audit) -> str:
    """The self-test: what would have been seen, and what would not."""
    test, hides = audit.self_test, audit.hides
    if test is None and not hides:
        return ""
    parts = ['<section class="finding" id="hides"><h2>What could hide?</h2>']
    if hides:
        parts.append(f"<p>{escape(_capital(hides))}.</p>")
    if test is not None:
        parts.append(f"<p>{escape(test.how)}</p>")
        head = ("planted", "share of the data", "seen by", "seen in", "trials")
        parts.append(table(head, [tuple(map(escape, row)) for row in test.rows()], "planted faults"))
        if test.series():
            drawn = plots.curves(test.series(), "Power of the audit", "share of the data, %", "seen, % of trials")
            parts.append(f'<figure class="one small">{drawn}</figure>')
    return "".join(parts) + "</section>"


def _method(audit: Audit) -> str:
    """How it was done, so that it can be done again."""
    entries = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(said))}</dd>" for name, said in audit.how.items())
    return f'<section class="finding" id="how"><h2>How it was done</h2><dl>{entries}</dl></section>'
