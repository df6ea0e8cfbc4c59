"""Tables as HTML: headed for those who hear them, and scrolled by themselves where they are wide."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def table(head: Sequence[str], rows: Sequence[Sequence[str]], label: str, kind: str = "") -> str:
    """A table.

    Arguments:
        head: headings, plain text.
        rows: cells, which are HTML already.
        label: what the table is of, plain text.
        kind: a class of the page's style.
    """
    top = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    style = f' class="{kind}"' if kind else ""
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(label)}"><table{style}>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )
