"""What is wrong with data before hours are spent on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from allmodes.data.chunks import chunks
from allmodes.data.dataset import Dataset
from allmodes.data.far import far_values
from allmodes.data.survey import holes, not_finite, varying
from allmodes.errors import UserError
from allmodes.event import Layout
from allmodes.shares import percent

FEWEST = 10
FEW = 100
DUPLICATES = 0.01
HASHED_ROWS = 100_000
SURVEYED = 2**24
"""Numbers of a table that are searched for values far from all others."""
_NAMED = 5


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Arguments:
        severity: an error stops training, a warning is printed.
        message: one line that says what, where, and what to do.
    """

    severity: Literal["error", "warning"]
    message: str


def check(dataset: Dataset) -> list[Problem]:
    """Everything that is wrong with a data set, errors first. Memory-mapped data are read a piece at a time."""
    problems = [
        *_too_few(dataset),
        *_not_finite("the examples", dataset.x),
        *_not_finite("the conditions", dataset.values),
        *_constant(dataset),
        *_far(dataset),
        *_one_class(dataset),
        *_duplicates(dataset),
        *_bytes_as_floats(dataset),
    ]
    return sorted(problems, key=lambda problem: problem.severity)


def require_clean(dataset: Dataset) -> list[Problem]:
    """The warnings.

    Raises:
        UserError: where there are errors, with the first of them.
    """
    problems = check(dataset)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise UserError(f"{dataset.name}: {errors[0].message}{more}")
    return problems


def _too_few(dataset: Dataset) -> Iterator[Problem]:
    n = len(dataset)
    if n < FEWEST:
        yield Problem("error", f"only {n} examples; give at least {FEWEST}, better thousands")
    elif n < FEW:
        yield Problem("warning", f"only {n} examples; a model will learn them by heart, give thousands")


def _not_finite(what: str, x: Tensor | None) -> Iterator[Problem]:
    rows, first = (0, -1) if x is None else not_finite(x)
    if rows:
        message = f"{what} hold NaN or infinite numbers in {rows} rows, the first is row {first}; "
        lacking = [] if x is None else holes(x)
        where = " and ".join(map(str, lacking[:_NAMED])) + (" and more" if len(lacking) > _NAMED else "")
        dead = f"most lack a number at {where}: leave that out, or put one there, such as 0"
        yield Problem("error", message + (dead if lacking else "drop those rows"))


def _constant(dataset: Dataset) -> Iterator[Problem]:
    """All examples identical; or, for tables, columns that never change."""
    varies = varying(dataset.x)
    if not varies.any():
        yield Problem("error", "all examples are identical; there is nothing to learn, check how they were made")
    elif not varies.all() and dataset.event.layout is Layout.VECTOR and varies.dim() == 1:
        still = (~varies).nonzero().flatten().tolist()
        names = [dataset.event.column(i) for i in still[:_NAMED]]
        more = f" and {len(still) - _NAMED} more" if len(still) > _NAMED else ""
        plural = "columns never change" if len(still) > 1 else "column never changes"
        yield Problem("warning", f"{len(still)} {plural}: {', '.join(names)}{more}; drop what carries nothing")


def _far(dataset: Dataset) -> Iterator[Problem]:
    """Columns of a table, and conditions, whose values are lost beside a few far from all others."""
    event = dataset.event
    if event.layout is Layout.VECTOR and dataset.x.dim() == 2 and not event.discrete:
        yield from _drowned("column", dataset.x, event.columns or [str(i) for i in range(event.size)])
    if dataset.values is not None:
        yield from _drowned("condition", dataset.values, event.variables)


def _drowned(kind: str, table: Tensor, names: Sequence[str]) -> Iterator[Problem]:
    head = table[: SURVEYED // max(1, len(names))].numpy()
    found = {name: far for name, column in zip(names, head.T, strict=True) if (far := far_values(column))}
    if not found:
        return
    (name, far), *others = found.items()
    value = f"{far.value:.6g} stands" if far.alike else f"values out to {far.value:.6g} stand"
    bulk = f"the others, zeros aside, lie within {far.radius:.2g} of {far.middle:.2g}"
    more = f" (and {len(others)} more such: {', '.join(name for name, _ in others[:_NAMED])})" if others else ""
    yield Problem(
        "warning",
        f"{kind} {name}: {value} in {far.count} of {len(head):,} rows, and {bulk}; if that is a mistake or a code for "
        f"missing values, drop those rows{more}",
    )


def _one_class(dataset: Dataset) -> Iterator[Problem]:
    if dataset.labels is not None and dataset.labels.min() == dataset.labels.max():
        name = dataset.event.classes[int(dataset.labels[0])]
        yield Problem("warning", f"every example has the label {name!r}; leave the labels out")


def _duplicates(dataset: Dataset) -> Iterator[Problem]:
    if dataset.event.discrete:
        return
    seen: set[int] = set()
    head = dataset.x[:HASHED_ROWS]
    for _, part in chunks(head):
        seen.update(hash(row.tobytes()) for row in part.numpy())
    share = 1 - len(seen) / len(head)
    if share > DUPLICATES:
        scope = f"of the first {len(head)} examples" if len(head) < len(dataset) else "of the examples"
        message = f"{percent(share)} {scope} are exact copies of others; drop them, or they leak into the test part"
        yield Problem("warning", message)


def _bytes_as_floats(dataset: Dataset) -> Iterator[Problem]:
    if dataset.event.discrete or dataset.event.columns:
        return
    having = torch.zeros(256, dtype=torch.long)
    for _, part in chunks(dataset.x):
        if not ((part >= 0) & (part <= 255) & (part == part.round())).all():
            return
        having += part.flatten().long().bincount(minlength=256)
    high = int(having.nonzero().max())
    lit, bright = having[1:].sum(), having[high // 16 + 1 :].sum()
    if high > 1 and bright > lit / 2:  # counts are mostly small, and as real numbers their logarithm is taken
        yield Problem(
            "warning", "looks like bytes stored as floats; pass uint8 to have 256 levels and not real numbers"
        )
