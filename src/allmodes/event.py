"""What one example is: its shape, the values that it can take, and the conditions that come with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import torch
from torch import Tensor

from allmodes.errors import UserError, unknown

QUANTILES = (0.0, 0.16, 0.5, 0.84, 1.0)
"""Of a continuous condition: its range, its middle, and one standard deviation of a normal distribution around it."""


class Support(StrEnum):
    """The values that one number of an example can take."""

    BINARY = "binary"
    LEVELS = "levels"
    REAL = "real"
    NON_NEGATIVE = "non_negative"


class Layout(StrEnum):
    """Which axes of an example are an image's: C channels, H rows, W columns."""

    VECTOR = "vector"
    HW = "HW"
    HWC = "HWC"
    CHW = "CHW"


@dataclass(frozen=True)
class Event:
    """One example, in the user's units.

    Arguments:
        shape: of one example, as the user has it: (2,) for points, (28, 28) or (3, 32, 32) or (32, 32, 3) for images.
        support: the values one number can take.
        levels: for `Support.LEVELS`, values are the integers 0 .. levels - 1.
        layout: which axes are an image's.
        columns: names of a table's columns, if any.
        classes: names of the classes, if examples are labelled; a label is an index into them.
        label: what the class is called in a condition (`particle` in `--condition particle=gamma`).
        variables: names of the continuous conditions, if any.
        quantiles: of each of them over the training examples: those at `QUANTILES`, from the smallest to the largest.
    """

    shape: tuple[int, ...]
    support: Support = Support.REAL
    levels: int = 0
    layout: Layout = Layout.VECTOR
    columns: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    label: str = "class"
    variables: tuple[str, ...] = ()
    quantiles: tuple[tuple[float, ...], ...] = ()

    @property
    def size(self) -> int:
        """How many numbers one example has."""
        return math.prod(self.shape)

    @property
    def image(self) -> tuple[int, int, int] | None:
        """(channels, rows, columns) of an image, None for anything else."""
        match self.layout:
            case Layout.HW:
                return (1, *self.shape)  # type: ignore[return-value]
            case Layout.HWC:
                rows, columns, channels = self.shape
                return channels, rows, columns
            case Layout.CHW:
                return self.shape  # type: ignore[return-value]
            case _:
                return None

    def column(self, i: int) -> str:
        """What people call a table's i-th number."""
        return self.columns[i] if self.columns else f"column {i}"

    @property
    def discrete(self) -> bool:
        """Whether an example's probability is a mass (counting measure) and not a density (Lebesgue measure)."""
        return self.support in (Support.BINARY, Support.LEVELS)

    @property
    def measure(self) -> str:
        """What a density of this event is a density against: "counting" or "lebesgue"."""
        return "counting" if self.discrete else "lebesgue"

    @property
    def dtype(self) -> torch.dtype:
        """Of samples: the smallest integers that hold the levels, or float32."""
        if not self.discrete:
            return torch.float32
        return torch.uint8 if self.levels <= 256 else torch.int32

    def count(self, x: Tensor) -> int:
        """How many examples x holds along the axis before an example's own, [..., n, *shape] -> n."""
        return x.shape[x.dim() - len(self.shape) - 1]

    def project(self, x: Tensor) -> Tensor:
        """The nearest values that an example can take, in `dtype`: [..., *shape] -> [..., *shape]."""
        match self.support:
            case Support.BINARY:
                x = (x > 0.5).to(x.dtype)
            case Support.LEVELS:
                x = x.round().clamp(0, self.levels - 1)
            case Support.NON_NEGATIVE:
                x = x.clamp(min=0)
            case _:
                pass
        return x.to(self.dtype)

    def require(self, x: Tensor) -> None:
        """Refuse what is no example of this event, x [n, *shape].

        Raises:
            UserError: for another shape, or a value that an example cannot take.
        """
        if x.shape[1:] != self.shape:
            raise UserError(f"examples have shape {tuple(x.shape[1:])}, and those of this model have {self.shape}")
        if not len(x):
            raise UserError("there are no examples, 0 rows; give at least one")
        match self.support:
            case Support.BINARY:
                good, what = (x == 0) | (x == 1), "0 or 1 (binarize them, or train on the values as they are)"
            case Support.LEVELS:
                good = (x >= 0) & (x <= self.levels - 1) & (x == x.round())
                what = f"whole numbers from 0 to {self.levels - 1}"
            case Support.NON_NEGATIVE:
                good, what = (x >= 0) & x.isfinite(), "finite and at least 0"
            case _:
                good, what = x.isfinite(), "finite"
        if not good.all():
            raise UserError(f"the examples hold the value {x[~good][0].item():.6g}; this model takes values {what}")

    def condition(self, n: int, values: Mapping[str, str | float]) -> Condition:
        """The same condition for n examples, from names and values as a user gives them.

        Raises:
            UserError: for a name or a class that the data do not have, a value that is no number, or a missing name.
        """
        names = ((self.label,) if self.classes else ()) + self.variables
        for name in values:
            if name not in names:
                raise (
                    unknown("condition", name, names)
                    if names
                    else UserError(f"condition {name!r} given, but the data have neither labels nor conditions")
                )
        for name in names:
            if name not in values:
                raise UserError(f"condition {name!r} is missing; give --condition {name}=VALUE")
        labels = None
        if self.classes:
            given = str(values[self.label])
            if given not in self.classes:
                raise unknown(self.label, given, self.classes)
            labels = torch.full((n,), self.classes.index(given))
        numbers = [_number(name, values[name]) for name in self.variables]
        return Condition(labels, torch.tensor(numbers).expand(n, -1) if numbers else None)

    def require_condition(self, condition: Condition, n: int) -> None:
        """Refuse what is no condition of n examples of this event.

        Raises:
            UserError: for a part that is missing, of another length, or out of range.
        """
        parts = ((self.label, condition.labels, (n,)),) if self.classes else ()
        if self.variables:
            parts += ((", ".join(self.variables), condition.values, (n, len(self.variables))),)
        for name, part, shape in parts:
            if part is None:
                raise UserError(f"the condition lacks {name}; give it for each of the {n} examples")
            if tuple(part.shape) != shape:
                raise UserError(f"the condition {name} has shape {tuple(part.shape)}; {n} examples need {shape}")
        labels = [] if condition.labels is None or not self.classes else condition.labels.unique().tolist()
        if wrong := [label for label in labels if not 0 <= label < len(self.classes)]:
            raise UserError(f"the condition holds the label {wrong[0]}; there are classes 0 to {len(self.classes) - 1}")

    @property
    def known(self) -> str:
        """What is known of an example: "labels", "conditions", "labels and conditions", or nothing."""
        return " and ".join(word for word, there in (("labels", self.classes), ("conditions", self.variables)) if there)

    @property
    def typical(self) -> dict[str, str]:
        """A condition that can be asked for: the first class, and the middle of each continuous condition."""
        typical = {self.label: self.classes[0]} if self.classes else {}
        for name, spread in zip(self.variables, self.quantiles, strict=False):
            typical[name] = f"{spread[len(spread) // 2]:.6g}"
        return typical

    def beyond(self, asked: Mapping[str, str | float] | Condition) -> list[str]:
        """A line for each continuous condition that lies outside what was trained on, with the range."""
        lines = []
        for column, (name, (low, *_, high)) in enumerate(zip(self.variables, self.quantiles, strict=False)):
            trained = f"outside the training examples, {low:.6g} to {high:.6g}"
            if not isinstance(asked, Condition):
                if name in asked and not low <= _number(name, asked[name]) <= high:
                    lines.append(f"{name}={asked[name]} lies {trained}")
            elif asked.values is not None:
                values = asked.values[:, column].double()
                if out := int(((values < low) | (values > high)).sum()):
                    lines.append(f"{out} of {len(values)} values of {name} lie {trained}")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Event:
        """The inverse of `to_dict`."""
        tuples: dict[str, Any] = {k: _tuples(v) for k, v in values.items()}
        return cls(**tuples | {"support": Support(values["support"]), "layout": Layout(values["layout"])})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _number(name: str, value: str | float) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not abs(number) <= torch.finfo(torch.float32).max:
        raise UserError(f"condition {name}={value!r} is not a number that float32 holds")
    return number


