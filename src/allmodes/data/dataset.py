"""A data set: examples, what is known of them, and which of them are for training, validation and test."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from allmodes.data.binarize import WAYS, Binarize, Grey, to_bits
from allmodes.data.builtin import BUILTINS
from allmodes.data.contents import Contents, listed
from allmodes.data.detect import detect_layout, detect_support
from allmodes.data.files import read
from allmodes.data.frames import by_name, is_frame, read_frame, series_name
from allmodes.data.labels import as_numpy, encode_labels, encode_values
from allmodes.data.modes import Modes
from allmodes.data.pictures import resize_picture
from allmodes.data.precision import require_resolution, to_floats, to_tensor
from allmodes.errors import UserError, path_of, repeated, unknown, whole
from allmodes.event import QUANTILES, Batch, Condition, Event, Layout, Support
from allmodes.score import digest

FITTED = 2**28

Part = Literal["train", "validation", "test"]


@dataclass(frozen=True, eq=False)
class Split:
    """Which examples are for what: disjoint sets of indices, all together every example once.

    Arguments:
        train, validation, test: indices, int64.
        seed, fractions: what they were drawn from.
    """

    train: Tensor
    validation: Tensor
    test: Tensor
    seed: int
    fractions: tuple[float, float, float]

    def to_dict(self) -> dict[str, Any]:
        """What a run records, as plain values for JSON."""
        counts = {name: len(getattr(self, name)) for name in ("train", "validation", "test")}
        return {"seed": self.seed, "fractions": list(self.fractions), "counts": counts}


def split(n: int, seed: int, fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)) -> Split:
    """Split n examples at random; the same n, seed and fractions give the same split on every machine.

    Raises:
        UserError: for fractions that are negative or do not sum to one.
    """
    if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-9:
        raise UserError(f"split fractions {fractions} must be at least 0 and sum to 1; give for example 0.8, 0.1, 0.1")
    order = torch.from_numpy(np.random.default_rng(seed).permutation(n))
    ends = [round(n * fractions[0]), round(n * (fractions[0] + fractions[1]))]
    train, validation, test = order.tensor_split(ends)
    return Split(train, validation, test, seed, fractions)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples in the user's units.

    Arguments:
        name: for people.
        event: what one example is.
        x: [n, *shape] in `event.dtype`; may be memory-mapped, and may share memory with the array that was given.
        labels: index of the class, [n] int64; None where there are none.
        values: continuous conditions, [n, k] float32; None where there are none.
        modes: the true modes, where they are known.
        source: what to pass to `load_data` to get the same again, plain values for JSON; {"data": None} for arrays in
            memory, which have to be passed again.
        split: which examples are for what.
        grey: what training batches draw their bits from, where they draw anew each time; x is then one such draw.
    """

    name: str
    event: Event
    x: Tensor
    labels: Tensor | None
    values: Tensor | None
    modes: Modes | None
    source: dict[str, Any]
    split: Split
    grey: Grey | None = None
    _resident: dict[torch.device, Batch] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over type, shape and bytes of examples, labels, values and greys: "sha256:...". Computed once."""
        return digest(self.x, self.labels, self.values, *([self.grey.x] if self.grey else []))

    @property
    def condition(self) -> Condition:
        """What is known of all examples."""
        return Condition(self.labels, self.values)

    def batch(self, index: Tensor) -> Batch:
        """The examples of these indices, in the data's own type."""
        return Batch(self.x.index_select(0, index), self.condition[index])

    def resident(self, device: torch.device) -> Batch:
        """All examples as batches read them, on a GPU where they fill at most half of its free memory, else here.

        The greys where there are some. Moved once and kept, however many orders of batches read them.
        """
        if device not in self._resident:
            x = self.grey.x if self.grey else self.x
            fits = device.type == "cuda" and x.nbytes <= torch.cuda.mem_get_info(device)[0] // 2
            self._resident[device] = Batch(x, self.condition).to(device if fits else "cpu")
        return self._resident[device]

    @property
    def asked(self) -> Condition:
        """The conditions that samples are asked for in examinations: held-out ones, training ones where none is."""
        return self.condition[self.split.validation if len(self.split.validation) else self.split.train]

    def to_fit(self) -> Tensor:
        """Training examples to fit a transform to, [n, *shape]: all, or of large data as many as fill a gigabyte."""
        return self.batch(self.split.train[: max(1, FITTED // self.event.size)]).x

    def part(self, name: Part) -> Batch:
        """The examples of one part, "train", "validation" or "test"."""
        return self.batch(getattr(self.split, name))


def load_data(
    data: Any,
    *,
    labels: Any = None,
    conditions: Any = None,
    label: str | None = None,
    condition: str | Sequence[str] = (),
    resize: int | tuple[int, int] | None = None,
    binarize: str | os.PathLike[str] | None = None,
    binarize_seed: int = 0,
    split_seed: int = 0,
    **options: Any,
) -> Dataset:
    """Data from a built-in's name, a path, an array, or a data frame.

    What the numbers can be is told from the numbers: see `detect_support` and `detect_layout`.

    Arguments:
        data: a name (see `datasets`), a path (see `read`), an array [n, *shape] (numpy, torch or nested lists), a data
            frame (pandas, polars, or a table of pyarrow), which is read as a table in a file is, or a Dataset, which is
            returned as it is. A word that is both a name and a file is the name; ./word is the file.
        labels: class of each example, [n] integers or names.
        conditions: continuous conditions, name -> [n], a data frame, or an array [n, k].
        label: column of a data frame, or column or array of a file, that names the class.
        condition: columns of a data frame, or columns or arrays of a file, that are continuous conditions; or one.
        resize: rows and columns to scale images to; one number for both.
        binarize: levels, or numbers in [0, 1], become bits: "static" (drawn once), "dynamic" (drawn anew for every
            training batch), "threshold", or the path of a file with the bits (see `Binarize`).
        binarize_seed: of the static draw.
        split_seed: draws the training, validation and test parts.
        options: of a built-in, such as n and seed.

    Raises:
        UserError: for anything of this that does not fit, in one line.
    """
    split_seed, binarize_seed = whole(split_seed, "split_seed"), whole(binarize_seed, "binarize_seed")
    condition = listed(condition)
    given = {"label": label, "condition": condition, "resize": resize, "split_seed": split_seed}
    given |= {"binarize": _way(binarize), "binarize_seed": binarize_seed}
    if binarize_seed and not binarize:
        raise UserError(f"binarize_seed={binarize_seed} without binarize; give binarize='static'")
    options = {key: value.item() if isinstance(value, np.generic) else value for key, value in options.items()}
    asked = {key: value for key, value in given.items() if value} | options
    if isinstance(data, Dataset):
        if asked or labels is not None or conditions is not None:
            raise UserError("a Dataset is taken as it is; pass labels, conditions and options when it is first loaded")
        return data
    size = _size(resize)
    name, origin, contents = _find(data, label, condition, size, options)
    in_memory = origin is None or labels is not None or conditions is not None
    source = {"data": None} if in_memory else {"data": origin} | asked
    how = Binarize(given["binarize"], binarize_seed) if binarize else None
    return _assemble(name, contents, labels, conditions, size, how, split_seed, source)


def name_of(data: Any) -> str:
    """What `load_data` calls a set, without reading it."""
    if isinstance(data, Dataset):
        return data.name
    if isinstance(data, (str, os.PathLike)):
        return path_of(data).absolute().stem
    return "table" if is_frame(data) else "array"


def _way(binarize: str | os.PathLike[str] | None) -> str | None:
    """The word, or the whole path of the file, so that a run finds it again from anywhere."""
    if binarize is None or binarize in WAYS:
        return binarize  # pyright: ignore[reportReturnType]
    path = path_of(binarize)
    return str(path.absolute()) if os.sep in str(path) or path.exists() else str(path)


def _size(resize: int | tuple[int, int] | None) -> tuple[int, int] | None:
    if resize is None:
        return None
    given = as_numpy(resize, f"resize={resize!r}")
    if given.dtype.kind not in "iu" or given.shape not in ((), (2,)) or given.min() < 1:
        raise UserError(f"resize={resize!r}: give rows and columns, whole numbers of at least 1")
    rows, columns = np.broadcast_to(given, 2).tolist()
    return rows, columns


def _find(
    data: Any, label: str | None, condition: Sequence[str], size: tuple[int, int] | None, options: dict[str, Any]
) -> tuple[str, str | None, Contents]:
    """Name, what to pass to find it again (None for what is in memory), and contents."""
    if data is None:
        raise UserError("the data were arrays in memory; pass them again: load_data(array, labels=..., conditions=...)")
    if isinstance(data, str) and data in BUILTINS:
        if label or condition:
            raise UserError(f"{data} is built in and has no columns to name; leave label and condition out")
        return data, data, BUILTINS[data].make(**options)
    if options:
        known = ("labels", "conditions", "label", "condition", "resize", "binarize", "binarize_seed", "split_seed")
        raise unknown("option of load_data for data that are not built in,", next(iter(options)), known)
    if isinstance(data, (str, os.PathLike)):
        path = path_of(data)
        if isinstance(data, str) and os.sep not in data and not path.exists():
            raise UserError(f"{unknown('data', data, BUILTINS)}; or give the path of a file or folder that is there")
        return name_of(data), str(path.absolute()), read(path, label=label, condition=condition, resize=size)
    if is_frame(data):
        return name_of(data), None, read_frame(data, name_of(data), label, condition)
    if label or condition:
        raise UserError(
            "label and condition name columns of a file or a data frame; for an array pass labels=[...], "
            "conditions={...}"
        )
    column = series_name(data)
    return name_of(data), None, Contents(x=as_numpy(data, "data"), columns=(column,) if column else ())


def _assemble(
    name: str,
    contents: Contents,
    labels: Any,
    conditions: Any,
    size: tuple[int, int] | None,
    how: Binarize | None,
    split_seed: int,
    source: dict[str, Any],
) -> Dataset:
    x = _numbers(name, contents.x)
    layout = contents.layout or detect_layout(x.shape[1:])
    support, levels = detect_support(x, layout, contents.levels)
    columns = contents.columns if x.ndim == 2 else ()
    if support in (Support.REAL, Support.NON_NEGATIVE):
        require_resolution(name, x, "column", columns)
    if size is not None:
        x = x != 0 if support is Support.BINARY else x
        x = _resize(name, x, layout, size)
    classes, variables = contents.classes, ()
    if labels is not None or not classes:
        found = contents.labels if labels is None else labels
        index, classes = (None, ()) if found is None else encode_labels(found, len(x))
    else:
        index = torch.from_numpy(contents.labels)
    found = contents.values if conditions is None else by_name(conditions, "conditions")
    values = None
    if found is not None:
        array, variables = encode_values(found, contents.variables if conditions is None else (), len(x))
        require_resolution(name, array, "condition", variables)
        values = to_floats(name, array, "condition", variables)
    parts = split(len(x), split_seed)
    spread = _quantiles(values, parts.train)
    label = series_name(labels) or contents.label
    if label == "class" and label in contents.columns and contents.labels is None:
        label = "label"
    if (twice := repeated([*contents.columns, *variables, *([label] if classes else [])])) is not None:
        raise UserError(f"{name} has two of the name {twice!r} among columns, conditions and label; rename one")
    event = Event(x.shape[1:], support, levels, layout, contents.columns, classes, label, variables, spread)
    grey = None
    if how is not None:
        bits, white = to_bits(name, x, event, how)
        grey = Grey(to_tensor(x, event.dtype), white) if how.way == "dynamic" else None
        x, event = bits, replace(event, support=Support.BINARY, levels=0)
    return Dataset(
        name=name,
        event=event,
        x=to_tensor(x, event.dtype) if event.discrete else to_floats(name, x, "column", columns),
        labels=index,
        values=values,
        modes=contents.modes,
        source=source,
        split=parts,
        grey=grey,
    )


def _quantiles(values: Tensor | None, train: Tensor) -> tuple[tuple[float, ...], ...]:
    if values is None or not len(train):
        return ()
    return tuple(tuple(map(float, np.quantile(column, QUANTILES))) for column in values[train].double().numpy().T)


def _numbers(name: str, x: np.ndarray) -> np.ndarray:
    """X as [n, *shape] of real numbers; a list of n numbers becomes [n, 1]."""
    if x.dtype.kind not in "biuf":
        raise UserError(f"{name} holds values of type {x.dtype}, not numbers; pass an array of numbers")
    if x.ndim == 0 or x.size == 0:
        raise UserError(f"{name} has shape {x.shape} and so no examples; give [n, ...] with n >= 1")
    return x[:, None] if x.ndim == 1 else x


def _resize(name: str, x: np.ndarray, layout: Layout, size: tuple[int, int]) -> np.ndarray:
    match layout:
        case Layout.HW | Layout.HWC:
            return x if x.shape[1:3] == size else np.stack([resize_picture(image, size) for image in x])
        case Layout.CHW:
            channels_last = x.transpose(0, 2, 3, 1)
            return np.stack([resize_picture(image, size).transpose(2, 0, 1) for image in channels_last])
        case _:
            raise UserError(f"resize scales images, and an example of {name} has shape {x.shape[1:]}; leave resize out")
