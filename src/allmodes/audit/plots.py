"""Drawings of an audit as SVG that takes its colours from the page, so that it reads on light, dark and paper."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from allmodes.figures import literal, unknown_letters

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, REAL, FAKE, MARK, PAPER = "#010203", "#040506", "#070809", "#0a0b0c", "#0d0e0f"
"""Stand-ins that the page's own colours replace."""
COLOURS = {
    INK: "currentColor",
    REAL: "var(--real)",
    FAKE: "var(--fake)",
    MARK: "var(--mark)",
    PAPER: "var(--paper)",
}
GREY, BLUE, RED = "#8b929c", "#2f80d0", "#dc4a2d"
"""Of points, which are pixels: seen on white and on black."""
POINTS = 3_000
CLOSE = 0.04
"""Share of a map's sides within which two numbers would overprint each other."""
REACHES = (0.1, 0.2, 0.5, 1.0)
"""How far from 1 a panel of ratios may reach."""


@contextmanager
def figure(width: float, height: float) -> Iterator[Figure]:
    """A matplotlib figure in the page's style, sizes in inches."""
    import matplotlib
    from matplotlib.figure import Figure

    style: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "allmodes",
        "font.size": 10,
        "text.color": INK,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.linewidth": 0.7,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "legend.frameon": False,
        "legend.fontsize": 9,
    }
    with matplotlib.rc_context(style):
        yield Figure(figsize=(width, height), layout="constrained")


def svg(drawn: Figure, label: str) -> str:
    """The figure as an SVG element, with a text for those who do not see it."""
    buffer = io.StringIO()
    with unknown_letters():
        drawn.savefig(buffer, format="svg", transparent=True, dpi=160, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    for stand_in, colour in COLOURS.items():
        text = text.replace(stand_in, colour)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'font: ([^;"]*?)(\d+)px [^;"]*', r"font: \2px var(--sans)", text)
    # Names inside a drawing must not meet those of another on the same page.
    salt = f"{zlib.crc32(text.encode()):08x}"
    text = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{salt}-", text)
    text = re.sub(
        r'<svg [^>]*?height="[\d.]+pt"', lambda m: re.sub(r' (width|height)="[\d.]+pt"', "", m[0]), text, count=1
    )
    text = re.sub(r' width="[\d.]+pt"', "", text, count=1)
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def maps(shares: Mapping[str, np.ndarray]) -> str:
    """Shares as pictures side by side, [rows, columns] each; the last is a difference, in colours of both signs."""
    with figure(8.6, 2.9) as drawn:
        axes = drawn.subplots(1, len(shares))
        *_, difference = shares.values()
        most = max(float(np.abs(difference).max()), 1e-3)
        for axis, (title, values) in zip(axes, shares.items(), strict=True):
            colours, low, high = ("RdBu_r", -most, most) if values is difference else ("gray", 0.0, 1.0)
            drawn.colorbar(axis.imshow(values, cmap=colours, vmin=low, vmax=high), ax=axis, shrink=0.8)
            axis.set_title(title, fontsize=8.5)
        return svg(drawn, "share of examples that light each pixel: held-out, generated, difference")


def ratio_histogram(counts: Mapping[str, Any], label: str) -> str:
    """Both distributions, and below their ratio with error bars: counts as `one_dimension.histogram` gives them.

    Arguments:
        label: what it is of, for those who do not see it.
    """
    edges = np.array(counts["edges"])
    widths = np.diff(edges)
    middle = (edges[1:] + edges[:-1]) / 2
    with figure(3.3, 2.9) as drawn:
        upper, lower = drawn.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        for key, n, colour, fill in (("real", "n", REAL, True), ("fake", "m", FAKE, False)):
            count = np.array(counts[key], float)
            scale = 1 / counts[n] / widths
            name = "held-out data" if key == "real" else "generated"
            upper.stairs(count * scale, edges, fill=fill, color=colour, alpha=0.35 if fill else 1, lw=1.3, label=name)
            error = np.sqrt(count) * scale
            upper.errorbar(middle, count * scale, error, fmt="none", ecolor=colour, elinewidth=0.8)
        upper.set_ylim(bottom=0)
        upper.set_yticks([])
        upper.spines["left"].set_visible(False)
        upper.legend(loc="lower right", bbox_to_anchor=(1.02, 0.97), ncols=2, handlelength=1.2, columnspacing=1)
        _ratio(lower, middle, counts)
        lower.set_xlim(edges[0], edges[-1])
        return svg(drawn, f"{label}: held-out and generated distributions and their ratio")


def _ratio(axes: Axes, middle: np.ndarray, counts: Mapping[str, Any]) -> None:
    """The ratio panel; what lies beyond it is an arrow at its edge."""
    known = [i for i, ratio in enumerate(counts["ratio"]) if ratio is not None]
    at, ratio = middle[known], np.array([counts["ratio"][i] for i in known], float)
    error = np.array([counts["error"][i] for i in known], float)
    sure = error < 0.5
    most = 1.3 * float(np.abs(ratio[sure] - 1).max(initial=0))
    reach = next((one for one in REACHES if one >= most), REACHES[-1])
    axes.axhline(1, color=INK, lw=0.7, alpha=0.5)
    inside = np.abs(ratio - 1) <= reach
    axes.errorbar(at[inside], ratio[inside], error[inside], fmt="o", ms=2.4, color=FAKE, elinewidth=0.8)
    axes.plot(at[ratio > 1 + reach], np.full((ratio > 1 + reach).sum(), 1 + 0.9 * reach), "^", ms=3.5, color=FAKE)
    axes.plot(at[ratio < 1 - reach], np.full((ratio < 1 - reach).sum(), 1 - 0.9 * reach), "v", ms=3.5, color=FAKE)
    axes.set_ylim(1 - 1.05 * reach, 1 + 1.05 * reach)
    ticks = [1 - reach, 1, 1 + reach]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_ylabel("ratio", fontsize=9)


