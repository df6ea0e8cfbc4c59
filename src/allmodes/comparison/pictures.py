"""Two pictures of a comparison: the recipes by year, and the taxonomy with each family's samples in its box."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from allmodes.comparison.comparing import Comparison, Row
from allmodes.data.write import grid_picture
from allmodes.event import Event
from allmodes.figures import FAKE, REAL, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TILES = 16
ACROSS = 6
DEEPEST = 4
"""Recipes one above the other under a leaf."""
GAP = 150
"""Grey between tiles, so that black pictures stay apart."""

LEAVES = {
    "fully visible\nbelief nets": ("nade", "made", "pixelcnn", "pixelrnn"),
    "change of\nvariables": ("flow",),
    "variational": ("vae",),
    "Markov chain,\nexplicit": ("rbm", "dbm"),
    "Markov chain,\nimplicit": ("gsn",),
    "direct": ("gan",),
}
"""The leaves of the tree, left to right, and the families of recipes in each (Goodfellow, 2016, 1701.00160, fig. 9)."""

BRANCHES = (
    ("maximum likelihood", (0, 5), 3),
    ("explicit density", (0, 3), 2),
    ("implicit density", (4, 5), 2),
    ("tractable", (0, 1), 1),
    ("approximate", (2, 3), 1),
)
"""Name, first and last leaf below, and height."""


def save_years(path: Path, comparison: Comparison) -> None:
    """A PNG: held-out data, then each recipe's samples in the order of years, with its numbers under them."""
    from matplotlib.figure import Figure

    rows, event = comparison.rows, comparison.data.event
    panels = len(rows) + 1
    across = min(ACROSS, panels)
    down = -(-panels // across)
    figure = Figure(figsize=(2.3 * across, 3.2 * down), layout="constrained")
    axes = np.ravel(figure.subplots(down, across, squeeze=False))
    real = comparison.data.batch(comparison.data.split.test[:TILES]).x.numpy()
    limits = _limits(comparison)
    _draw(axes[0], comparison.data.part("test").x.numpy() if event.image is None else real, event, REAL, limits)
    axes[0].set_title(f"data: {comparison.data.name}", fontsize=9)
    for axis, row in zip(axes[1:], rows, strict=False):
        _draw(axis, row.samples, event, FAKE, limits)
        axis.set_title(f"{row.entry.year}  {comparison.name(row)}", fontsize=9)
        axis.text(0.5, -0.04, "\n".join(numbers(row)), transform=axis.transAxes, ha="center", va="top", fontsize=7)
    for axis in axes[panels:]:
        axis.set_axis_off()
    save_figure(path, figure)


def save_taxonomy(path: Path, comparison: Comparison) -> None:
    """A PNG: the tree of generative models, each recipe's samples under its leaf; a full leaf takes more columns."""
    from matplotlib.figure import Figure

    by_leaf = [[row for row in comparison.rows if row.entry.family in families] for families in LEAVES.values()]
    columns = [max(1, -(-len(rows) // DEEPEST)) for rows in by_leaf]
    ends = np.cumsum([0, *columns])
    height = 2.6 + 1.75 * min(DEEPEST, max(map(len, by_leaf)))
    figure = Figure(figsize=(2 * ends[-1], height))
    _tree(figure.add_axes((0, 1 - 2.6 / height, 1, 2.6 / height)), ends)
    limits = _limits(comparison)
    for first, across, rows in zip(ends, columns, by_leaf, strict=False):
        for place, row in enumerate(rows):
            left = (first + place % across + 0.14) / ends[-1]
            top = 1 - (2.6 + 1.75 * (place // across)) / height
            axis = figure.add_axes((left, top - 1.35 / height, 0.72 / ends[-1], 1.3 / height))
            _draw(axis, row.samples, comparison.data.event, FAKE, limits)
            axis.set_title(f"{comparison.name(row)} ({row.entry.year})", fontsize=8, pad=2)
            axis.text(0.5, -0.03, numbers(row)[0], transform=axis.transAxes, ha="center", va="top", fontsize=7)
    save_figure(path, figure)


def numbers(row: Row) -> list[str]:
    """What is said of a model under its picture, the most telling first."""
    said = []
    if row.score:
        said.append(f"log p {row.score.kind.relation} {row.score.mean:.1f} nats")
    if row.missing_mass is not None:
        said.append(f"missing: at least {row.missing_mass:.1%}" if row.missing_mass else "nothing surely missing")
    if row.auc is not None:
        said.append(f"told from data: AUC {row.auc:.2f}")
    return said or ["nothing could be told"]


def _tree(axes: Axes, ends: np.ndarray) -> None:
    """The branches above the leaves, of which the k-th takes the columns from ends[k] to ends[k + 1]."""
    axes.set(xlim=(0, ends[-1]), ylim=(-0.45, 3.4))
    axes.set_axis_off()
    box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": REAL, "linewidth": 0.8}
    leaves = (ends[:-1] + ends[1:]) / 2
    places = {name: ((ends[first] + ends[last + 1]) / 2, level) for name, (first, last), level in BRANCHES}
    for name, (first, last), level in BRANCHES:
        x, y = places[name]
        inner = [branch for branch in BRANCHES if branch[2] == level - 1 and first <= branch[1][0] <= last]
        covered = {leaf for _, (a, b), _ in inner for leaf in range(a, b + 1)}
        below = [places[branch[0]] for branch in inner]
        below += [(leaves[leaf], 0.0) for leaf in range(first, last + 1) if leaf not in covered]
        for to in below:
            axes.plot((x, to[0]), (y, to[1]), color=REAL, linewidth=0.8, zorder=0)
        axes.text(x, y, name, ha="center", va="center", fontsize=10, bbox=box)
    for x, name in zip(leaves, LEAVES, strict=True):
        axes.text(x, 0.0, name, ha="center", va="center", fontsize=9, bbox=box)


def _limits(comparison: Comparison) -> tuple[np.ndarray, np.ndarray]:
    """Of pictures of points: where nearly all data lie, with a margin, in the first two coordinates."""
    x = comparison.data.part("test").x.numpy().reshape(len(comparison.data.split.test), -1)[:, :2].astype(float)
    low, high = np.quantile(x, 0.002, axis=0), np.quantile(x, 0.998, axis=0)
    margin = 0.15 * np.where(high > low, high - low, 1.0)
    return low - margin, high + margin


def _draw(axes: Axes, x: np.ndarray, event: Event, colour: str, limits: tuple[np.ndarray, np.ndarray]) -> None:
    """Images as tiles; points and tables by their first two coordinates, or the histogram of the only one."""
    axes.set(xticks=[], yticks=[])
    if event.image is not None and event.image[0] in (1, 3):
        tiles = torch.as_tensor(x[:TILES]).nan_to_num().numpy()
        axes.imshow(grid_picture(tiles, event, gap=GAP), cmap="gray", interpolation="nearest")
        axes.spines[:].set_visible(False)
        return
    points = x.reshape(len(x), -1)
    low, high = limits
    axes.spines[["top", "right"]].set_visible(False)
    if points.shape[1] == 1:
        axes.hist(points[:, 0], np.linspace(low[0], high[0], 40), color=colour, density=True)
        return
    axes.scatter(points[:, 0], points[:, 1], s=2, color=colour, linewidths=0)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))


def save_pictures(folder: Path, comparison: Comparison) -> Sequence[Path]:
    """years.png and taxonomy.png."""
    years, taxonomy = folder / "years.png", folder / "taxonomy.png"
    save_years(years, comparison)
    save_taxonomy(taxonomy, comparison)
    return years, taxonomy
