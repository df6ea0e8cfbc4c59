"""A run is a folder: everything that happened is in it, and nothing else is needed but the user's own functions."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from allmodes.atomic import read_file, write_whole
from allmodes.data.conditions import conditions_of
from allmodes.data.dataset import Dataset, load_data
from allmodes.errors import MALFORMED, UserError, one_line, path_of, warn, whole
from allmodes.event import QUANTILES, Condition, Event, Layout
from allmodes.models.base import GenerativeModel
from allmodes.plain import require_types
from allmodes.random import Rng, require_seed
from allmodes.recipes import build
from allmodes.training import checkpoint
from allmodes.training.best import FOLDER
from allmodes.training.health import spoken
from allmodes.training.journal import read_metrics
from allmodes.training.plan import Plan
from allmodes.training.trainer import load_weights
from allmodes.training.versions import changed
from allmodes.version import version

STATE = {"seconds": float, "batches": {"epoch": int, "offset": int}}
"""Of a checkpoint's plain values."""


@dataclass(frozen=True)
class Run:
    """A trained, or half trained, model with its history.

    Arguments:
        folder: where it all is.
        plan: what was asked for.
    """

    folder: Path
    plan: Plan

    @cached_property
    def event(self) -> Event:
        """What one example is."""
        return Event.from_dict(self.plan.event)

    @cached_property
    def model(self) -> GenerativeModel:
        """The model of the last good checkpoint, or of the best, with averaged weights where the recipe averages.

        Raises:
            UserError: where there is no good checkpoint.
        """
        model = build(self.plan.recipe, self.event, self.plan.settings, steps=self.plan.steps).model
        weights = self._kept.tensors["model"] | self._kept.tensors.get("average", {})
        with self.fitting(self._kept):
            load_weights(model, weights)
        return model.eval()

    @property
    def resume(self) -> str:
        """The command that continues the training."""
        return f"allmodes train --resume --out {shlex.quote(str(self.folder))}"

    @property
    def changed(self) -> list[str]:
        """The user's files that the recipe and its settings name and that are not as they were when training began."""
        return changed(self.plan.recipe, self.plan.settings, self.plan.versions)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of the model, a line each.

        That it was planned for fewer steps at first, that a file of the user's has changed, a damaged checkpoint.
        """
        since = "since the training began: samples need not be those of the model that was trained"
        return (*self.plan.stretched, *(f"{file} has changed {since}" for file in self.changed), *self._kept.notes)

    @cached_property
    def _kept(self) -> checkpoint.Checkpoint:
        notes: tuple[str, ...] = ()
        if self.plan.keep_best:
            try:
                if best := checkpoint.load(self.folder / FOLDER, STATE):
                    return best
                notes = (f"{self.folder / FOLDER} holds no checkpoint: the last one is used",)
            except UserError as torn:
                notes = (f"{torn}: the last checkpoint is used",)
        kept = self.last()
        if kept is None:
            raise UserError(f"{self.folder} has no checkpoint yet; continue it: {self.resume}")
        return replace(kept, notes=notes + kept.notes)

    def last(self) -> checkpoint.Checkpoint | None:
        """Its last good checkpoint, None where the training did not come to the first.

        Raises:
            UserError: where there were some, and none is there or whole.
        """
        if kept := checkpoint.load(self.folder, STATE):
            return kept
        first = min(self.plan.checkpoint_every, self.plan.steps)
        # An examination follows the checkpoint of its step.
        if self.plan.shorter or any((line["step"], "reason" in line) > (first, False) for line in self.metrics):
            raise UserError(
                f"{self.folder} was trained to step {self.step}, and its checkpoints are gone; put back its folder "
                "checkpoints, or start another run"
            )
        return None

    @contextmanager
    def fitting(self, kept: checkpoint.Checkpoint) -> Iterator[None]:
        """Inside the block a checkpoint that does not fit what the recipe makes becomes one line."""
        recipe = self.plan.recipe
        try:
            yield
        except MALFORMED as error:
            why = self._changes or "it is damaged; remove it to use the one before it, or restore it from a copy"
            raise UserError(f"{kept.place} does not fit the recipe {recipe} ({one_line(error)}): {why}") from error
        except RuntimeError as error:
            why = self._changes or (
                "its settings, a file that it imports or allmodes changed since the training began; "
                "bring back what was there, or train anew"
            )
            raise UserError(f"the weights in {self.folder} do not fit the recipe {recipe}: {why}") from error

    @property
    def _changes(self) -> str:
        """What is known to have changed since the checkpoint was written, and the way out."""
        if files := self.changed:
            return f"{' and '.join(files)} changed since the training began; bring back what was there, or train anew"
        if (was := self.plan.versions.get("allmodes")) != (now := version()):
            return f"they were written by version {was} of allmodes, and this is {now}; load them with that one"
        return ""

    def dataset(self, data: Any = None) -> Dataset:
        """What it was trained on, with the same split.

        Arguments:
            data: where that was an array in memory, the same again, or a `Dataset`; a path in place of the old one.

        Raises:
            UserError: for other data than it was trained on.
        """
        plan = self.plan
        if isinstance(data, (str, os.PathLike)) or data is None:
            source = dict(plan.data["source"])
            was = source.pop("data")
            if data is None and was and os.sep in was and not os.path.exists(was):
                raise UserError(f"the data of {self.folder} were {was}, which is not there; name them with --data PATH")
            found = load_data(was if data is None else data, **source)
        else:
            found = load_data(data)
        if found.digest != plan.data["digest"]:
            raise UserError(
                f"the data {plan.data['name']} are not those that {self.folder} was trained on (another digest); "
                "give back the old data, or start another run"
            )
        if found.split.to_dict() != plan.data["split"]:
            raise UserError(
                f"the data {plan.data['name']} are split by seed {found.split.seed}, and {self.folder} was trained "
                f"with split seed {plan.data['split']['seed']}; load them with that one, or start another run"
            )
        return found

    def conditions(self, n: int, of: Any = None, seed: int = 0) -> Condition:
        """What n samples can be asked for: the conditions of a data set, each example's once before any comes again.

        Arguments:
            of: data that have the run's labels and conditions, as `load_data` takes them; its own if left out.
            seed: of their order.

        Raises:
            UserError: for data without them, or with classes that the run does not know.
        """
        n, seed = _count(n), require_seed(seed)
        return conditions_of(self.dataset() if of is None else of, self.event).spread(n, seed)

    def sample(
        self,
        n: int,
        condition: Mapping[str, str | float] | Condition | None = None,
        seed: int = 0,
        *,
        truncation: float | None = None,
        note: Callable[[str], object] = warn,
    ) -> np.ndarray:
        """Samples in the user's units, [n, *shape].

        Arguments:
            condition: names and values, such as {"energy": 1.5, "class": "gamma"}, for conditional recipes; or one of
                each sample, as `conditions` gives them. A value outside the training examples is allowed, with a
                warning that names their range.
            seed: the same one gives the same samples.
            truncation: latents have no number further from 0 than this, which makes samples more typical and less
                diverse, in models that start from latents.
            note: told of what is odd, a line each; Python's warnings if left out.

        Raises:
            UserError: for n below 1, a seed that is none, a condition that does not fit, or a truncation of a model
                without latents.
        """
        n, seed = _count(n), require_seed(seed)
        for line in self.notes:
            note(line)
        for line in self.event.beyond(condition or {}):
            note(line)
        if isinstance(condition, Condition):
            asked = condition
        else:
            asked = self.event.condition(n, condition or {}) if condition or self.model.conditional else None
        model = self.model if truncation is None else self.model.truncated(truncation)
        rng = Rng(seed)
        with rng.ambient:
            return model.sample(n, asked, rng=rng).numpy()

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl: losses, findings and the final verdict, in the order of time."""
        return read_metrics(self.folder)

    @property
    def step(self) -> int:
        """How many steps are done, by the last line of the metrics or the last checkpoint."""
        return max((line["step"] for line in self.metrics), default=checkpoint.newest(self.folder))

    @property
    def seconds(self) -> float:
        """How long the training has taken, by the metrics."""
        return max((line.get("seconds", 0.0) for line in self.metrics), default=0.0)

    @property
    def verdict(self) -> str:
        """One word: "ok", "collapsed" or "ignores_condition" once the training is over, "unfinished" before.

        "ok" says that nothing has collapsed; how good the samples are is asked by `allmodes.audit`.
        """
        return self._end.get("verdict", "unfinished")

    @property
    def reason(self) -> str:
        """The verdict's reason, in a sentence with its numbers."""
        return self._end.get("reason", "training is not over")

    @property
    def sentence(self) -> str:
        """The verdict and its reason, for people."""
        return f"{spoken(self.verdict)}: {self.reason}"

    @property
    def _end(self) -> dict[str, Any]:
        """The line of the metrics that ends the training; that of a shorter plan does not."""
        lines = reversed(self.metrics)
        return next((line for line in lines if "verdict" in line and line["step"] == self.plan.steps), {})

    def longer(self, steps: int) -> Run:
        """The run planned for more steps from its last checkpoint on; `rewrite` puts that into its run.json."""
        kept = self.last()
        return Run(self.folder, self.plan.longer(steps, kept.step if kept else 0))

    def rewrite(self) -> None:
        """Write its plan in place of another that is there; while the run is `locked`."""
        if _read(self.folder).plan != self.plan:
            write_whole(self.folder / "run.json", lambda file: file.write(self.plan.to_json()))


