"""Whether generated examples can be compared with real ones at all; what stands against it, in one line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

import numpy as np
import torch
from torch import Tensor

from allmodes.audit.subject import Examples
from allmodes.data.dataset import Dataset
from allmodes.data.survey import not_finite, varying
from allmodes.errors import UserError
from allmodes.event import Event, Layout, Support
from allmodes.shares import percent

SURVEYED = 2**22
"""Numbers of a set that are looked at for its range."""
FACTORS = (1e1, 1e2, 1e3, 1e4, 1e6, 1e9, 180 / np.pi)
"""What units differ by: powers of ten, degrees and radians."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
NAMED = 5
NEAR, ROUNDED = 0.05, 1e-5
"""Share of the values of a continuous condition, and of their range, that may lie between two that are one."""
UNMATCHED, EXPECTED = 0.1, 10
"""Share of real whose conditions no generated example has, from which on it is noted; examples that there would be."""


def require_comparable(real: Dataset, other: Dataset, what: str) -> list[str]:
    """Compare shapes, values and types of a set ("fake", "train") with the real one.

    Returns:
        what is odd and yet no obstacle, a line each.

    Raises:
        UserError: for examples that differ in shape, hold NaN, or are in other units.
    """
    _same_shape(real.event, other.event, what)
    require_finite(other, what)
    a, b = _survey(real), _survey(other)
    _same_range(a, b, what)
    if real.event.layout is Layout.VECTOR and len(real.event.shape) == 1:
        for column in range(real.event.size):
            _same_units(a[:, column], b[:, column], f"{real.event.column(column)} of {what}")
    else:
        _same_units(a.ravel(), b.ravel(), what)
    return list(_types(real.event, other.event, what))


def in_the_order_of(real: Dataset, other: Dataset) -> Dataset:
    """A table with its columns in the order of the real one's, where both have the same names."""
    names = other.event.columns
    if names == real.event.columns or sorted(names) != sorted(real.event.columns):
        return other
    places = torch.tensor([names.index(name) for name in real.event.columns])
    return replace(other, x=other.x[:, places], event=replace(other.event, columns=real.event.columns))


def require_finite(data: Dataset, what: str) -> None:
    """Raise where a number is NaN or infinite, naming the first row.

    Raises:
        UserError: then.
    """
    for name, tensor in ((what, data.x), (f"the conditions of {what}", data.values)):
        count, first = (0, -1) if tensor is None else not_finite(tensor)
        if count:
            raise UserError(
                f"{name}: {count} of {len(data)} examples hold NaN or infinite numbers, the first is row {first}; "
                "drop those rows"
            )


def constant_columns(data: Dataset) -> list[int]:
    """Columns of a table that never change.

    Raises:
        UserError: where all examples are identical.
    """
    varies = varying(data.x)
    if not varies.any():
        raise UserError("all real examples are identical; there is nothing to compare with, check how they were made")
    return (~varies).nonzero().flatten().tolist() if varies.dim() == 1 else []


def unmatched_conditions(event: Event, real: Examples, fake: Examples, scale: Tensor | None) -> list[str]:
    """Classes and values of the real examples that no generated one has, where chance does not explain that.

    Arguments:
        scale: values of the conditions, [t, k], among which values are near that few others lie between; None without.
    """
    notes = []
    way_out = "if it was asked for no others, give as real the examples of the same alone; else it leaves them out"
    if real.labels is not None and fake.labels is not None:
        lost = _lost(real.labels, fake.labels, len(event.classes))
        if lost.any():
            made = np.unique(fake.labels)
            names = ", ".join(np.array(event.classes)[made][:NAMED]) + (", ..." if len(made) > NAMED else "")
            known = len(np.unique(real.labels))
            notes.append(f"fake holds {len(made)} of the {known} values of {event.label} in real ({names}): {way_out}")
    if real.values is not None and fake.values is not None and scale is not None:
        for name, *columns in zip(event.variables, scale.numpy().T, real.values.T, fake.values.T, strict=True):
            share = _far(*columns)
            if share > UNMATCHED and share * len(fake) >= EXPECTED:
                notes.append(f"{percent(share)} of real have values of {name} that fake has not: {way_out}")
    return notes


def _far(scale: np.ndarray, real: np.ndarray, fake: np.ndarray) -> float:
    """Share of real values [n] from the nearest of fake [m] to which more than `NEAR` of the scale [t] lies."""
    scale, fake = np.sort(scale), np.sort(fake)
    at = np.searchsorted(fake, real, "right")
    below = np.append(-np.inf, fake)[at]  # the largest that is not larger
    above = np.append(fake, np.inf)[np.searchsorted(fake, real)]  # the smallest that is not smaller
    down = np.searchsorted(scale, real, "right") - np.searchsorted(scale, below, "right")
    up = np.searchsorted(scale, above) - np.searchsorted(scale, real)
    same = ROUNDED * np.ptp(scale)
    far = [
        (np.abs(real - near) > same) & (np.isinf(near) | (count > NEAR * len(scale)))
        for near, count in ((below, down), (above, up))
    ]
    return float((far[0] & far[1]).mean())