@dataclass(frozen=True)
class Condition:
    """What is asked of n examples, or known of them.

    Arguments:
        labels: index of the class, [n] integers; None where there are no classes.
        values: continuous conditions, [n, k]; None where there are none.
    """

    labels: Tensor | None = None
    values: Tensor | None = None

    def __getitem__(self, index: Tensor) -> Condition:
        return self.map(lambda t: t[index])

    def __len__(self) -> int:
        return next((len(t) for t in (self.labels, self.values) if t is not None), 0)

    def spread(self, n: int, seed: int) -> Condition:
        """Those of n examples, in an order drawn from the seed: each of these once, before any comes again."""
        rng, count = np.random.default_rng(seed), len(self)
        rows = np.concatenate([rng.permutation(count) for _ in range(-(-n // count))])[:n]
        return self[torch.from_numpy(rows)]

    def map(self, function: Callable[[Tensor], Tensor]) -> Condition:
        """A function of each part that is there."""
        return Condition(*(None if t is None else function(t) for t in (self.labels, self.values)))

    def to(self, device: torch.device | str) -> Condition:
        """The same on a device."""
        return self.map(lambda t: t.to(device))


@dataclass(frozen=True)
class Batch:
    """Examples as a model gets them: in the user's units, on the model's device.

    Arguments:
        x: [n, *shape]; for S stacked models [S, n, *shape].
        condition: what is known of them.
    """

    x: Tensor
    condition: Condition = field(default_factory=Condition)

    def map(self, function: Callable[[Tensor], Tensor]) -> Batch:
        """A function of the examples and of each part of their condition."""
        return Batch(function(self.x), self.condition.map(function))

    def to(self, device: torch.device | str) -> Batch:
        """The same on a device."""
        return self.map(lambda t: t.to(device))
