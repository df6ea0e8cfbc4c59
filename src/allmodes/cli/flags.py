"""The flags that commands share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import UseAppendAction, arg
from tyro.constructors import PrimitiveConstructorSpec

from allmodes.errors import UserError


def _flag(kind: type, metavar: str, spoken: str, shape: Any = None) -> Any:
    """A flag, shown by what it takes and with an error that says so; one that may be left out, but for another shape.

    Its text tells its default.
    """

    def read(words: list[str]) -> Any:
        try:
            if not words[0]:
                raise ValueError
            return kind(words[0])
        except ValueError:
            raise ValueError(f"{words[0]!r} is not {spoken}") from None

    return Annotated[
        shape or kind | None,
        PrimitiveConstructorSpec(
            nargs=1,
            metavar=metavar,
            instance_from_str=read,
            is_instance=lambda value: value is None or isinstance(value, kind),
            str_from_instance=lambda value: [str(value)],
        ),
        arg(help_behavior_hint=""),
    ]


if TYPE_CHECKING:
    Text = str | None
    Whole = int | None
    Number = float | None
    Word = str
    Count = int
    Share = float
else:
    Text, Whole = _flag(str, "TEXT", "text"), _flag(int, "N", "a whole number")
    Number = _flag(float, "X", "a number")
    Word, Count = _flag(str, "TEXT", "text", str), _flag(int, "N", "a whole number", int)
    Share = _flag(float, "X", "a number", float)
Switch = Annotated[bool, arg(help_behavior_hint="")]
Pairs = Annotated[tuple[str, ...], arg(metavar="NAME=VALUE", help_behavior_hint=""), UseAppendAction]
Columns = Annotated[tuple[str, ...], arg(metavar="COLUMN", help_behavior_hint=""), UseAppendAction]


@dataclass
class Common:
    """What every command takes."""

    json: Switch = False
    """Print the result as JSON in the last line."""
    debug: Switch = False
    """Show the traceback of an error."""

    def __call__(self) -> Any:
        """Run; what it gives is printed as JSON where that is asked for."""
        raise NotImplementedError

    def status(self, result: Any) -> int:
        """The exit status after a run that gave this result."""
        return 0


@dataclass
class DataFlags(Common):
    """What every command that reads data takes."""

    data: Text = None
    """A built-in set (see: allmodes datasets) or a path: .npy, .npz, .csv, .h5, .parquet, idx, a folder of pictures.
    Default: ring; of compare, digits."""
    label: Text = None
    """Column or array of the file that names the class."""
    condition: Columns = ()
    """Column or array of the file that is a continuous condition; may be repeated."""
    resize: Whole = None
    """Scale images to this many rows and columns."""
    binarize: Text = None
    """Make bits of grey pixels: static (drawn once), dynamic (drawn for each batch), threshold, or a file of bits."""
    binarize_seed: Whole = None
    """The seed of a static draw. Default: 0."""

    def load(self) -> Any:
        """The data that the flags name, None where they name none."""
        from allmodes.data.dataset import load_data

        if self.data is None:
            if self.shaped:
                raise UserError(
                    "--label, --condition, --resize and --binarize belong to data; name it with --data PATH"
                )
            return None
        return load_data(
            self.data,
            label=self.label,
            condition=self.condition,
            resize=self.resize,
            binarize=self.binarize,
            binarize_seed=self.binarize_seed or 0,
        )

    @property
    def shaped(self) -> bool:
        """Whether a flag says how the data are to be read."""
        seed = self.binarize_seed is not None
        return bool(self.label or self.condition or self.resize or self.binarize or seed)


def pairs(flag: str, words: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE words as a mapping."""
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals and value):
            raise UserError(f"{flag} {word}: write {flag} NAME=VALUE")
        if name in pairs:
            raise UserError(f"{flag} {word}: {name} is given twice; give it once")
        pairs[name] = value
    return pairs