def plane(
    real: np.ndarray, fake: np.ndarray, marked: Sequence[np.ndarray], *, on_fake: bool, axes_names: tuple[str, str]
) -> tuple[str, str]:
    """Points in the plane, [n, 2] and [m, 2]: two drawings of one scale, held-out data and generated examples.

    Arguments:
        marked: which of one side lie in each region, [n] or [m] bool: open circles; a dashed outline with the region's
            number shows on both drawings where that is.
        on_fake: whether the marked ones are generated.
    """
    from matplotlib.patheffects import withStroke

    side = fake if on_fake else real
    outlines = [_outline(side[rows]) for rows in marked]
    low, high = np.quantile(np.concatenate([real, fake]), [0.002, 0.998], axis=0)
    low, high = np.minimum(low, np.quantile(real, 0.001, axis=0)), np.maximum(high, np.quantile(real, 0.999, axis=0))
    margin = 0.08 * np.maximum(high - low, 1e-9)
    low, high = low - margin, high + margin
    height = 3.4 * float(np.clip((high[1] - low[1]) / (high[0] - low[0]), 0.45, 1.15)) + 0.6
    tops = np.array([outline[outline[:, 1].argmax()] for outline in outlines])
    drawings = []
    for points, colour, name, holds in ((real, GREY, "held-out data", not on_fake), (fake, BLUE, "generated", on_fake)):
        with figure(3.9, height) as drawn:
            axes = drawn.subplots()
            _points(axes, points[:POINTS], colour)
            for number, (rows, outline) in enumerate(zip(marked, outlines, strict=True), start=1):
                if holds:
                    _circles(axes, points[rows][:POINTS])
                axes.plot(*outline.T, color=MARK, lw=0.9, ls=(0, (4, 2)))
                if len(marked) > 1:
                    top = tops[number - 1]
                    before = (np.abs(tops[: number - 1] - top) < CLOSE * (high - low)).all(1).sum()
                    text = axes.annotate(
                        str(number), top, (9 * before, 2), textcoords="offset points", color=MARK, ha="center"
                    )
                    text.set_path_effects([withStroke(linewidth=2.5, foreground=PAPER)])
            axes.set_title(name, loc="left", fontsize=10)
            axes.set(
                xlim=(low[0], high[0]),
                ylim=(low[1], high[1]),
                xlabel=literal(axes_names[0]),
                ylabel=literal(axes_names[1]),
            )
            if np.ptp(high - low) < 4 * (high - low).min():
                axes.set_aspect("equal", adjustable="box")
            drawings.append(svg(drawn, f"{name}, with the regions outlined"))
    return drawings[0], drawings[1]


def _outline(points: np.ndarray) -> np.ndarray:
    """The hull of all but the outermost twentieth of some points, a little wider: a closed line, [k, 2]."""
    from scipy.spatial import ConvexHull, QhullError

    centre = np.median(points, 0)
    away = np.linalg.norm(points - centre, axis=1)
    kept = points[away <= np.quantile(away, 0.95)].astype(np.float64)
    try:
        hull = kept[ConvexHull(kept).vertices]
    except (QhullError, ValueError):  # too few points, or all on a line
        angle = np.linspace(0, 2 * np.pi, 37)
        hull = centre + max(float(away.max()), 1e-6) * np.stack([np.cos(angle), np.sin(angle)], 1)
    middle = hull.mean(0)
    wider = middle + 1.15 * (hull - middle)
    return np.concatenate([wider, wider[:1]])


def _points(axes: Axes, points: np.ndarray, colour: str) -> None:
    axes.scatter(points[:, 0], points[:, 1], s=4, color=colour, alpha=0.6, linewidths=0, rasterized=True)


def _circles(axes: Axes, points: np.ndarray) -> None:
    """Points that are marked, told from the others without colours too."""
    axes.scatter(points[:, 0], points[:, 1], s=14, facecolors="none", edgecolors=RED, linewidths=0.6, rasterized=True)


def curves(series: Mapping[str, tuple[list[float], list[float]]], label: str, x_name: str, y_name: str) -> str:
    """Lines with points, one for each name: x and y in [0, 1]."""
    with figure(4.6, 2.6) as drawn:
        axes = drawn.subplots()
        colours = (FAKE, MARK, REAL, INK)
        for (name, (x, y)), colour in zip(series.items(), colours * 4, strict=False):
            axes.plot(100 * np.array(x), 100 * np.array(y), marker="o", ms=3, lw=1.2, color=colour, label=name)
        axes.set(xlabel=x_name, ylabel=y_name, ylim=(-3, 103))
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        return svg(drawn, label)


def lines(rows: np.ndarray, colour: str, label: str) -> str:
    """Vectors as steps over their index, [n, d], faint over each other."""
    with figure(3.6, 1.6) as drawn:
        axes = drawn.subplots()
        for row in rows:
            axes.step(np.arange(len(row)), row, where="mid", lw=0.7, alpha=0.7, color=colour)
        axes.set_xlabel("index")
        return svg(drawn, label)
