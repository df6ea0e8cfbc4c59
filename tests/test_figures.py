"""Pictures: one for every event, whatever a generator makes, and no warning."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from allmodes.data.dataset import Dataset, load_data
from allmodes.data.modes import Modes
from allmodes.figures import FAKE, REAL, mark_missed, save_samples


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def coloured(path: Path, colour: str) -> int:
    """How many pixels have about that colour."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return int((np.abs(pixels(path) - rgb).max(-1) < 60).sum())


@pytest.mark.parametrize("kind", ["points", "levels", "CHW", "HWC"])
@pytest.mark.parametrize("wrong", [0.0, 1e30, torch.nan, torch.inf])
def test_every_event_has_a_picture_even_of_what_is_not_finite(
    kind: str, wrong: float, events: dict[str, Dataset], tmp_path: Path
) -> None:
    data = events[kind]
    samples = data.x[:30].clone()
    if samples.is_floating_point():
        samples[5:] += wrong
    save_samples(tmp_path / "samples.png", samples, data.event, data.x)
    assert pixels(tmp_path / "samples.png").std() > 0


def test_a_pictures_grid_shows_the_samples(digits: Dataset, tmp_path: Path) -> None:
    save_samples(tmp_path / "samples.png", digits.x[:4], digits.event, digits.x)
    shown = pixels(tmp_path / "samples.png")[..., 0]
    scale = len(shown) // 17  # two rows of 8 and a gap of 1
    first = shown[: 8 * scale : scale, : 8 * scale : scale]
    np.testing.assert_allclose(first, digits.x[0].double().numpy() * 255 / 16, atol=1)


def test_a_mode_that_is_missed_is_marked(ring: Dataset, tmp_path: Path) -> None:
    assert ring.modes is not None
    away = ring.x[(ring.x - ring.modes.centres[2].float()).norm(dim=1) > 0.5]
    reds = []
    for samples in (ring.x, away):
        save_samples(tmp_path / "samples.png", samples, ring.event, ring.x, ring.modes)
        assert coloured(tmp_path / "samples.png", FAKE) > 20
        reds.append(coloured(tmp_path / "samples.png", "#c8321e"))
    assert reds[0] < 10 < reds[1]


def test_histograms_of_a_table_overlap_where_samples_are_the_data(tmp_path: Path) -> None:
    data = load_data(np.random.default_rng(0).standard_normal((500, 3)).astype(np.float32))
    shown = []
    for shift in (0.0, 100.0):
        save_samples(tmp_path / "samples.png", data.x + shift, data.event, data.x)
        shown.append(coloured(tmp_path / "samples.png", FAKE))
    assert shown[0] > 2 * shown[1] > 0


def test_a_table_of_four_columns_has_no_empty_frame(tmp_path: Path) -> None:
    data = load_data(np.random.default_rng(0).standard_normal((500, 4)).astype(np.float32))
    save_samples(tmp_path / "samples.png", data.x, data.event, data.x)
    shown = pixels(tmp_path / "samples.png")
    assert shown[len(shown) // 2 + 20 :, shown.shape[1] // 2 :].min() == 255
    assert shown[len(shown) // 2 + 20 :, : shown.shape[1] // 3].min() < 255


def test_points_name_their_axes_and_what_the_view_leaves_out(
    ring: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr("allmodes.figures.save_figure", lambda path, figure: figures.append(figure))
    assert ring.modes is not None
    away = ring.x[(ring.x - ring.modes.centres[2].float()).norm(dim=1) > 0.5]
    event = replace(ring.event, columns=("width", "length"))
    for samples, modes in ((torch.cat([away, away[:7] * 100]), ring.modes), (ring.x, None)):
        save_samples(tmp_path / "samples.png", samples, event, ring.x, modes)
    ringed, calm = (figure.axes[1].get_title() for figure in figures)
    assert ringed == f"generated\n1 missed mode ringed\n7 of {len(away) + 7} outside this view"
    assert calm == "generated"
    assert [axes.get_xlabel() for axes in figures[0].axes] == ["width", "width"]
    assert figures[0].axes[0].get_ylabel() == "length"


def test_dollars_unknown_letters_and_parts_of_letters_in_names_are_drawn_as_they_are(tmp_path: Path) -> None:
    event = replace(
        load_data(np.zeros((20, 3)) + np.arange(20)[:, None]).event, columns=("$p_{T}$", "a_$_b", "能量\udcff")
    )
    x = torch.randn(20, 3)
    save_samples(tmp_path / "samples.png", x, event, x)
    assert pixels(tmp_path / "samples.png").std() > 0


@pytest.mark.parametrize(
    "message", ["'parseAll' argument is deprecated, use 'parse_all'", "'setName' deprecated - use"]
)
def test_names_of_pyparsing_that_older_releases_of_matplotlib_use_are_no_errors(message: str) -> None:
    warnings.warn_explicit(message, DeprecationWarning, "_mathtext.py", 1, module="matplotlib._mathtext")
    with pytest.raises(DeprecationWarning):
        warnings.warn_explicit(message, DeprecationWarning, "figures.py", 1, module="allmodes.figures")


def test_a_ring_stands_around_a_mode_whose_samples_are_all_beside_it() -> None:
    modes = Modes(torch.tensor([[0.0, 0.0], [5.0, 0.0]]), sigma=0.1)
    axes = Figure().subplots()
    mark_missed(axes, torch.tensor([[0.0, 0.0], [4.0, 0.0]]), modes)
    assert axes.collections[-1].get_offsets().tolist() == [[5, 0]]


def test_points_stand_under_their_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ring: Dataset) -> None:
    shown: dict[str, tuple[torch.Tensor, str]] = {}

    def record(axes: object, points: torch.Tensor, colour: str, title: str) -> None:
        shown[title] = points, colour

    monkeypatch.setattr("allmodes.figures.cloud", record)
    samples, real = ring.x[:10], ring.x[10:20]
    save_samples(tmp_path / "samples.png", samples, ring.event, real)
    assert shown["generated"][0].equal(samples)
    assert shown["held-out data"][0].equal(real)
    assert (shown["generated"][1], shown["held-out data"][1]) == (FAKE, REAL)
