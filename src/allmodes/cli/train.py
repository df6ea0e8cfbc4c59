"""`allmodes train`."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from allmodes.cli.flags import DataFlags, Pairs, Switch, Text, Whole, pairs
from allmodes.cli.terminal import progress, say, warn
from allmodes.errors import UserError

if TYPE_CHECKING:
    from allmodes.training.run import Run


@dataclass
class Train(DataFlags):
    """Train a generative model, into a folder that resumes after a stop."""

    recipe: Text = None
    """What to train and how (see: allmodes recipes), or FILE.py:FUNCTION. Default: r3gan."""
    steps: Whole = None
    """Training steps, instead of the recipe's number; with --resume more than the run has, to train it longer."""
    seed: Whole = None
    """The seed of weights, noise and the order of the data. Default: 0."""
    out: Text = None
    """Folder of the run. Default: runs/DATA-RECIPE-sSEED."""
    set: Pairs = ()
    """A setting of the recipe (see: allmodes recipes NAME); may be repeated."""
    resume: Switch = False
    """Continue the run in --out, or in the default folder, where it stopped."""
    device: Text = None
    """Where to compute: cpu or cuda. Default: a GPU if there is one."""
    checkpoint_every: Whole = None
    """Steps between checkpoints. Default: a twentieth of the training."""
    keep_best: Text = None
    """Sample from the checkpoint that is best by this number: missing_mass, modes, validation.nll, ...
    Default: the last checkpoint."""

    def __call__(self) -> dict[str, Any]:
        from allmodes.training.train import train

        if self.resume and self.shaped:
            raise UserError(
                "--resume takes the data from the run; leave --label, --condition, --resize, --binarize out"
            )
        begun = time.perf_counter()

        with progress("training") as advance:

            def report(step: int, steps: int, numbers: Any) -> None:
                shown = {name: value for name, value in numbers.items() if name.endswith((".loss", ".nll"))}
                advance(step, steps, "  ".join(f"{name} {value:.3g}" for name, value in shown.items()))

            run = train(
                self.recipe,
                self.data if self.resume else self.load(),
                steps=self.steps,
                seed=self.seed,
                out=self.out,
                settings=pairs("--set", self.set),
                resume=self.resume,
                device=self.device,
                checkpoint_every=self.checkpoint_every,
                keep_best=self.keep_best,
                report=report,
                note=warn,
            )
        seconds = time.perf_counter() - begun
        trained = run.seconds
        result = {
            "run": str(run.folder),
            "recipe": run.plan.recipe,
            "data": run.plan.data["name"],
            "steps": run.step,
            "seconds": round(seconds, 3),
            "steps_per_second": round(run.step / trained, 2) if trained else 0.0,
            "verdict": run.verdict,
        }
        if not self.json:
            say(run.sentence)
            say(f"{run.step} steps, {result['steps_per_second']} a second; everything is in {run.folder}")
            for line in _sampling(run):
                say(line)
            say(f"what it misses, invents and copies: allmodes audit {shlex.quote(str(run.folder))}")
        return result


def _sampling(run: Run) -> Iterator[str]:
    """Commands that draw samples; of a conditional model at a condition, and at those of its data."""
    command = f"allmodes sample {shlex.quote(str(run.folder))} -n 1000"
    try:
        conditional = run.model.conditional
    except UserError as error:  # such as that its file was edited while it trained
        yield f"no samples: {error}"
        return
    if not conditional:
        yield f"samples: {command}"
        return
    asked = (f"--condition {shlex.quote(f'{name}={value}')}" for name, value in run.event.typical.items())
    yield f"samples: {command} {' '.join(asked)}"
    yield f"samples at the conditions of the data: {command} --conditions-of data"
