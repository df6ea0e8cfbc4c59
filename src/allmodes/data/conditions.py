"""The conditions of any data set, in the words of an event."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from allmodes.data.builtin import BUILTINS
from allmodes.data.contents import NoSuchName, listed
from allmodes.data.dataset import Dataset, load_data
from allmodes.data.frames import is_frame
from allmodes.errors import UserError, unknown
from allmodes.event import Condition, Event


def conditions_of(data: Any, event: Event) -> Condition:
    """Labels and continuous conditions of all examples of a data set, as an event counts its classes and names them.

    Arguments:
        data: as `load_data` takes it; of a file the columns or arrays that have the event's names, or else those that
            it has itself.

    Raises:
        UserError: for an event without conditions, for data that lack one of them, hold a class that the event does not
            have, or a value that is not finite.
    """
    if not event.classes and not event.variables:
        raise UserError("the model takes no conditions; leave those of other data out")
    columns = is_frame(data) or (isinstance(data, (str, os.PathLike)) and data not in BUILTINS)
    names = (event.label if event.classes else None, event.variables) if columns else (None, ())
    found, _ = load_having(data, *names)
    return Condition(_labels(found, event), _values(found, event))


def load_having(
    data: Any, label: str | None, condition: str | Sequence[str], **given: Any
) -> tuple[Dataset, list[str]]:
    """Data with those of some names of columns or arrays that they have, and the names that they lack.

    Arguments:
        given: what else `load_data` is given.
    """
    try:
        return load_data(data, label=label, condition=condition, **given), []
    except NoSuchName as missing:
        others = [name for name in listed(condition) if name != missing.name]
        found, lacking = load_having(data, None if missing.name == label else label, others, **given)
        return found, [missing.name, *lacking]


def _labels(data: Dataset, event: Event) -> Tensor | None:
    if not event.classes:
        return None
    if data.labels is None:
        raise _lacking(data, event.label)
    if strange := [name for name in data.event.classes if name not in event.classes]:
        raise unknown(f"{event.label} in {data.name},", strange[0], event.classes)
    return torch.tensor([event.classes.index(name) for name in data.event.classes])[data.labels]


def _values(data: Dataset, event: Event) -> Tensor | None:
    if not event.variables:
        return None
    for name in event.variables:
        if data.values is None or name not in data.event.variables:
            raise _lacking(data, name)
    assert data.values is not None
    values = data.values[:, [data.event.variables.index(name) for name in event.variables]]
    if not values.isfinite().all():
        raise UserError(f"the conditions of {data.name} hold NaN or infinite numbers; drop those rows")
    return values


def _lacking(data: Dataset, name: str) -> UserError:
    return UserError(f"{data.name} has no column or array {name!r}; give data with the conditions that samples take")
