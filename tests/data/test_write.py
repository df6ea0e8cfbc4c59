"""Samples written are the samples that are read back."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from allmodes.data.dataset import load_data
from allmodes.data.write import GAP, check_writable, grid_picture, write_samples
from allmodes.errors import UserError
from allmodes.event import Condition, Event, Layout, Support

N = 30
X = torch.randn(N, 3, generator=torch.Generator().manual_seed(0)) / 3
EVENT = Event((3,), columns=("a", "b", "c"), classes=("gamma", "proton"), label="kind", variables=("energy",))
KNOWN = Condition(torch.arange(N) % 2, torch.rand(N, 1, generator=torch.Generator().manual_seed(1)))
DIGITS = Event((8, 8), Support.LEVELS, 17, Layout.HW)


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".csv", ".parquet"])
def test_samples_labels_and_conditions_come_back_to_the_last_bit(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"samples{suffix}"
    write_samples(path, X, EVENT, KNOWN)
    options: dict[str, Any] = {} if suffix in (".npz", ".h5") else {"label": "kind", "condition": ["energy"]}
    data = load_data(path, **options)
    assert torch.equal(data.x, X)
    assert data.labels is not None
    assert KNOWN.labels is not None
    assert torch.equal(data.labels, KNOWN.labels)
    assert data.values is not None
    assert KNOWN.values is not None
    assert torch.equal(data.values, KNOWN.values)
    assert (data.event.columns, data.event.classes) == (EVENT.columns, EVENT.classes)
    assert data.event.variables == EVENT.variables


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_no_column_of_a_sample_is_lost_to_a_condition_of_its_name(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"samples{suffix}"
    event = Event((3,), classes=("a", "b"), label="column3", variables=("column1",))
    write_samples(path, X, event, KNOWN)
    data = load_data(path, label="column3", condition=["column1"])
    assert torch.equal(data.x, X)
    assert KNOWN.values is not None
    assert torch.equal(data.condition.values, KNOWN.values)  # type: ignore[arg-type]
    write_samples(path, X, Event((3,)))
    assert load_data(path).event.columns == ("column1", "column2", "column3")
    with pytest.raises(UserError, match=rf"\{suffix} would have two columns named 'b'; write \.npz or \.h5"):
        check_writable(path, Event((3,), columns=("a", "b", "c"), variables=("b",)))


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5"])
def test_images_keep_shape_and_type(tmp_path: Path, suffix: str) -> None:
    data = load_data("digits")
    path = tmp_path / f"digits{suffix}"
    write_samples(path, data.x, data.event, data.condition)
    again = load_data(path)
    assert torch.equal(again.x, data.x)
    assert again.x.dtype == torch.uint8
    if suffix != ".npy":
        assert again.digest == data.digest


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_refuse_images_with_the_reason(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(UserError, match=rf"\{suffix} holds tables.*\(8, 8\); write \.npy"):
        write_samples(tmp_path / f"a{suffix}", np.zeros((2, 8, 8)), DIGITS)
    assert not list(tmp_path.iterdir())


def test_an_unknown_suffix_lists_the_known_ones() -> None:
    with pytest.raises(
        UserError, match=r"unknown suffix; give one of \.npy, \.npz, \.csv, \.h5, \.hdf5, \.parquet, \.png"
    ):
        check_writable("samples.mat", Event((2,)))


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5", ".csv", ".parquet", ".png"])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"samples{suffix}"
    path.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("os.fsync", full)
    x, event = (np.zeros((4, 8, 8)), DIGITS) if suffix == ".png" else (X, EVENT)
    with pytest.raises(UserError, match="no space left on the device"):
        write_samples(path, x, event)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_picture_shows_every_image_in_its_place(tmp_path: Path) -> None:
    x = np.zeros((5, 8, 8), np.uint8)
    for i in range(5):
        x[i] = 4 * i
    write_samples(tmp_path / "grid.png", x, DIGITS)
    with Image.open(tmp_path / "grid.png") as picture:
        pixels = np.asarray(picture)
    scale = 23  # whole, to about 600 pixels on the longer side
    assert pixels.shape == (scale * (2 * 9 - 1), scale * (3 * 9 - 1))
    small = pixels[::scale, ::scale]
    assert np.array_equal(small.repeat(scale, 0).repeat(scale, 1), pixels)
    assert [int(small[9 * (i // 3), 9 * (i % 3)]) for i in range(5)] == [0, 64, 128, 191, 255]
    assert set(small[8]) == set(small[:, 8]) == {GAP}


def test_a_picture_of_large_images_keeps_their_pixels(tmp_path: Path) -> None:
    event = Event((20, 700), Support.LEVELS, levels=256, layout=Layout.HW)
    write_samples(tmp_path / "grid.png", np.zeros((2, 20, 700), np.uint8), event)
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.size == (1401, 20)


def test_colour_pictures_of_both_layouts_are_the_same() -> None:
    x = np.random.default_rng(0).normal(size=(4, 3, 8, 10))
    first = grid_picture(x, Event((3, 8, 10), layout=Layout.CHW))
    last = grid_picture(x.transpose(0, 2, 3, 1), Event((8, 10, 3), layout=Layout.HWC))
    assert first.shape == (17, 21, 3)
    assert np.array_equal(first, last)
    assert (first.min(), first.max()) == (0, 255)


def test_pictures_of_no_colour_space_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.png shows images of 1, 3 or 4 channels.*\(3,\)"):
        write_samples(tmp_path / "a.png", X, EVENT)


def test_a_picture_of_numbers_that_span_decades_is_not_black() -> None:
    rng = np.random.default_rng(0)
    for x in (rng.pareto(1.0, (50, 8, 8)), rng.normal(0, 0.3, (50, 8, 8)) + rng.pareto(1.0, (50, 8, 8))):
        picture = grid_picture(x.astype(np.float32), Event((8, 8), Support.REAL, layout=Layout.HW))
        assert picture.max() == 255
        assert (picture[picture != GAP] > 25).mean() > 0.4
