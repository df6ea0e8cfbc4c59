"""Examples on the page: every kind of event is shown, pixel by pixel where it is an image."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from allmodes.audit import exhibits, pictures, plots
from allmodes.audit.api import audit
from allmodes.audit.finding import Finding, Region, Verdict
from allmodes.audit.pictures import _range
from allmodes.data.detect import detect_layout
from allmodes.event import Event, Layout, Support


def drawn(page: str) -> list[np.ndarray]:
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))) for data in re.findall(r'base64,([^"]+)"', page)]


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 3), (3, 8, 8), (1, 8, 8)])
def test_images_are_shown_as_they_are(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).integers(0, 256, (5, *shape), dtype=np.uint8)
    event = Event(shape, Support.LEVELS, levels=256, layout=detect_layout(shape))
    page = pictures.show(x, event, "five", "real examples")
    assert re.findall('alt="([^"]*)"', page) == [f"real examples, {i} of 5" for i in range(1, 6)]
    tiles = drawn(page)
    assert len(tiles) == 5
    channels_last = x.transpose(0, 2, 3, 1) if len(shape) == 3 and shape[0] in (1, 3) else x
    assert all(np.array_equal(tile, image.squeeze()) for tile, image in zip(tiles, channels_last, strict=True))


def test_voxels_are_summed_along_their_first_axis() -> None:
    x = np.random.default_rng(0).exponential(size=(2, 6, 5, 4))
    event = Event((6, 5, 4))
    assert pictures.kind_of(event) == "tiles"
    sums = x.sum(1)
    expected = (255 * (sums - sums.min()) / np.ptp(sums)).round()
    assert np.array_equal(np.stack(drawn(pictures.show(x, event, "", ""))), expected)


def test_tables_are_rows_under_their_columns_and_markup_in_names_is_text() -> None:
    event = Event((3,), columns=("a", "<b>", "c"))
    page = pictures.show(np.array([[1.0, 2.0, 3.25]]), event, "x < y", "a & b")
    assert "&lt;b&gt;" in page
    assert "x &lt; y" in page
    assert "<td>3.25</td>" in page
    assert '<thead><tr><th scope="col">a</th>' in page
    assert 'tabindex="0" role="region" aria-label="a &amp; b"' in page


def test_copies_stand_beside_their_originals() -> None:
    event = Event((3,))
    page = pictures.beside([(np.array([1.0, 2, 3]), np.array([1.0, 2, 4]), "distance 1")], event)
    assert page.count("<tr>") == 3
    assert page.index("generated: distance 1") < page.index("its original")


def test_drawings_take_their_colours_from_the_page_and_share_no_names() -> None:
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal((200, 2)), rng.standard_normal((300, 2))
    both = plots.plane(real, fake, [real[:, 0] > 1], on_fake=False, axes_names=("x", "y"))
    names = [set(re.findall(r' id="([^"]+)"', drawing)) for drawing in both]
    assert names[0]
    assert not names[0] & names[1]
    for drawing in both:
        assert "currentColor" in drawing
        assert not any(stand_in in drawing for stand_in in plots.COLOURS)
        used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', drawing))
        assert used <= set(re.findall(r' id="([^"]+)"', drawing))


def test_a_region_of_one_point_or_a_line_is_outlined_too() -> None:
    real = np.zeros((50, 2))
    fake = np.stack([np.arange(50.0), np.arange(50.0)], 1)
    plots.plane(real, fake, [np.ones(50, bool)], on_fake=False, axes_names=("x", "y"))
    plots.plane(real, fake, [np.ones(50, bool)], on_fake=True, axes_names=("x", "y"))


def test_a_region_of_a_table_names_the_column_that_sets_it_apart(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2000, 3))
    x[:, 1] += 10 * (rng.random(2000) < 0.2)
    fake = x[1000:][x[1000:, 1] < 5]
    path = audit(real=x[:400], fake=fake, train=x[400:1000], self_test="none").save(tmp_path)
    page = path.read_text()
    rows = re.findall(
        r"Columns that set the region apart.*?</th></tr></thead><tbody><tr><td>(.*?)</td><td>([\d.]+) to", page
    )
    assert rows[0][0] == "column 1"
    assert float(rows[0][1]) > 7


def test_bytes_that_use_few_of_their_levels_are_not_shown_black() -> None:
    event = Event((8, 8), Support.LEVELS, levels=256, layout=Layout.HW)
    assert _range([np.full((8, 8), 16.0), np.zeros((8, 8))], event) == (0, 16)
    assert _range([np.full((8, 8), 200.0)], event) == (0, 255)


def test_how_opaque_a_pixel_is_does_not_make_it_white() -> None:
    event = Event((4, 5, 4), Support.LEVELS, 256, Layout.HWC)
    x = np.full((2, 4, 5, 4), 255, np.uint8)
    x[..., :3] = 40
    x[0, 0, 0, :3] = 200
    shown = np.stack(drawn(pictures.show(x, event, "two", "")))
    assert np.array_equal(shown, x[..., :3])


@pytest.mark.parametrize(
    ("region", "own", "standing"),
    [
        (Region(0.2, 0.0, 0.15, 0.25), "Real, and not generated", ""),
        (Region(0.2, 0.01, 0.15, 0.25), "Real, and hardly generated", ""),
        (Region(0.2, 0.1, -0.01, 0.25), "Real, and generated at 50.0 % of their rate", ", not sure by itself"),
        (Region(0.0, 0.2, -0.25, -0.1, of="samples"), "Generated, and not in the data", ""),
        (Region(0.01, 0.2, -0.25, -0.1, of="samples"), "Generated, and hardly in the data", ""),
    ],
)
def test_regions_are_called_what_their_shares_are(region: Region, own: str, standing: str) -> None:
    assert exhibits._captions(region)[0] == own
    finding = Finding("invented" if region.of == "samples" else "missing", Verdict.FOUND, "", regions=(region,))
    assert exhibits._title(finding, region, 2).startswith("Region 2: ")
    assert exhibits._title(finding, region, 2).endswith(")" + standing)
    assert "difference" not in exhibits._title(replace(finding, name="spacing"), region, 1)


def test_it_is_said_why_fewer_are_shown_beside_a_region_than_of_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (900, 6, 6), dtype=np.uint8)
    x[::4] //= 8
    fake = x[500:][x[500:].max((1, 2)) > 31]
    fake = np.concatenate([fake, np.full((1, 6, 6), 16, np.uint8)])
    page = audit(real=x[:300], fake=fake, train=x[300:500], self_test="none").save(tmp_path).read_text()
    assert "Nearest generated ones (one and the same to all of these)" in page
    assert 'alt="real examples of region 1, 12 of 12"' in page
    assert 'alt="generated examples near region 1, 1 of 1"' in page
