"""`allmodes sample`."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from tyro.conf import Positional, arg

from allmodes.cli.flags import Common, Number, Pairs, Text, pairs
from allmodes.cli.terminal import say, warn


@dataclass
class Sample(Common):
    """Draw samples from a run, in the units of its data."""

    run: Annotated[Positional[str], arg(metavar="RUN")] = tyro.MISSING
    """Folder of the run."""
    n: Annotated[int, arg(name="n", aliases=("-n",))] = 1000
    """How many."""
    condition: Pairs = ()
    """A class or continuous value to ask for, in recipes with conditions; may be repeated."""
    seed: int = 0
    """The same seed gives the same samples."""
    truncation: Number = None
    """Latents without numbers further from 0 than this: more typical samples, less diverse ones; of GANs."""
    out: Text = None
    """File: .npy .npz .csv .h5 .parquet, or .png for images. Default: one in RUN/samples, named by what was asked."""

    def __call__(self) -> dict[str, Any]:
        import hashlib

        from allmodes.data.write import check_writable, write_samples
        from allmodes.training.run import load

        run = load(self.run)
        condition = pairs("--condition", self.condition)
        cut = [] if self.truncation is None else [("truncation", f"{self.truncation:g}")]
        what = [("n", self.n), ("seed", self.seed), *cut, *sorted(condition.items())]
        name = re.sub(r"[^\w.+-]", "_", "-".join(f"{key}-{value}" for key, value in what))
        out = Path(self.out or run.folder / "samples" / f"{name}.npy").expanduser()
        check_writable(out, run.event)
        begun = time.perf_counter()
        x = run.sample(self.n, condition or None, self.seed, truncation=self.truncation, note=warn)
        seconds = time.perf_counter() - begun
        write_samples(out, x, run.event, run.event.condition(self.n, condition) if condition else None)
        if not self.json:
            say(f"{self.n} samples of shape {list(run.event.shape)} in {out}")
        sha256 = hashlib.sha256(out.read_bytes()).hexdigest()
        return {"out": str(out), "n": self.n, "seconds": round(seconds, 3), "sha256": sha256}
