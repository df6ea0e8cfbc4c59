"""What a recipe is, and the list of those there are."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Annotated, Any, get_args, get_type_hints

import allmodes.recipes
from allmodes.errors import UserError, one_line, said, unknown, whole
from allmodes.event import Event
from allmodes.functions import find_function, located, source_of
from allmodes.models.base import GenerativeModel
from allmodes.random import require_seed, seeded
from allmodes.schedule import Schedule


@dataclass(frozen=True)
class Adam:
    """Settings of Adam.

    Arguments:
        rate: learning rate as a function of the share of the training that is done.
        betas: decay of the running mean and of the running square of the gradient.
        decay: times the rate, the share that each parameter loses at a step, apart from its gradient.

    References:
        Adam (Kingma and Ba, 2015), https://arxiv.org/abs/1412.6980
        Decoupled weight decay regularization (Loshchilov and Hutter, 2019), https://arxiv.org/abs/1711.05101
    """

    rate: Schedule
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    decay: float = 0.0


@dataclass(frozen=True)
class Momentum:
    r"""Settings of gradient descent with momentum.

    .. math:: v \leftarrow m v + g, \quad \theta \leftarrow \theta - \eta v

    Arguments:
        rate: learning rate as a function of the share of the training that is done.
        momentum: the share of the last step's speed that is kept; 0 is plain gradient descent.

    References:
        On the importance of initialization and momentum in deep learning (Sutskever et al., 2013), equations 1 and 2
    """

    rate: Schedule
    momentum: float = 0.9


Optimizer = Adam | Momentum


@dataclass(frozen=True)
class Recipe:
    """A model and how it is trained.

    Arguments:
        optimizer: of every player, or by the player's name, where players move on time scales of their own.
        steps: in each, every player makes its turns.
        batch: examples a backward pass, over all processes together.
        accumulate: backward passes a move, over each of which the gradient is averaged: large batches in little memory.
        half_life: of the average of the weights that samples come from, as a share of the training so far; None where
            none is kept.
        bf16: whether forward passes run in bfloat16 on hardware that computes in it.
    """

    model: GenerativeModel
    optimizer: Optimizer | Mapping[str, Optimizer]
    batch: int
    steps: int
    accumulate: int = 1
    half_life: float | None = None
    bf16: bool = False

    def optimizer_of(self, player: str) -> Optimizer:
        """The settings that move a player."""
        return self.optimizer[player] if isinstance(self.optimizer, Mapping) else self.optimizer


@dataclass(frozen=True)
class Entry:
    """A recipe in the list: its name, its paper, and the function that makes it."""

    name: str
    year: int
    paper: str
    family: str
    summary: str
    function: Callable[..., Recipe]

    @property
    def settings(self) -> dict[str, Any]:
        """The names of its settings and their defaults."""
        parameters = inspect.signature(self.function).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


FROM_ZERO = "may be 0"
Amount = Annotated[float, FROM_ZERO]
"""The annotation of a setting that may be 0, which switches off what it is the amount of."""
Count = Annotated[int, FROM_ZERO]
"""The same of a whole number."""
BELOW_ONE = "below 1"
Share = Annotated[float, FROM_ZERO, BELOW_ONE]
"""The same of a share, of which the whole would leave nothing."""
MOST = 2**63
"""Numbers of a setting are below it."""

_RECIPES: dict[str, Entry] = {}
_ENTRIES: dict[Callable[..., Recipe], Entry] = {}


def recipe(*, year: int, paper: str, family: str) -> Callable[[Callable[..., Recipe]], Callable[..., Recipe]]:
    """Say whose a function is; those of this package are put into the list, under their own names with hyphens.

    A docstring's first line is the summary.

    Arguments:
        year, paper: when the paper first appeared and where it is.
        family: of models, the name of its file in `allmodes.models`; what the taxonomy lacks is drawn below it.
    """

    def register(function: Callable[..., Recipe]) -> Callable[..., Recipe]:
        name = function.__name__.replace("_", "-")
        summary = (inspect.getdoc(function) or "").partition("\n")[0]
        entry = _ENTRIES[function] = Entry(name, year, paper, family, summary, function)
        if function.__module__.startswith(allmodes.recipes.__name__):
            _RECIPES[name] = entry
        return function

    return register


def recipes() -> dict[str, Entry]:
    """All recipes by name, oldest paper first; each module of this package is imported to find them."""
    for module in pkgutil.iter_modules(allmodes.recipes.__path__):
        import_module(f"allmodes.recipes.{module.name}")
    return dict(sorted(_RECIPES.items(), key=lambda item: (item[1].year, item[0])))


def entry(name: str) -> Entry:
    """A recipe of the list, or a user's own: FILE.py:FUNCTION, a function with `recipe` above it.

    Raises:
        UserError: for a name that is not known (with the nearest one), or a function that is not there or no recipe.
    """
    known = recipes()
    if name in known:
        return known[name]
    if ":" not in name:
        raise unknown("recipe", name, known)
    return _entry_of(find_function(name, "recipe"), name)


def named(given: str | Callable[..., Recipe]) -> str:
    """The name by which a recipe is found: itself, or that of its function.

    Raises:
        UserError: for anything else, or a function that stands at the top of no file.
    """
    if isinstance(given, str):
        return given
    if not inspect.isfunction(given):
        said = one_line(repr(given))
        raise UserError(f"recipe {said}: give a name (allmodes recipes lists them), FILE.py:FUNCTION or its function")
    known = _entry_of(given, given.__name__)
    if _RECIPES.get(known.name) is known:
        return known.name
    name = source_of(given)
    if name is None:
        raise UserError(
            f"recipe {given.__name__}: a run finds it again only at the top of a file; write it there, and give it "
            "as FILE.py:FUNCTION"
        )
    return name


def _entry_of(function: Callable[..., Any], name: str) -> Entry:
    if function not in _ENTRIES:
        raise UserError(
            f"recipe {name}: put @recipe(year=2026, paper='', family='gan') above it, from allmodes.recipes"
        )
    return _ENTRIES[function]


def read_settings(name: str, settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Settings of a recipe as its function takes them: a value given as text is read as its annotation's type.

    Raises:
        UserError: for an unknown recipe or setting (with the nearest one), or a value that does not fit.
    """
    asked = entry(name)
    for setting in settings or {}:
        if setting not in asked.settings:
            raise unknown(f"setting of {name}", setting, asked.settings)
    return {setting: _value(setting, value, asked) for setting, value in (settings or {}).items()}