def _lost(real: np.ndarray, fake: np.ndarray, count: int) -> np.ndarray:
    """Which of some groups have no generated example, and would have many at their rate; all False for few of real.

    Arguments:
        real, fake: number of the group of each example.
    """
    shares, made = np.bincount(real, minlength=count) / len(real), np.bincount(fake, minlength=count)
    lost = (made == 0) & (shares * len(fake) >= EXPECTED)
    return lost & (shares[lost].sum() > UNMATCHED)


def _same_shape(real: Event, other: Event, what: str) -> None:
    a, b = real.shape, other.shape
    if a == b:
        return
    said = f"an example of real has shape {a} and one of {what} {b}"
    if len(a) == len(b) and sorted(a) == sorted(b):
        order = next(p for p in permutations(range(len(b))) if tuple(b[i] for i in p) == a)
        layouts = ""
        if real.layout is not other.layout and {real.layout, other.layout} == {Layout.HWC, Layout.CHW}:
            layouts = ": channels " + ("last against first" if real.layout is Layout.HWC else "first against last")
        axes = ", ".join(str(i) for i in (0, *(1 + i for i in order)))
        raise UserError(f"{said}{layouts}; turn the axes: {what}.transpose({axes})")
    if np.prod(a) == np.prod(b):
        raise UserError(f"{said}: as many numbers in another form; reshape: {what}.reshape(-1, {_spoken(a)})")
    if real.columns and other.columns and (lost := [c for c in real.columns if c not in other.columns]):
        raise UserError(f"{what} lacks the columns {', '.join(lost[:NAMED])}; give both the same columns")
    if real.columns and other.columns and (more := [c for c in other.columns if c not in real.columns]):
        raise UserError(
            f"{what} has columns that real has not: {', '.join(more[:NAMED])}; drop them, or name them with --label "
            "and --condition"
        )
    images = real.image is not None and other.image is not None and real.image[0] == other.image[0]
    raise UserError(f"{said}; give examples of one shape" + (", or scale all of them with --resize" if images else ""))


def _spoken(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))


def _survey(data: Dataset) -> np.ndarray:
    """Examples from all over a set, [n, size], about `SURVEYED` numbers."""
    step = max(1, len(data) * data.event.size // SURVEYED)
    return data.x[::step].flatten(1).numpy()


def _same_range(real: np.ndarray, other: np.ndarray, what: str) -> None:
    """Pixels of 0 to 255 against [0, 1] or [-1, 1]."""
    sides = (("real", real), (what, other))
    for (large, a), (small, b) in (sides, sides[::-1]):
        if a.min() < 0 or not 128 <= a.max() <= 255.5 or not _like_bytes(a):
            continue
        low, high = float(b.min()), float(b.max())
        said = f"{large} lies in 0 to {a.max():.0f} and {small} in {low:.2g} to {high:.2g}: bytes against numbers"
        if low >= 0 and 0.5 < high <= 1.001:
            raise UserError(f"{said} up to 1; multiply {small} by 255")
        if -1.001 <= low < -0.5 and 0.5 < high <= 1.001:
            raise UserError(f"{said} between -1 and 1; give 127.5 * ({small} + 1)")


def _like_bytes(x: np.ndarray) -> bool:
    """Whole numbers, or many that are large: one large number alone is an outlier."""
    return np.array_equal(x, np.rint(x)) or float(np.quantile(x, 0.99)) >= 64


def _same_units(real: np.ndarray, other: np.ndarray, what: str) -> None:
    """All quantiles in one proportion, and that one a change of units."""
    a, b = np.quantile(real, QUANTILES), np.quantile(other, QUANTILES)
    spread = max(float(np.ptp(a)), float(np.abs(a).max()))
    heavy = np.abs(a) > 0.05 * spread
    if not spread or heavy.sum() < 2 or np.ptp(a) < 0.05 * spread or not np.all(b[heavy]):
        return
    ratios = b[heavy] / a[heavy]
    ratio = float(np.median(ratios))
    if ratio <= 0 or not np.allclose(ratios, ratio, rtol=0.25):
        return
    for factor in FACTORS:
        for units in (factor, 1 / factor):
            if abs(np.log(ratio / units)) < np.log(1.15):
                said = f"{units:g}" if units > 1 else f"1/{factor:g}"
                raise UserError(
                    f"{what} is {said} times that of real in all its quantiles: other units; convert one of the two"
                )


def _types(real: Event, other: Event, what: str) -> Iterator[str]:
    if real.columns and other.columns and real.columns != other.columns:
        strange = [f"{b} for {a}" for a, b in zip(real.columns, other.columns, strict=True) if a != b]
        yield f"the columns of {what} have other names ({', '.join(strange[:NAMED])}), and are compared in their order"
    if real.discrete and not other.discrete and real.support is Support.BINARY:
        yield f"real holds only 0 and 1, and {what} other numbers too"
    elif real.discrete and not other.discrete:
        yield f"real holds only whole numbers, and {what} others too"
    elif real.support is Support.LEVELS and other.support is Support.LEVELS and other.levels > real.levels:
        yield f"real goes up to {real.levels - 1}, and {what} up to {other.levels - 1}"
