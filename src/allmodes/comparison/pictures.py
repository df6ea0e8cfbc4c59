"""Two pictures of a comparison: the recipes by year, and the taxonomy with each family's samples in its box."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from allmodes.comparison.rows import Comparison, Row
from allmodes.data.write import grid_picture, pictured
from allmodes.event import Event
from allmodes.figures import FAKE, REAL, literal, save_figure
from allmodes.shares import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TILES = 9
LETTERS = 11
"""Points."""
ACROSS = 4
BESIDE = 4
"""Recipes beside each other behind a leaf."""
PANEL = 2.0, 2.75
"""Width and height of a recipe's place in the tree, inches."""
LEVELS = 0.3, 0.85, 1.4, 2.25
"""Where the tree's nodes stand, from the root to the leaves, inches from the left."""
TRUNK = 3.1
"""Width of the tree without its pictures, inches."""

LEAVES = {
    "fully visible\nbelief nets": ("nade", "made", "pixelcnn", "pixelrnn"),
    "change of\nvariables": ("flow",),
    "variational": ("vae",),
    "Markov chain,\nexplicit": ("rbm", "dbm"),
    "Markov chain,\nimplicit": ("gsn",),
    "direct": ("gan",),
}
"""The leaves of the tree, from the top, and the families of recipes in each (Goodfellow, 2016, 1701.00160, fig. 9)."""

BRANCHES = (
    ("maximum likelihood", (0, 5), 0),
    ("explicit density", (0, 3), 1),
    ("implicit density", (4, 5), 1),
    ("tractable", (0, 1), 2),
    ("approximate", (2, 3), 2),
)
"""Name, first and last leaf behind, and level, counted from the root."""


