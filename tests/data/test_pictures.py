"""Folders of pictures: pixels arrive as they were, in natural order, with sub-folders as classes."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from allmodes.data.dataset import load_data
from allmodes.data.files import read
from allmodes.data.pictures import resize_picture
from allmodes.errors import UserError
from allmodes.event import Layout, Support

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 9), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8)
DEEP = RNG.integers(0, 65_536, (6, 9), dtype=np.uint16)


def save(path: Path, array: np.ndarray, mode: str | None = None) -> None:
    path.parent.mkdir(exist_ok=True)
    picture = Image.fromarray(array)
    (picture if mode is None else picture.convert(mode)).save(path)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(depth: int, colour: int, *, header: int = 13, more: bytes = b"") -> bytes:
    """A black PNG of 8 x 8 pixels.

    Arguments:
        depth, colour: bits of a channel, and which channels there are, as in the header.
        header: how many of its bytes there are.
        more: chunks before the pixels.
    """
    head = struct.pack(">IIBBBBB", 8, 8, depth, colour, 0, 0, 0)[:header]
    row = bytes(1 + 8 * depth // 8 * {0: 1, 2: 3, 4: 2, 6: 4}[colour])
    pixels = chunk(b"IDAT", zlib.compress(8 * row)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + pixels


@pytest.mark.parametrize(
    ("array", "mode", "support", "levels", "layout"),
    [
        (GREY, None, Support.LEVELS, 256, Layout.HW),
        (GREY, "1", Support.BINARY, 0, Layout.HW),
        (DEEP, None, Support.LEVELS, 65_536, Layout.HW),
        (COLOUR[:3], None, Support.LEVELS, 256, Layout.HWC),
        (np.tile(COLOUR, (2, 1, 1)), None, Support.LEVELS, 256, Layout.HWC),
        (np.tile(COLOUR, (2, 1, 1)), "RGBA", Support.LEVELS, 256, Layout.HWC),
        (np.tile(COLOUR, (2, 1, 1)), "P", Support.LEVELS, 256, Layout.HWC),
    ],
)
def test_every_depth_and_mode_arrives_as_it_was(
    tmp_path: Path, array: np.ndarray, mode: str | None, support: Support, levels: int, layout: Layout
) -> None:
    for i in range(2):
        save(tmp_path / f"{i}.png", array, mode)
    data = load_data(tmp_path)
    assert (data.event.support, data.event.levels, data.event.layout) == (support, levels, layout)
    with Image.open(tmp_path / "0.png") as picture:
        expected = np.asarray(picture.convert("RGB") if picture.mode == "P" else picture)
    assert np.array_equal(data.x[1].numpy(), expected)


def test_pictures_come_in_natural_order_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    for i in (10, 9, 1):
        save(tmp_path / f"image{i}.png", np.full((5, 5), i, np.uint8))
    (tmp_path / ".DS_Store").write_bytes(b"junk")
    (tmp_path / "SOURCE.txt").write_text("whence")
    assert read(tmp_path).x[:, 0, 0].tolist() == [1, 9, 10]


def test_subfolders_are_classes(tmp_path: Path) -> None:
    for name in ("dog", "cat", "class10", "class9"):
        save(tmp_path / name / "a.jpg", GREY)
    data = load_data(tmp_path)
    assert data.event.classes == ("cat", "class9", "class10", "dog")
    assert data.labels is not None
    assert data.labels.tolist() == [0, 1, 2, 3]
    save(tmp_path / "stray.png", GREY)
    with pytest.raises(UserError, match=r"stray\.png lies beside sub-folders that are classes"):
        load_data(tmp_path)


def test_folders_of_one_name_in_different_ones_are_different_classes(tmp_path: Path) -> None:
    for parent in ("day", "night"):
        (tmp_path / parent).mkdir()
        save(tmp_path / parent / "cat" / "a.png", GREY)
    assert load_data(tmp_path).event.classes == ("day/cat", "night/cat")


def test_transparency_of_some_pictures_is_kept(tmp_path: Path) -> None:
    clear = np.concatenate([COLOUR, GREY[:, :, None]], -1)
    save(tmp_path / "a.png", COLOUR)
    save(tmp_path / "b.png", clear)
    assert np.array_equal(read(tmp_path).x[1], clear)


def test_sizes_that_differ_are_named_and_resized_on_demand(tmp_path: Path) -> None:
    save(tmp_path / "a.png", GREY)
    save(tmp_path / "b.png", np.zeros((12, 12), np.uint8))
    with pytest.raises(UserError, match=r"a\.png has 6 x 9 rows x columns, .*b\.png has 12 x 12; pass --resize 6"):
        load_data(tmp_path)
    assert load_data(tmp_path, resize=(8, 10)).event.shape == (8, 10)
    assert load_data(tmp_path, resize=8).event.shape == (8, 8)


def test_grey_among_colour_becomes_colour_and_deep_grey_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "a.png", GREY)
    save(tmp_path / "b.png", COLOUR)
    contents = read(tmp_path)
    assert np.array_equal(contents.x[0], np.stack([GREY] * 3, -1))
    assert np.array_equal(contents.x[1], COLOUR)
    save(tmp_path / "c.png", DEEP)
    with pytest.raises(UserError, match=r"c\.png is 16-bit grey, .*a\.png is L"):
        read(tmp_path)


@pytest.mark.parametrize("keep", [0, 20, 200])
def test_a_broken_picture_is_named(tmp_path: Path, keep: int) -> None:
    save(tmp_path / "good.png", np.tile(COLOUR, (9, 9, 1)))
    (tmp_path / "zz_bad.png").write_bytes((tmp_path / "good.png").read_bytes()[:keep])
    with pytest.raises(UserError, match=r"zz_bad\.png is truncated or damaged") as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)


def test_one_picture_is_not_a_data_set(tmp_path: Path) -> None:
    save(tmp_path / "a.png", GREY)
    with pytest.raises(UserError, match=r"a\.png is one picture; give the folder"):
        read(tmp_path / "a.png")


def test_scaling_keeps_a_flat_picture_flat_and_its_size_is_rows_by_columns() -> None:
    flat = np.full((6, 9, 3), 77, np.uint8)
    scaled = resize_picture(flat, (4, 13))
    assert scaled.shape == (4, 13, 3)
    assert scaled.dtype == np.uint8
    assert (scaled == 77).all()
    ramp = np.tile(np.linspace(0, 1, 32), (32, 1))
    assert np.allclose(resize_picture(ramp, (8, 8)).mean(), 0.5, atol=1e-3)
    assert (np.diff(resize_picture(ramp, (8, 12)), axis=1) > 0).all()
    real = resize_picture(GREY.astype(np.float32), (4, 13))
    assert np.array_equal(resize_picture(GREY, (4, 13)), real.round())


@pytest.mark.parametrize(
    ("orientation", "lying"),
    [(5, GREY.T), (6, np.rot90(GREY)), (7, np.rot90(GREY, 2).T), (8, np.rot90(GREY, -1))],
)
def test_a_picture_that_says_it_lies_on_its_side_is_turned(tmp_path: Path, orientation: int, lying: np.ndarray) -> None:
    save(tmp_path / "0.png", GREY)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(lying.copy()).save(tmp_path / "1.png", exif=exif)
    data = load_data(tmp_path)
    assert np.array_equal(data.x[0], GREY)
    assert np.array_equal(data.x[1], GREY)


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    save(tmp_path / "far" / "0.png", GREY)
    (tmp_path / "set").mkdir()
    save(tmp_path / "set" / "a" / "0.png", GREY)
    (tmp_path / "set" / "b").symlink_to(tmp_path / "far")
    (tmp_path / "set" / "a" / "again").symlink_to(tmp_path / "set")
    assert load_data(tmp_path / "set").event.classes == ("a", "b")


@pytest.mark.parametrize("colour", [2, 4, 6])
def test_colour_of_16_bits_is_refused_and_not_halved(tmp_path: Path, colour: int) -> None:
    (tmp_path / "a.png").write_bytes(png(8, colour))
    load_data(tmp_path)
    (tmp_path / "a.png").write_bytes(png(16, colour))
    with pytest.raises(UserError, match=r"a\.png has 16 bits a channel.*convert it to 8 bits, or .* \.npy"):
        load_data(tmp_path)


@pytest.mark.parametrize("name", ["pipe.png", "pipe"])
def test_a_pipe_among_pictures_is_passed_over(tmp_path: Path, name: str) -> None:
    save(tmp_path / "a.png", GREY)
    os.mkfifo(tmp_path / name)
    assert len(read(tmp_path).x) == 1


@pytest.mark.parametrize(
    "broken",
    [
        png(8, 0, header=9),
        png(8, 0, more=chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(2**21)))),
        png(8, 0, more=80 * chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(2**20)))),
    ],
    ids=["header", "profile", "texts"],
)
def test_a_picture_whose_header_is_wrong_is_named(tmp_path: Path, broken: bytes) -> None:
    (tmp_path / "a.png").write_bytes(broken)
    with pytest.raises(UserError, match=r"a\.png is truncated or damaged \(.*(IHDR|too large|Too much memory)"):
        read(tmp_path)


def test_notes_in_a_picture_that_make_no_sense_are_no_concern_of_the_user(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0" + b"\xff" * 9)
    assert read(tmp_path).x.shape == (1, 6, 9)
