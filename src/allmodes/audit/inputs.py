"""From what the user gives, arrays or files of any source, to three sets that can be compared."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from allmodes.audit.comparable import (
    UNMATCHED,
    constant_columns,
    in_the_order_of,
    require_comparable,
    require_finite,
    unmatched_conditions,
)
from allmodes.audit.sets import hashes
from allmodes.audit.subject import Examples, Subject
from allmodes.data.conditions import load_having
from allmodes.data.dataset import Dataset, load_data
from allmodes.data.frames import is_frame
from allmodes.errors import UserError
from allmodes.shares import percent

TREE_SHARE, MOST_TREE = 0.5, 5_000
"""Of the real examples, how many take the place of training examples where none are given."""
SIDES = ("real", "fake", "train")
ARRAY = "an array"
"""Name of what has no path."""
NAMED = 5
TELLING = 0.001
"""Share of repeated samples, beyond that of the data, that is noted."""


def subject_of(
    real: Any,
    fake: Any,
    train: Any = None,
    *,
    labels: Any = None,
    conditions: Any = None,
    label: str | None = None,
    condition: str | Sequence[str] = (),
    resize: int | tuple[int, int] | None = None,
    seed: int = 0,
) -> Subject:
    """Read the sets and see that they can be compared.

    Arguments:
        real, fake, train: as `load_data` takes them: arrays [n, *shape], or paths in any format that it reads. Where
            `train` is left out, half of `real`, 5000 at most, makes the map and is used for nothing else; copies cannot
            be told then.
        labels, conditions: of real; or a mapping from "real", "fake" and "train" to those of each.
        label, condition: columns of data frames, or columns or arrays of files, that hold them; `fake` and `train` may
            be without.
        resize: rows and columns to scale images of all sets to; one number for both.
        seed: draws the part of `real` that makes the map.

    Raises:
        UserError: for sets that cannot be read or compared.
    """
    if real is None or fake is None:
        raise UserError("give a run, or both real= and fake=: what is examined is their difference")
    given = {side: data for side, data in zip(SIDES, (real, fake, train), strict=True) if data is not None}
    notes: list[str] = []
    sets = {
        side: _load(side, data, _of(labels, side), _of(conditions, side), label, condition, resize, notes)
        for side, data in given.items()
    }
    if "train" in sets and len(sets["train"]) < 2:
        raise UserError("train: 1 example is too few to be compared with; give more, or leave train out")
    reference = sets["real"]
    sets = {side: in_the_order_of(reference, data) for side, data in sets.items()}
    notes += _compare(sets)
    held = Examples(*_columns("real", reference, reference))
    if "train" in sets:
        part = _trained_on(sets["train"], reference, notes)
    else:
        order = np.random.default_rng(seed).permutation(len(held))
        cut = min(MOST_TREE, round(TREE_SHARE * len(held)))
        part, held = held[np.sort(order[:cut])], held[np.sort(order[cut:])]
        notes.append(
            f"no training examples were given: {cut:,} of the real ones make the map, and whether the generator copies "
            "cannot be told"
        )
    made = Examples(*_columns("fake", sets["fake"], reference))
    scale = sets["train"].values if "train" in sets else None
    notes += unmatched_conditions(reference.event, held, made, reference.values if scale is None else scale)
    if resize is not None:
        assert reference.event.image
        _, rows, columns = reference.event.image
        notes.append(f"images were scaled to {rows} x {columns} pixels: what is finer was not examined")
    return Subject(
        event=reference.event,
        train=part,
        real=held,
        fake=made,
        trained="train" in sets,
        modes=reference.modes,
        sources={side: {"name": _name(data), "digest": sets[side].digest} for side, data in given.items()},
        title=_title(_name(fake), _name(real)),
        notes=tuple(notes),
    )


def _title(fake: str, real: str) -> str:
    """What is held against what, by the names of files: "bad.csv against real.csv"."""
    made = "Generated examples in an array" if fake == ARRAY else fake
    return made if real == ARRAY else f"{made} against {real}"


def _name(data: Any) -> str:
    return str(data).encode("utf-8", "replace").decode() if isinstance(data, (str, os.PathLike)) else ARRAY


def _of(given: Any, side: str) -> Any:
    """One set's labels or conditions: those of real, unless they are given by set."""
    if isinstance(given, Mapping) and given and set(given) <= set(SIDES):
        return given.get(side)
    return given if side == "real" else None


def _load(
    side: str,
    data: Any,
    labels: Any,
    conditions: Any,
    label: str | None,
    condition: str | Sequence[str],
    resize: int | tuple[int, int] | None,
    notes: list[str],
) -> Dataset:
    """One set; what is noted is a name of the real examples that it lacks."""
    named = isinstance(data, (str, os.PathLike)) or is_frame(data)
    asked: tuple[str | None, str | Sequence[str]] = (label, condition) if named else (None, ())
    given = {"labels": labels, "conditions": conditions, "resize": resize}
    try:
        if side == "real":
            return load_data(data, label=asked[0], condition=asked[1], **given)
        found, lacking = load_having(data, *asked, **given)
    except UserError as error:
        raise UserError(f"{side}: {error}") from None
    for name in lacking:
        if (found.labels if name == label else found.values) is None:  # nor under a name of its own
            notes.append(f"{side} has no column or array {name!r}")
    return found