def save_years(path: Path, comparison: Comparison) -> None:
    """A PNG: held-out data, then each recipe's samples in the order of years, with its numbers under them."""
    from matplotlib.figure import Figure

    rows, event = comparison.rows, comparison.data.event
    panels = len(rows) + 1
    across = min(ACROSS, panels)
    down = -(-panels // across)
    figure = Figure(figsize=(2.3 * across, 3.6 * down))
    figure.set_layout_engine("constrained", h_pad=0.15)
    axes = np.ravel(figure.subplots(down, across, squeeze=False))
    real = comparison.data.batch(comparison.data.split.test[:TILES]).x.numpy()
    limits = _limits(comparison)
    _draw(axes[0], comparison.data.part("test").x.numpy() if event.image is None else real, event, REAL, limits)
    axes[0].set_title(literal(f"data\n{comparison.data.name}"), fontsize=LETTERS)
    for axis, row in zip(axes[1:], rows, strict=False):
        _draw(axis, row.samples, event, FAKE, limits)
        axis.set_title(literal(f"{row.entry.year}\n{comparison.name(row)}"), fontsize=LETTERS)
        axis.text(
            0.5, -0.04, "\n".join(numbers(row)), transform=axis.transAxes, ha="center", va="top", fontsize=LETTERS
        )
    for axis in axes[panels:]:
        axis.set_axis_off()
    save_figure(path, figure)


def save_taxonomy(path: Path, comparison: Comparison) -> None:
    """A PNG: the tree of generative models from left to right, each recipe's samples behind its leaf.

    Below it stand the recipes of families that the tree does not have.
    """
    from matplotlib.figure import Figure

    by_leaf = [[row for row in comparison.rows if row.entry.family in families] for families in LEAVES.values()]
    if others := [row for row in comparison.rows if not any(row in rows for rows in by_leaf)]:
        by_leaf.append(others)
    beside = min(BESIDE, max(map(len, by_leaf)))
    ends = np.cumsum([0, *(max(0.5, -(-len(rows) // beside)) for rows in by_leaf)])
    width, height = TRUNK + beside * PANEL[0], PANEL[1] * ends[-1]
    figure = Figure(figsize=(width, height))
    _tree(figure.add_axes((0, 0, TRUNK / width, 1)), ends)
    limits = _limits(comparison)
    side = PANEL[0] - 0.1
    for first, rows in zip(ends, by_leaf, strict=False):
        for place, row in enumerate(rows):
            left = TRUNK + PANEL[0] * (place % beside)
            top = height - PANEL[1] * (first + place // beside) - 0.45
            axis = figure.add_axes((left / width, (top - side) / height, side / width, side / height))
            _draw(axis, row.samples, comparison.data.event, FAKE, limits)
            axis.set_title(literal(f"{comparison.name(row)}\n{row.entry.year}"), fontsize=LETTERS, pad=3)
            axis.text(0.5, -0.03, numbers(row)[0], transform=axis.transAxes, ha="center", va="top", fontsize=LETTERS)
    save_figure(path, figure)


def numbers(row: Row) -> list[str]:
    """What is said of a model under its picture, the most telling first."""
    said = []
    if row.score:
        said.append(f"log p {row.score.kind.relation} {row.score.mean:.1f} nats")
    if row.missing_mass is not None:
        said.append(f"missing: at least {percent(row.missing_mass)}" if row.missing_mass else "nothing surely missing")
    if row.auc is not None:
        said.append(f"told from data: AUC {row.auc:.2f}")
    return said or ["nothing could be told"]


def _tree(axes: Axes, ends: np.ndarray) -> None:
    """The branches before the leaves, of which the k-th takes the rows from ends[k] to ends[k + 1], and others last."""
    axes.set(xlim=(0, TRUNK), ylim=(ends[-1], 0))
    axes.set_axis_off()
    box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": REAL, "linewidth": 0.8}
    leaves = (ends[:-1] + ends[1:]) / 2
    heights = {name: (leaves[first] + leaves[last]) / 2 for name, (first, last), _ in BRANCHES}
    for name, (first, last), level in BRANCHES:
        inner = [branch for branch in BRANCHES if branch[2] == level + 1 and first <= branch[1][0] <= last]
        covered = {leaf for _, (a, b), _ in inner for leaf in range(a, b + 1)}
        behind = [(LEVELS[level + 1], heights[branch[0]]) for branch in inner]
        behind += [(LEVELS[-1], leaves[leaf]) for leaf in range(first, last + 1) if leaf not in covered]
        for x, y in behind:
            middle = LEVELS[level] + 0.25
            axes.plot(
                (LEVELS[level], middle, middle, x), (heights[name], heights[name], y, y), color=REAL, lw=0.8, zorder=0
            )
        axes.text(LEVELS[level], heights[name], name, ha="center", va="center", rotation=90, fontsize=LETTERS, bbox=box)
    for y, name in zip(leaves, (*LEAVES, "others"), strict=False):
        axes.text(LEVELS[-1], y, name, ha="center", va="center", fontsize=LETTERS, bbox=box)


def _limits(comparison: Comparison) -> tuple[np.ndarray, np.ndarray]:
    """Of pictures of points: where nearly all data lie, with a margin, in the first two coordinates."""
    x = comparison.data.part("test").x.numpy().reshape(len(comparison.data.split.test), -1)[:, :2].astype(float)
    low, high = np.quantile(x, 0.002, axis=0), np.quantile(x, 0.998, axis=0)
    margin = 0.15 * np.where(high > low, high - low, 1.0)
    return low - margin, high + margin


def _draw(axes: Axes, x: np.ndarray, event: Event, colour: str, limits: tuple[np.ndarray, np.ndarray]) -> None:
    """Images as tiles; points and tables by their first two coordinates, or the histogram of the only one."""
    axes.set(xticks=[], yticks=[])
    if pictured(event):
        tiles = torch.as_tensor(x[:TILES]).nan_to_num().numpy()
        axes.imshow(grid_picture(tiles, event), cmap="gray", interpolation="nearest")
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