def build(
    name: str, event: Event, settings: Mapping[str, Any] | None = None, *, steps: int | None = None, seed: int = 0
) -> Recipe:
    """The recipe of that name for an event, its weights drawn from the seed.

    Arguments:
        name: of the list, or FILE.py:FUNCTION (see `entry`).
        settings: the recipe's keyword arguments, as `read_settings` takes them.
        steps: instead of the recipe's own.

    Raises:
        UserError: for an unknown recipe or setting (with the nearest one), a value of the wrong type, steps that are no
            whole number or below 1, or what is no seed.
    """
    values = read_settings(name, settings)
    with seeded(require_seed(seed)):
        made = _called(name, entry(name), event, values)
    if not isinstance(made, Recipe):
        raise UserError(f"recipe {name} gives a {type(made).__name__}; let it give a Recipe")
    made = replace(made, steps=whole(made.steps if steps is None else steps, "--steps"))
    if made.steps < 1:
        raise UserError(f"--steps {made.steps}: the number of steps must be at least 1")
    return made


def _value(name: str, value: Any, entry: Entry) -> Any:
    """A setting's value as the type of its annotation; numbers must be positive or, if it says so, at least 0."""
    kinds = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    if value is None and entry.settings[name] is None:
        return None
    hint = _hint(entry, name)
    kind = next((kind for kind in (*get_args(hint), hint) if kind in kinds), None)
    if kind is None:
        raise UserError(f"--set {name}: write its type in recipe {entry.name} as int, float, bool or str")
    try:
        if kind is bool:
            return {"true": True, "false": False}[str(value).lower()]
        read = kind(value if isinstance(value, kind) else str(value))
    except (ValueError, TypeError, KeyError):
        raise UserError(f"--set {name}={value}: expected {kinds[kind]}") from None
    if isinstance(read, str):
        return located(read)
    notes = _notes(entry, name)
    least = "at least 0" if FROM_ZERO in notes else "a positive number"
    most, limit = (1, "1") if BELOW_ONE in notes else (MOST, "2^63")
    if not (0 < read < most or (FROM_ZERO in notes and read == 0)):
        below = f" and below {limit}" if read >= most else ""
        raise UserError(f"--set {name}={value}: must be {least}{below}")
    return read


def _notes(entry: Entry, name: str) -> tuple[Any, ...]:
    """What the annotation of a setting says beside its type."""
    hint = _hint(entry, name, include_extras=True)
    return tuple(note for part in (hint, *get_args(hint)) for note in getattr(part, "__metadata__", ()))


def _hint(entry: Entry, name: str, *, include_extras: bool = False) -> Any:
    """The annotation of a setting; the type of its default where there is none or it cannot be read."""
    try:
        return get_type_hints(entry.function, include_extras=include_extras)[name]
    except (NameError, KeyError):
        return type(entry.settings[name])


def _called(name: str, asked: Entry, event: Event, values: Mapping[str, Any]) -> Any:
    """What a recipe's function gives; what goes wrong in a user's is the user's."""
    try:
        return asked.function(event, **values)
    except UserError:
        raise
    except Exception as error:
        if name in recipes():
            raise
        raise UserError(f"recipe {name} raised {said(error)}") from error
