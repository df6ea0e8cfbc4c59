"""What numbers can be: their support and the axes of an image, told from the numbers themselves."""

from __future__ import annotations

import numpy as np

from allmodes.data.chunks import chunks
from allmodes.event import Layout, Support

MOST_LEVELS = 65_536
MOST_CHANNELS = 16
FEWEST_PIXELS = 4
ZEROS = 0.01
BRIGHT = 128


def detect_layout(shape: tuple[int, ...]) -> Layout:
    """Which axes of an example of this shape are an image's.

    - (a, b), both at least 4: rows and columns.
    - (a, b, c), where the first or last axis is at most 16 and at most half of either other axis, and those are at
      least 4: that axis is the channels.
    - everything else, voxels (16, 16, 16) included: a vector.
    """
    match shape:
        case (rows, columns) if _pixels(rows, columns):
            return Layout.HW
        case (rows, columns, channels) if _pixels(rows, columns) and _channels(channels, rows, columns):
            return Layout.HWC
        case (channels, rows, columns) if _pixels(rows, columns) and _channels(channels, rows, columns):
            return Layout.CHW
        case _:
            return Layout.VECTOR


def _pixels(rows: int, columns: int) -> bool:
    return min(rows, columns) >= FEWEST_PIXELS


def _channels(channels: int, rows: int, columns: int) -> bool:
    return channels <= MOST_CHANNELS and 2 * channels <= min(rows, columns)


def detect_support(x: np.ndarray, layout: Layout, levels: int = 0) -> tuple[Support, int]:
    """The values that numbers can take, and how many levels they have (0 where they have none).

    The first rule that holds:

    - booleans: binary.
    - the source says how many levels there are (`levels`; 256 for 8-bit picture and idx files): levels.
    - every number is 0 or 1, and both occur: binary.
    - integers from 0 to at most 65,535: levels, as many as the largest plus one; 256 for 8-bit images that reach the
      upper half of a byte: others are counts, or grey in few steps.
    - no number is negative, and at least 1 % are exactly zero: non-negative.
    - everything else, negative integers included: real.

    Arguments:
        x: [n, *shape], any numeric type. Numbers that are not finite (an error for `check`) are never binary, and take
            no part in the other rules.
    """
    if x.dtype == bool:
        return Support.BINARY, 0
    if levels:
        return Support.LEVELS, levels
    low, high, zeros, ones = _survey(x)
    if zeros and ones and zeros + ones == x.size:
        return Support.BINARY, 0
    if x.dtype.kind in "iu" and low >= 0 and high < MOST_LEVELS:
        byte = x.dtype == np.uint8 and layout is not Layout.VECTOR and high >= BRIGHT
        return Support.LEVELS, 256 if byte else max(2, int(high) + 1)
    if low >= 0 and zeros >= ZEROS * x.size:
        return Support.NON_NEGATIVE, 0
    return Support.REAL, 0


def _survey(x: np.ndarray) -> tuple[float, float, int, int]:
    """Smallest and largest finite number, count of zeros, count of ones."""
    low, high, zeros, ones = np.inf, -np.inf, 0, 0
    for _, part in chunks(x):
        finite = part[np.isfinite(part)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
        zeros += int(np.count_nonzero(part == 0))
        ones += int(np.count_nonzero(part == 1))
    return low, high, zeros, ones