def _compare(sets: Mapping[str, Dataset]) -> list[str]:
    """What is odd, a line each.

    Raises:
        UserError: for what stands against a comparison.
    """
    real = sets["real"]
    require_finite(real, "real")
    notes = []
    for side in ("fake", "train"):
        if side in sets:
            notes += require_comparable(real, sets[side], side)
    still = constant_columns(real)
    if still:
        names = ", ".join(real.event.column(column) for column in still[:NAMED])
        more = f" and {len(still) - NAMED} more" if len(still) > NAMED else ""
        notes.append(f"columns that never change in real: {names}{more}")
    rows = {side: list(hashes(data.x.numpy())) for side, data in sets.items()}
    trained_on = _share_in(rows["real"], rows["train"]) if "train" in rows else 0.0
    _require_disjoint(trained_on)
    _require_generated(_share_in(rows["fake"], rows["real"]))
    if real.event.discrete:
        return notes
    if trained_on:
        notes.append(
            f"{percent(trained_on)} of real are among the training examples to the last bit: drop them, they prove "
            "nothing"
        )
    if _repeats(rows["fake"], rows["real"]):
        notes.append(f"{percent(_repeated(rows['fake']))} of fake repeat other examples of fake to the last bit")
    if repeated := _repeated(rows["real"]):
        notes.append(
            f"{percent(repeated)} of real repeat other examples of real to the last bit: the tests take all examples "
            "as independent, so drop what was given twice"
        )
    return notes


def _repeated(rows: Sequence[int]) -> float:
    """Share of examples, given by their hashes, that were there before."""
    return 1 - len(set(rows)) / len(rows)


def _repeats(fake: Sequence[int], real: Sequence[int]) -> bool:
    """Whether so many examples of fake repeat each other more often than as many of real do, and than chance does."""
    n = min(len(fake), len(real))
    a, b = (n * _repeated(rows[:n]) for rows in (fake, real))
    return a - b > max(TELLING * n, 4 * math.sqrt(a + b))


def _require_disjoint(share: float) -> None:
    """Held-out examples that were trained on prove nothing."""
    if share > 0.5:
        raise UserError(
            f"{percent(share)} of real are among the training examples; give as real examples that were not trained on"
        )


def _require_generated(share: float) -> None:
    if share > 0.5:
        raise UserError(
            f"{percent(share)} of fake are exactly examples of real; give generated examples as fake, and if the "
            "generator was trained on real and copies it, give real as train and other examples as real"
        )


def _share_in(own: Sequence[int], known: Sequence[int]) -> float:
    """Share of examples that are to the last bit among others; 0 for what is discrete and repeats itself anyway.

    Arguments:
        own, known: their hashes.
    """
    among = set(known)
    if len(among) < 0.9 * len(known):
        return 0.0
    # One example repeated is one, however often it is given.
    return float(sum(h in among for h in set(own)) / len(own))


def _trained_on(train: Dataset, reference: Dataset, notes: list[str]) -> Examples:
    """Training examples of the classes and values that are held out; a note where there are others.

    Held-out and training examples are taken for draws of one distribution: where only one class or a window of a
    condition is held out, and not where chance leaves out a rare class or the largest value, only these are compared.

    Raises:
        UserError: for labels or conditions that the real data do not have.
    """
    classes = reference.event.classes
    strange = [name for name in train.event.classes if classes and name not in classes]
    part = Examples(*_columns("train", train, reference, without=strange))
    known = np.ones(len(part), bool) if part.labels is None else part.labels >= 0
    if known.sum() < 2:
        _columns("train", train, reference)  # says so: these are other classes
    if strange:
        names = ", ".join(strange[:NAMED])
        notes.append(f"{(~known).sum():,} training examples of {names} are left out: real has none of that class")
        part = part[np.flatnonzero(known)]
    beyond, said = np.zeros(len(part), bool), []
    for where, others in _windows(part, reference):
        beyond |= others
        said.append(f"{others.sum():,} training examples with {where} are left out: real has no such examples")
    if (~beyond).sum() < 2:
        return part
    notes += said
    return part[np.flatnonzero(~beyond)]


def _windows(part: Examples, reference: Dataset) -> Iterator[tuple[str, np.ndarray]]:
    """Conditions of which the held-out values span a window: what lies outside, in words and as a mask [t].

    By chance as many as 2 / (n + 1) of the training values lie outside of the held-out ones, five times as many once in
    two thousand data sets.
    """
    if part.values is None or reference.values is None:
        return
    chance = 2 / (len(reference) + 1)
    for name, values, held in zip(reference.event.variables, part.values.T, reference.values.numpy().T, strict=True):
        low, high = held.min(), held.max()
        outside = (values < low) | (values > high)
        if outside.mean() > max(UNMATCHED, 5 * chance):
            yield f"{name} outside of {low:.4g} to {high:.4g}", outside


def _columns(
    side: str, data: Dataset, reference: Dataset, without: Sequence[str] = ()
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Examples, rows, labels and values; labels as indices into the classes of the real data.

    Arguments:
        without: classes that the real data need not have; their index is -1.

    Raises:
        UserError: for labels or conditions that the real data do not have.
    """
    labels, values = data.labels, data.values
    index = None
    if labels is not None:
        classes = reference.event.classes
        if strange := [name for name in data.event.classes if name not in (*classes, *without)]:
            raise UserError(
                f"{side}: labels {', '.join(strange[:NAMED])} occur, and real has {', '.join(classes[:12]) or 'none'}; "
                "give labels of the same names to all sets, or leave the labels out"
            )
        places = [classes.index(name) if name in classes else -1 for name in data.event.classes]
        index = np.array(places)[labels.numpy()]
    if values is not None and data.event.variables != reference.event.variables:
        raise UserError(
            f"{side}: conditions {', '.join(data.event.variables)} and, in real, "
            f"{', '.join(reference.event.variables) or 'none'}; give the same conditions to all sets"
        )
    return data.x.numpy(), np.arange(len(data)), index, None if values is None else values.numpy()
