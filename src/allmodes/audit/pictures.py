"""Examples as people see them: images as tiles, points in the plane, vectors as lines, tables as rows."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import Literal

import numpy as np

from allmodes.audit import plots
from allmodes.audit.markup import table
from allmodes.event import Event, Layout, Support

TILES = 12
TILE = 64
"""Pixels of a tile's longer side on the page, about."""
COLUMNS = 10
ROWS = 6
LINE = 13
"""A vector without names of its columns of at least so many numbers is drawn as a line."""

Kind = Literal["tiles", "plane", "lines", "rows"]


def kind_of(event: Event) -> Kind:
    """How examples of an event are shown one by one."""
    if event.image is not None or len(event.shape) >= 2:
        return "tiles"
    if event.size == 2:
        return "plane"
    return "lines" if event.size >= LINE and not event.columns else "rows"


def shown(event: Event) -> int:
    """How many examples are shown side by side."""
    return ROWS if kind_of(event) == "rows" else TILES


def show(x: np.ndarray, event: Event, caption: str, said: str, colour: str = plots.REAL) -> str:
    """Some examples with a caption, [n, *shape], as HTML.

    Arguments:
        said: what they are, for those who do not see them: "real examples of region 2".
    """
    if not len(x):
        return ""
    match kind_of(event):
        case "tiles":
            inside = tiles(x[:TILES], event, said)
        case "lines":
            inside = plots.lines(x[:TILES].reshape(min(TILES, len(x)), -1), colour, said)
        case _:
            inside = rows(x[:ROWS], event, said)
    return f"<figure><figcaption>{escape(caption)}</figcaption>{inside}</figure>"


def tiles(x: np.ndarray, event: Event, said: str) -> str:
    """Images, or voxels summed along their first axis, [n, *shape], as enlarged pictures side by side."""
    images = [_pixels(example, event) for example in x]
    low, high = _range(images, event)
    drawn = "".join(_tile(image, low, high, f"{said}, {i} of {len(images)}") for i, image in enumerate(images, start=1))
    return f'<div class="tiles">{drawn}</div>'


def flat(example: np.ndarray, event: Event) -> np.ndarray:
    """One number a pixel, [rows, columns]: channels are averaged."""
    pixels = _pixels(example, event)
    return pixels if pixels.ndim == 2 else pixels.mean(2)


def _pixels(example: np.ndarray, event: Event) -> np.ndarray:
    """[rows, columns] or [rows, columns, 3]."""
    if event.layout is Layout.CHW:
        example = example.transpose(1, 2, 0)
    elif event.layout is Layout.VECTOR:
        while example.ndim > 2:
            example = example.sum(0)
    if event.layout is Layout.HWC and event.levels == 256 and example.shape[2] == 4:
        example = example[..., :3]  # the fourth says how opaque a pixel is
    if example.ndim == 3 and example.shape[2] != 3:
        example = example.mean(2)
    return example.astype(np.float64)


def _range(images: Sequence[np.ndarray], event: Event) -> tuple[float, float]:
    if event.layout is not Layout.VECTOR:
        if event.support is Support.LEVELS:
            most = max(float(i.max()) for i in images)
            return 0.0, event.levels - 1.0 if most > event.levels / 4 or not most else most
        if event.support is Support.BINARY:
            return 0.0, 1.0
    low, high = min(float(i.min()) for i in images), max(float(i.max()) for i in images)
    return low, high if high > low else low + 1.0


def _tile(image: np.ndarray, low: float, high: float, said: str) -> str:
    from PIL import Image

    pixels = (255 * (image - low) / (high - low)).round().clip(0, 255).astype(np.uint8)
    scale = max(1, round(TILE / max(pixels.shape[:2])))
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode()
    rows, columns = pixels.shape[:2]
    size = f'width="{columns * scale}" height="{rows * scale}"'
    return f'<img alt="{escape(said)}" {size} src="data:image/png;base64,{data}">'


def rows(x: np.ndarray, event: Event, said: str, first: Sequence[str] = ()) -> str:
    """Examples of a table, a row each, the first columns.

    Arguments:
        said: what the table is of.
        first: what each row is, if anything is to be said of it.
    """
    shown = min(COLUMNS, event.size)
    names = event.columns[:shown] or tuple(str(i) for i in range(shown))
    head = ("example",) * bool(first) + names + ("…",) * (shown < event.size)
    cells = [[f"{value:.4g}" for value in row[:shown].astype(float)] for row in x.reshape(len(x), -1)]
    if first:
        cells = [[escape(text), *row] for text, row in zip(first, cells, strict=True)]
    return table(head, cells, said)


def beside(pairs: Sequence[tuple[np.ndarray, np.ndarray, str]], event: Event) -> str:
    """Generated examples over what they copy, each with what is to be said of it."""
    if kind_of(event) != "tiles":
        both = np.stack([example for fake, original, _ in pairs for example in (fake, original)])
        said = [line for _, _, text in pairs for line in (f"generated: {text}", "its original")]
        return rows(both, event, "generated examples beside their originals", said)
    images = [_pixels(example, event) for fake, original, _ in pairs for example in (fake, original)]
    low, high = _range(images, event)
    cells = "".join(
        f"<figure>{_tile(images[2 * i], low, high, f'generated example {i + 1}')}"
        f"{_tile(images[2 * i + 1], low, high, f'its original {i + 1}')}"
        f"<figcaption>{escape(text)}</figcaption></figure>"
        for i, (_, _, text) in enumerate(pairs)
    )
    return f'<div class="pairs">{cells}</div>'
