"""`allmodes sample`."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Annotated, Any

import tyro
from tyro.conf import Positional, arg

from allmodes.cli.flags import Common, Count, Number, Pairs, Text, pairs
from allmodes.cli.terminal import say, warn
from allmodes.errors import UserError, path_of


@dataclass
class Sample(Common):
    """Draw samples from a run, in the units of its data."""

    run: Annotated[Positional[str], arg(metavar="RUN")] = tyro.MISSING
    """Folder of the run."""
    n: Annotated[Count, arg(name="n", aliases=("-n",))] = 1000
    """How many samples to draw. Default: 1000."""
    condition: Pairs = ()
    """A class or continuous value to ask for, in recipes with conditions; may be repeated."""
    conditions_of: Text = None
    """Ask for the conditions of these examples, all equally often: a file that has them, or data, the run's own."""
    seed: Count = 0
    """The seed of the draw; the same seed gives the same samples. Default: 0."""
    truncation: Number = None
    """Draw no latent number further from 0 than this: more typical samples, less diverse ones. GANs only."""
    out: Text = None
    """File: .npy .npz .csv .h5 .parquet, or .png for images. Default: one in RUN/samples, named by what was asked."""

    def named(self, asked: dict[str, str]) -> str:
        """A file's name that says what was asked for."""
        cut = [] if self.truncation is None else [("truncation", f"{self.truncation:g}")]
        of = [] if self.conditions_of is None else [("conditions-of", self.conditions_of)]
        what = [("n", self.n), ("seed", self.seed), *cut, *of, *sorted(asked.items())]
        name = re.sub(r"[^\w.+-]", "_", "-".join(f"{key}-{value}" for key, value in what))
        return f"{name}.npz" if of else f"{name}.npy"

    def __call__(self) -> dict[str, Any]:
        import hashlib

        from allmodes.data.write import check_writable, keeps_conditions, write_samples
        from allmodes.training.run import load

        run = load(self.run)
        asked, of = pairs("--condition", self.condition), self.conditions_of
        if asked and of is not None:
            raise UserError(f"--conditions-of {of}: its examples have all conditions; leave --condition out")
        out = path_of(self.out or run.folder / "samples" / self.named(asked))
        check_writable(out, run.event)
        spread = None if of is None else run.conditions(self.n, None if of == "data" else of, self.seed)
        if spread and not keeps_conditions(out):
            warn(f"{out} does not hold what was asked of each sample; .npz .csv .h5 .parquet do")
        begun = time.perf_counter()
        x = run.sample(self.n, asked or spread, self.seed, truncation=self.truncation, note=warn)
        seconds = time.perf_counter() - begun
        write_samples(out, x, run.event, run.event.condition(self.n, asked) if asked else spread)
        if not self.json:
            say(f"{self.n} samples of shape {list(run.event.shape)} in {out}")
        sha256 = hashlib.sha256(out.read_bytes()).hexdigest()
        return {"out": str(out), "n": self.n, "seconds": round(seconds, 3), "sha256": sha256}
