"""Examples on the page: every kind of event is shown, pixel by pixel where it is an image."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from allmodes.audit import exhibits as module
from allmodes.audit import pictures, plots
from allmodes.audit.api import Audit, audit
from allmodes.audit.exhibits import exhibits
from allmodes.audit.finding import Finding, Pair, Region, Verdict
from allmodes.audit.one_dimension import histogram
from allmodes.audit.pictures import _range
from allmodes.data.dataset import Dataset
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
    assert module._captions(region)[0] == own
    finding = Finding("invented" if region.of == "samples" else "missing", Verdict.FOUND, "", regions=(region,))
    assert module._title(finding, region, 2).startswith("Region 2: ")
    assert module._title(finding, region, 2).endswith(")" + standing)
    assert "difference" not in module._title(replace(finding, name="spacing"), region, 1)


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


def test_copies_stand_under_their_originals_names_with_their_own_numbers() -> None:
    page = pictures.beside([(np.array([1.0, 2, 3]), np.array([1.0, 2, 4]), "")], Event((3,)))
    assert page.index("generated") < page.index("<td>3</td>") < page.index("its original") < page.index("<td>4</td>")


def test_tiles_share_one_scale_and_keep_their_sides() -> None:
    x = np.zeros((2, 8, 4))
    x[0, 0, 0], x[1, 0, 0] = 1, 2
    page = pictures.tiles(x, Event((8, 4), layout=Layout.HW), "")
    assert [tile.max() for tile in drawn(page)] == [128, 255]
    assert 'width="32" height="64"' in page
    assert pictures.flat(np.float32([[[0, 3, 6]]]), Event((1, 1, 3), layout=Layout.HWC)).tolist() == [[3]]


def test_the_first_columns_of_a_wide_table_stand_under_their_names() -> None:
    event = Event((12,), columns=tuple("abcdefghijkl"))
    page = pictures.show(np.arange(12.0)[None], event, "", "")
    assert re.findall('<th scope="col">(.*?)</th>', page) == [*"abcdefghij", "…"]
    assert re.findall("<td>(.*?)</td>", page) == [str(i) for i in range(10)]


@pytest.fixture(scope="module")
def lamps() -> Audit:
    """Held-out picture i has brightness 100 + i, a generated one 160 + i and a training one 210 + i, for i below 40."""
    sides = {
        side: np.resize(np.arange(start, start + 40, dtype=np.uint8), 120)[:, None, None].repeat(6, 1).repeat(6, 2)
        for side, start in (("real", 100), ("fake", 160), ("train", 210))
    }
    return audit(**sides, features="identity", self_test="none")


def captions(page: str) -> list[str]:
    return re.findall(r"<figcaption>(.*?)</figcaption>", page)


def test_a_region_shows_its_own_examples_before_the_nearest_of_the_other_kind(lamps: Audit) -> None:
    data = Region(0.3, 0.06, 0.2, 0.28, examples=(3, 5), fake_examples=(7,), certified=False)
    samples = Region(0.001, 0.2, -0.25, -0.15, examples=(4,), fake_examples=(8, 9), of="samples")
    pages = [
        exhibits(Finding(name, Verdict.FOUND, "", regions=regions), lamps)
        for name, regions in (("missing", (data,)), ("invented", (samples,)), ("spacing", (data,)))
    ]
    assert [[int(tile[3, 3]) for tile in drawn(page)] for page in pages] == [
        [103, 105, 167],
        [168, 169, 104],
        [103, 105, 167],
    ]
    assert captions(pages[0]) == ["Real, and generated at 20.0 % of their rate", "Nearest generated ones"]
    assert captions(pages[1]) == ["Generated, and hardly in the data", "Nearest real ones"]
    assert captions(pages[2]) == ["Real ones", "Generated ones: too close together"]
    said = "Region 1: 30.0 % of the held-out and 6.0 % of the generated examples (difference 20.0 to 28.0 %)"
    assert f"<h3>{said}, suspected</h3>" in pages[0]
    assert "(difference 15.0 to 25.0 %)</h3>" in pages[1]
    certified = Finding("missing", Verdict.FOUND, "", regions=(replace(data, certified=True),) * 10)
    assert f"<h3>{said}</h3>" in exhibits(certified, lamps)
    assert "2 smaller regions are in audit.json" in exhibits(certified, lamps)


def test_a_copy_is_shown_left_of_its_original_with_its_own_distances(lamps: Audit) -> None:
    row = int(lamps.subject.train.rows[4])
    page = exhibits(Finding("copies", Verdict.FOUND, "", pairs=(Pair(5, row, distance=0.5, usual=3.0),)), lamps)
    assert [int(tile[3, 3]) for tile in drawn(page)] == [165, 210 + row % 40]
    assert captions(page) == ["distance 0.5, usual 3"]


def test_maps_and_tables_of_figures_are_of_what_they_name(lamps: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, np.ndarray] = {}
    monkeypatch.setattr(plots, "maps", lambda shares: seen.update(shares) or "")
    shares = {side: np.full((6, 6), share).tolist() for side, share in (("real", 0.5), ("fake", 0.75))}
    rows = [{"name": "a", "gap": 0.5, "low": 0.4, "high": 0.6, "p_value": 1e-9}]
    page = exhibits(Finding("pixels", Verdict.FOUND, "", figures={"maps": shares, "pixels": rows}), lamps)
    assert {name: values[0, 0] for name, values in seen.items()} == {
        "held-out": 0.5,
        "generated": 0.75,
        "generated less held-out": 0.25,
    }
    assert "<td>a</td><td>0.50 [0.40, 0.60]</td><td>&lt; 0.0001</td>" in page


def test_regions_of_the_plane_are_outlined_and_numbered_as_they_are_listed(
    ring: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = ring.x.numpy()
    points = audit(real=x[:200], fake=x[300:600], train=x[600:800], self_test="none")
    regions = (Region(0.001, 0.2, -0.25, -0.15, examples=(4,), fake_examples=(8, 9), of="samples"),) * 2
    seen: list[list[int]] = []

    def plane(
        real: np.ndarray, fake: np.ndarray, marked: list[np.ndarray], on_fake: bool, axes_names: object
    ) -> object:
        seen.extend(np.flatnonzero(rows).tolist() for rows in marked)
        return f"{len(real)}", f"{len(fake)}, {on_fake}"

    monkeypatch.setattr(plots, "plane", plane)
    page = exhibits(Finding("invented", Verdict.FOUND, "", regions=regions), points)
    assert seen == [[8, 9], [8, 9]]
    assert '<div class="plots">200300, True</div>' in page
    assert "generated examples of the regions" in page
    assert "<tr><td>1</td><td>0.10 %</td><td>20.0 %</td><td>15.0 to 25.0 %</td></tr><tr><td>2</td>" in page


def test_points_are_drawn_under_the_name_of_their_side_and_marked_where_the_regions_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng, seen, numbers = np.random.default_rng(0), [], []
    annotate = Axes.annotate

    def record(axes: Axes, text: str, *given: Any, **more: Any) -> Any:
        numbers.append(text)
        return annotate(axes, text, *given, **more)

    real, fake = rng.standard_normal((200, 2)), rng.standard_normal((300, 2))
    monkeypatch.setattr(plots, "_points", lambda axes, points, colour: seen.append((len(points), colour)))
    monkeypatch.setattr(plots, "_circles", lambda axes, points: seen.append((len(points), "circles")))
    monkeypatch.setattr(Axes, "annotate", record)
    marked = [np.arange(200) < 30, np.arange(200) >= 150]
    both = plots.plane(real, fake, marked, on_fake=False, axes_names=("width", "length"))
    assert seen == [(200, plots.GREY), (30, "circles"), (50, "circles"), (300, plots.BLUE)]
    assert numbers == ["1", "2", "1", "2"]
    for drawing, name, other in (both[0], "held-out data", "generated"), (both[1], "generated", "held-out data"):
        texts = re.findall(r"<text[^>]*>([^<]*)</text>", drawing)
        assert name in texts
        assert other not in texts
        assert texts.index("width") < texts.index("length")


def test_curves_and_histograms_are_drawn_of_what_they_name(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Any, ...]] = []

    def record(draw: Any, *names: str) -> Any:
        def drawing(axes: Any, *given: Any, **more: Any) -> Any:
            seen.append((*given, *(more.get(name) for name in names)))
            return draw(axes, *given, **more)

        return drawing

    monkeypatch.setattr(Axes, "stairs", record(Axes.stairs, "label"))
    plots.ratio_histogram(histogram(np.repeat([0.0, 1, 2], [4, 9, 1]), np.repeat([0.0, 1], [16, 4])), "")
    assert [(values.tolist(), label) for values, _, label in seen] == [
        (pytest.approx([4 / 14, 9 / 14, 1 / 14]), "held-out data"),
        (pytest.approx([0.8, 0.2, 0]), "generated"),
    ]
    seen.clear()
    monkeypatch.setattr(Axes, "imshow", record(Axes.imshow, "cmap"))
    plots.maps(
        {"held-out": np.eye(2), "generated": np.ones((2, 2)), "generated less held-out": np.ones((2, 2)) - np.eye(2)}
    )
    assert [cmap for _, cmap in seen] == ["gray", "gray", "RdBu_r"]
    seen.clear()
    monkeypatch.setattr(Axes, "plot", record(Axes.plot, "label"))
    plots.curves({"a group": ([0.02, 0.1], [0.5, 1.0])}, "", "share", "seen")
    ((x, y, label),) = seen
    assert (x.tolist(), y.tolist(), label) == ([2, 10], [50, 100], "a group")