def _count(n: int) -> int:
    if (count := whole(n, "-n")) < 1:
        raise UserError(f"-n {n}: the number of samples must be at least 1")
    return count


def load(path: str | os.PathLike[str]) -> Run:
    """The run in a folder.

    Raises:
        UserError: where there is none, or its run.json cannot be read.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise UserError(f"a {type(path).__name__} is no run; give the folder that allmodes train wrote")
    folder = path_of(path)
    try:
        return _read(folder)
    except FileNotFoundError:
        raise UserError(
            f"{folder} is not a run: it has no run.json; give the folder that allmodes train wrote"
        ) from None
    except NotADirectoryError:
        raise UserError(f"{folder} is a file; give the folder that allmodes train wrote") from None
    except (OSError, *MALFORMED) as error:
        raise UserError(f"{folder / 'run.json'} cannot be read ({error}); restore it from a copy") from None


def _read(folder: Path) -> Run:
    run = Run(folder, Plan.from_dict(json.loads(read_file(folder / "run.json"))))
    try:
        event = run.event
    except KeyError as lacking:
        raise ValueError(f"event lacks {lacking}") from None
    require_types(event)
    axes = {Layout.HW: 2, Layout.HWC: 3, Layout.CHW: 3}.get(event.layout, len(event.shape))
    if len(event.shape) != axes or min(event.shape) < 1:
        raise ValueError(f"shape is {event.shape}")
    if event.quantiles and [len(QUANTILES) for _ in event.variables] != [len(row) for row in event.quantiles]:
        raise ValueError(f"quantiles are {event.quantiles}")
    return run
