"""What the light audit costs a training: seconds of its looks beside those of the steps.

    python benchmarks/light_audit.py [--steps 200] [--cases ring,digits,swissroll,mnist,mnist-dcgan] [--device cpu]
                                     [--threads 1] [--out benchmarks/results/light_audit.md]

Each case is a training by `allmodes.train` in a temporary folder, of so many steps with all of its looks. A step's time
is the mean over these steps, without the first ones; the share is that of a training of the recipe's own number of
steps, which has as many looks. A look is drawing the samples and examining them; once for a training, regions are
grown. Pictures of the samples, which are saved beside it, are counted apart, and what a process imports once too. The
goal is a share of at most 5 %. On a processor all are processor seconds, on a GPU those of the clock. MNIST is read
from the folder mnist in ALLMODES_DATA. `--steps 50` is quick.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from common import arguments, data_folder, markdown, publish, say, surroundings, write_json

import allmodes
from allmodes.data.dataset import Dataset, load_data
from allmodes.recipes import build
from allmodes.training import train, witness
from allmodes.training.health import EXAMINATIONS
from allmodes.training.trainer import Trainer

WARM = 10
"""Steps that are not counted."""
CASES = {"ring": "r3gan", "digits": "r3gan", "mnist": "r3gan", "mnist-dcgan": "dcgan", "swissroll": "made"}


class Clock:
    """Seconds of the pieces of a training, each time: of all processors, or on a GPU to the end of what it does."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.spent: dict[str, list[float]] = defaultdict(list)

    def now(self) -> float:
        if self.device == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    def of(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed."""

        def timed(*given: Any, **named: Any) -> Any:
            begun = self.now()
            made = work(*given, **named)
            self.spent[name].append(self.now() - begun)
            return made

        return timed

    def steps(self, iterate: Callable[[Trainer], Iterator[int]]) -> Callable[[Trainer], Iterator[int]]:
        """The same loop, its steps timed and what is done between them not."""

        def timed(trainer: Trainer) -> Iterator[int]:
            step = self.of("step", partial(next, iterate(trainer), 0))
            while done := step():
                yield done

        return timed


def data(case: str) -> Dataset:
    return (
        load_data(data_folder("mnist") / "train-images-idx3-ubyte.gz") if case.startswith("mnist") else load_data(case)
    )


def measure(case: str, asked: argparse.Namespace) -> dict[str, Any]:
    given, recipe, clock = data(case), CASES[case], Clock(asked.device)
    with (
        tempfile.TemporaryDirectory() as temporary,
        patch.object(train, "threads_for", lambda model: asked.threads),
        patch.object(witness, "watch", clock.of("regions", witness.watch)),
        patch.object(witness, "save_samples", clock.of("picture", witness.save_samples)),
        patch.object(witness.Witness, "examine", clock.of("look", witness.Witness.examine)),
        patch.object(Trainer, "__iter__", clock.steps(Trainer.__iter__)),
    ):
        allmodes.train(recipe, given, steps=asked.steps, out=Path(temporary) / "run", device=asked.device)
    assert len(clock.spent["look"]) == EXAMINATIONS
    steps, usual = clock.spent["step"][WARM : asked.steps], build(recipe, given.event).steps
    each = sum(steps) / len(steps)
    regions, looks, pictures = (sum(clock.spent[name]) for name in ("regions", "look", "picture"))
    whole = regions + looks + usual * each
    return {
        "case": case,
        "recipe": recipe,
        "steps": usual,
        "step_ms": 1000 * each,
        "regions": regions,
        "look": (looks - pictures) / EXAMINATIONS,
        "pictures": pictures,
        "share": (regions + looks - pictures) / whole,
        "share_with_pictures": (regions + looks) / whole,
    }


def imported(*modules: str) -> float:
    begun = time.process_time()
    for name in modules:
        import_module(name)
    return time.process_time() - begun


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--steps", type=int, default=200, help="that are timed")
    parser.add_argument("--cases", default="ring,digits,swissroll,mnist,mnist-dcgan")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    imports = {
        "scipy": imported("scipy.stats", "scipy.cluster.hierarchy", "scipy.spatial"),
        "matplotlib": imported("matplotlib.figure", "matplotlib.backends.backend_agg"),
    }
    results = []
    for case in asked.cases.split(","):
        results.append(measure(case, asked))
        say(json.dumps(results[-1]))
    where = surroundings(str(asked.threads))
    publish(
        asked.out,
        "What the light audit costs a training",
        where,
        f"{'Processor seconds' if asked.device == 'cpu' else 'Seconds'}. A training has {EXAMINATIONS} looks; steps "
        "are the recipe's own number. A look draws samples and examines them; pictures are those of all looks. Beside "
        f"that a process imports scipy's statistics and clustering once, {imports['scipy']:.1f} s, and matplotlib for "
        f"the pictures, {imports['matplotlib']:.1f} s. The goal is a share of at most 5 %.",
        markdown(
            [
                {
                    "data": result["case"],
                    "recipe": result["recipe"],
                    "steps": f"{result['steps']:,}",
                    "ms a step": f"{result['step_ms']:.2f}",
                    "regions, s": f"{result['regions']:.2f}",
                    "a look, s": f"{result['look']:.2f}",
                    "pictures, s": f"{result['pictures']:.2f}",
                    "share": f"{100 * result['share']:.2f} %",
                    "share with pictures": f"{100 * result['share_with_pictures']:.2f} %",
                }
                for result in results
            ]
        ),
    )
    if asked.out:
        write_json(asked.out.with_suffix(".json"), {"where": where, "imports": imports, "results": results})


if __name__ == "__main__":
    main()
