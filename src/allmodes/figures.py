"""Pictures of data and samples: every event gets the one that shows it best."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from allmodes.atomic import write_whole
from allmodes.data.modes import Modes
from allmodes.data.write import pictured, write_samples
from allmodes.event import Event

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REAL = "#4d4d4d"
FAKE = "#1668b8"
MISSED = "#c8321e"
IMAGES = 100
POINTS = 5000
COLUMNS = 6
MARGIN = 0.25
"""Around points, in their widths."""


def save_samples(path: Path, samples: Tensor, event: Event, real: Tensor, modes: Modes | None = None) -> None:
    """A PNG of samples, [n, *shape] in the user's units, beside real examples.

    Images: a grid. Points in the plane: both clouds. Anything else: a histogram for each of the first coordinates.
    """
    if pictured(event):
        write_samples(path, samples[:IMAGES].nan_to_num(), event)
        return
    from matplotlib.figure import Figure

    if event.shape == (2,):
        figure = Figure(figsize=(7.2, 4.0), layout="constrained")
        _clouds(figure, samples, real, event, modes)
    else:
        figure = _histograms(samples.flatten(1), real.flatten(1), event)
    save_figure(path, figure)


def _clouds(figure: Figure, samples: Tensor, real: Tensor, event: Event, modes: Modes | None) -> None:
    """Held-out points beside generated ones, and how many of these lie outside the view of those."""
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    cloud(left, real, REAL, "held-out data")
    cloud(right, samples, FAKE, "generated")
    said = []
    if modes and (missed := mark_missed(right, samples, modes)):
        said.append(f"{missed} missed mode{'s' * (missed > 1)} ringed")
    low, high = frame(right, modes.centres if modes else real if len(real) else samples)
    if outside := int((~((samples >= low) & (samples <= high)).all(1)).sum()):
        said.append(f"{outside} of {len(samples)} outside this view")
    right.set_title("\n".join(["generated", *said]), fontsize=10)
    for axes in (left, right):
        axes.set_xlabel(literal(event.column(0)), fontsize=9)
    left.set_ylabel(literal(event.column(1)), fontsize=9)


def cloud(axes: Axes, points: Tensor, colour: str, title: str) -> None:
    """Points in the plane, [n, 2]; those that are not finite are left out."""
    shown = points[:POINTS]
    shown = shown[shown.isfinite().all(1)]
    axes.scatter(*shown.T.numpy(), s=3, color=colour, alpha=0.5, linewidths=0, rasterized=True)
    axes.set_title(title, fontsize=10)
    axes.set_aspect("equal", adjustable="box")
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def frame(axes: Axes, points: Tensor) -> tuple[Tensor, Tensor]:
    """Show where points [n, 2] lie, with a margin; the corners, [2] each."""
    points = points[points.isfinite().all(1)].double()
    if not len(points):
        points = torch.zeros(1, 2, dtype=torch.float64)
    low, high = points.amin(0), points.amax(0)
    margin = MARGIN * torch.where(high > low, high - low, 1.0)
    low, high = low - margin, high + margin
    axes.set(xlim=(low[0].item(), high[0].item()), ylim=(low[1].item(), high[1].item()))
    return low, high


def mark_missed(axes: Axes, samples: Tensor, modes: Modes) -> int:
    """A ring around each mode that the samples do not capture; how many those are."""
    captured = torch.tensor(modes.examine(samples).high_quality_counts) > 0
    missed = modes.centres[~captured]
    axes.scatter(*missed.T.numpy(), s=180, facecolors="none", edgecolors=MISSED, linewidths=1.5)
    return len(missed)


def literal(text: str) -> str:
    """A user's text as matplotlib takes it, to which dollars mean formulas and parts of letters nothing."""
    return text.encode(errors="backslashreplace").decode().replace("$", r"\$")


@contextmanager
def unknown_letters() -> Iterator[None]:
    """Inside the block a letter that the font has not is drawn as a box, without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        yield


def save_figure(path: Path, figure: Figure) -> None:
    """Write a matplotlib figure as a PNG, whole."""
    buffer = io.BytesIO()
    with unknown_letters():
        figure.savefig(buffer, format="png", dpi=150, bbox_inches="tight", pad_inches=0.1)
    write_whole(path, lambda file: file.write(buffer.getvalue()))


def _histograms(samples: Tensor, real: Tensor, event: Event) -> Figure:
    from matplotlib.figure import Figure

    shown = min(COLUMNS, event.size)
    across = min(3, shown)
    down = -(-shown // across)
    figure = Figure(figsize=(3.2 * across, 2.4 * down), layout="constrained")
    panels = np.ravel(figure.subplots(down, across, squeeze=False))
    for axes in panels[shown:]:
        axes.set_axis_off()
    for column, axes in enumerate(panels[:shown]):
        span = real if len(real) else samples[samples.isfinite().all(1)]
        low, high = np.quantile(span[:, column], [0.001, 0.999]) if len(span) else (0.0, 1.0)
        edges = bin_edges(low, high, 40)
        if len(real):
            density = _density(real[:, column], edges)
            axes.stairs(density, edges, fill=True, color=REAL, alpha=0.35, label="held-out data")
        axes.stairs(_density(samples[:, column], edges), edges, color=FAKE, label="generated")
        axes.set_title(literal(event.column(column)), fontsize=9)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
        if column == 0:
            axes.legend(fontsize=7, frameon=False)
    return figure


def bin_edges(low: float, high: float, bins: int) -> np.ndarray:
    """Edges of bins of one width from low to high; from low on where nothing lies between the two."""
    return np.linspace(low, high if high > low else low + max(1.0, 1e-6 * abs(low)), bins + 1)


def _density(x: Tensor, edges: np.ndarray) -> np.ndarray:
    """The density of all of x, [n], in each bin; what lies outside, or is not finite, is in none."""
    return np.histogram(x[x.isfinite()].numpy(), edges)[0] / len(x) / np.diff(edges)
