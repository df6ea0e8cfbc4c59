"""Densities of MNIST: one model trained within a time; its best weights on validation images score the test images.

    python benchmarks/densities.py --model nade --minutes 8 --device cuda [--set rate=1e-3] [--out FOLDER]
    python benchmarks/densities.py --table [--out FOLDER]

A recipe and the package's trainer do the work. The learning rate falls with the share of the training that is done, and
the clock decides how many steps that is: before training from the pace of a few steps, then from that since the last
look at the validation images. One process trains one model and writes FOLDER/MODEL.json (benchmarks/results/densities
if left out); `--table` merges what they wrote to FOLDER.md. MNIST is read from the folder that ALLMODES_DATA names (see
mnist.py).
"""

from __future__ import annotations

import argparse
import json
import math
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from common import markdown, publish, say, surroundings, write_json
from density_cases import CASES, Case
from mnist import BINARIZATION_SEED, mnist
from torch import Tensor

from allmodes.boltzmann.annealing import CHAINS
from allmodes.data.batches import Batches
from allmodes.data.dataset import Dataset
from allmodes.models.base import GenerativeModel
from allmodes.models.rbm import RBM
from allmodes.random import Rng
from allmodes.recipes import build
from allmodes.training.hardware import place
from allmodes.training.trainer import Trainer

RESULTS = Path(__file__).parent / "results" / "densities"
LOOKS = 12
"""At the validation images, spread over the time."""
LOOKING = 0.1
"""Share of the time that looks may take, the last over all test images apart."""


class Session:
    """One training within a time."""

    def __init__(
        self, case: Case, data: Dataset, settings: dict[str, Any], device: torch.device, minutes: float
    ) -> None:
        self.case, self.data, self.settings, self.device = case, data, settings, device
        self.begun, self.seconds = time.perf_counter(), 60 * minutes
        self.recipe = build(case.recipe, data.event, settings, steps=10**9)
        self.recipe.model.fit(data.to_fit())
        place(self.recipe.model, device)
        self.trainer = Trainer(self.recipe, Batches(data, self.recipe.batch, 0, device=device), Rng(0, device))
        self.validation = data.part("validation").x.to(device)
        self.curve: list[dict[str, float]] = []
        self.best, self.kept = math.inf, self.trainer.model.state_dict()

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self.begun

    @property
    def most(self) -> int:
        """Steps of the most epochs."""
        steps_per_epoch = len(self.data.split.train) // self.recipe.batch
        return 10**9 if self.case.epochs is None else self.case.epochs * steps_per_epoch

    def pace(self) -> float:
        """Seconds a step: of a few steps of a model that is thrown away, after some to warm up."""
        recipe = build(self.case.recipe, self.data.event, self.settings, steps=10**9)
        recipe.model.fit(self.data.to_fit())
        place(recipe.model, self.device)
        steps = iter(Trainer(recipe, Batches(self.data, recipe.batch, 1, device=self.device), Rng(1, self.device)))
        for _ in range(5):
            next(steps)
        self.wait()
        begun, done = time.perf_counter(), 0
        while done < 5 or time.perf_counter() - begun < min(5.0, self.seconds / 50):
            next(steps)
            self.wait()
            done += 1
        return (time.perf_counter() - begun) / done

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def scored(self, x: Tensor, budget: int | None) -> tuple[float, float]:
        """Mean negative log-probability under the averaged weights, nats, and its standard error."""
        score = self.trainer.model.score(x, budget=budget, rng=Rng(0, self.device))
        spread = float(score.value.std()) / math.sqrt(len(x))
        return -float(score.value.mean()), math.hypot(spread, score.standard_error)

    def look(self, count: int) -> None:
        """At the validation images; keeps the weights if they are the best so far."""
        numbers = self.trainer.fetch()
        with self.trainer.average.applied() if self.trainer.average else nullcontext():
            nats, _ = self.scored(self.validation[:count], self.case.look or self.case.budget)
            if nats < self.best:
                self.best = nats
                self.kept = {name: value.clone() for name, value in self.trainer.model.state_dict().items()}
        row = {"seconds": round(self.elapsed, 1), "step": self.trainer.step, "validation": round(nats, 3)}
        self.curve.append(row | {name: round(value, 3) for name, value in numbers.items()})
        say(" ".join(f"{name} {value}" for name, value in self.curve[-1].items()))

    def run(self) -> dict[str, Any]:
        each = self.pace()
        # Chains cost the same for any number of images.
        few = 1000 if self.device.type == "cuda" else 100
        some = self.validation if self.case.look else self.validation[:few]
        self.scored(some, self.case.look or self.case.budget)
        begun = time.perf_counter()
        self.scored(some, self.case.look or self.case.budget)
        an_image = (time.perf_counter() - begun) / len(some)
        count = min(len(self.validation), max(500, int(LOOKING * self.seconds / LOOKS / an_image)))
        tests = min(len(self.data.split.test), max(1000, int(LOOKING * self.seconds / an_image)))
        # What is kept for the end: the last look, all test images, a margin for a pace that changes.
        reserve = 1.1 * an_image * (tests + count) + 0.01 * self.seconds
        say(f"{each * 1e3:.1f} ms a step, {count} validation and {tests} test images")
        between = min(self.seconds - reserve - self.elapsed, self.most * each) / LOOKS
        next_look, mark = self.elapsed + between, (self.elapsed, 0)
        self._until(self.seconds - reserve, each)
        for step in self.trainer:
            if step % 20 and each < 0.2:
                continue
            self.wait()
            each = (self.elapsed - mark[0]) / (step - mark[1])
            if self.elapsed >= next_look and step < self.trainer.recipe.steps:
                self.look(count)
                mark, next_look = (self.elapsed, step), next_look + between
            self._until(self.seconds - reserve, each)
        self.look(count)
        self.trainer.model.load_state_dict(self.kept)
        test = self.data.part("test").x[:tests].to(self.device)
        nats, error = self.scored(test, self.case.budget)
        score = self.trainer.model.score(test[:2], budget=self.case.budget)
        return {
            "recipe": self.case.recipe,
            "settings": self.settings,
            "data": self.data.name,
            "digest": self.data.digest,
            "binarization_seed": None if self.case.data == "levels" else BINARIZATION_SEED,
            "kind": str(score.kind),
            "measure": score.measure,
            "budget": score.budget,
            "nats": round(nats, 3),
            "bits_per_dim": round(nats / (score.size * math.log(2)), 4),
            "standard_error": round(error, 3),
            **self.other_side(test),
            "test_images": tests,
            "validation": round(self.best, 3),
            "validation_images": count,
            "parameters": parameters(self.trainer.model),
            "steps": self.trainer.step,
            "batch": self.recipe.batch,
            "seconds": round(self.elapsed, 1),
            "where": surroundings(str(torch.get_num_threads())),
            "device": str(self.device),
            "curve": self.curve,
        }

    def other_side(self, test: Tensor) -> dict[str, float]:
        """Of a Boltzmann machine, whose annealed score flatters: the estimate by reverse annealing, which does not."""
        if not isinstance(self.trainer.model, RBM):
            return {}
        bracket = self.trainer.model.bracket(test, chains=self.case.budget or CHAINS)
        return {"reverse_nats": round(-bracket.low, 3), "reverse_standard_error": round(bracket.low_error, 3)}

    def _until(self, end: float, each: float) -> None:
        """Give the training as many steps as there is time for."""
        left = max(1, min(int((end - self.elapsed) / each), self.most - self.trainer.step))
        self.trainer.recipe = replace(self.trainer.recipe, steps=self.trainer.step + left)


def parameters(model: GenerativeModel) -> int:
    return sum(p.numel() for p in model.parameters())


def grey_density(found: dict[str, Any]) -> str:
    """Log-density of dequantized grey values in units of white, as flows report it; empty for bits."""
    return "" if found["binarization_seed"] is not None else f"{28 * 28 * math.log(256) - found['nats']:.1f}"


def fewer(found: dict[str, Any], images: str) -> str:
    """How many images there was time for, where not for all."""
    return "" if found[images] == 10_000 else f", first {found[images]:,} images"


def table(folder: Path) -> None:
    """All results in one table, beside the numbers of the literature and the goals."""
    rows, places = [], []
    for name, case in CASES.items():
        path = folder / f"{name}.json"
        if not path.exists():
            continue
        found = json.loads(path.read_text())
        places.append(f"- {name}: {found['where']}")
        goal = case.goal_gpu if found["device"].startswith("cuda") else case.goal_cpu
        rows.append(
            {
                "model": name,
                "data": found["data"],
                "kind": found["kind"] + (f", {found['budget']} samples" if found["budget"] else ""),
                "nats (test)": f"{found['nats']:.2f} ± {found['standard_error']:.2f}"
                + reverse(found)
                + fewer(found, "test_images"),
                "bits/dim": f"{found['bits_per_dim']:.3f}",
                "density on [0, 1)": grey_density(found),
                "nats (validation)": f"{found['validation']:.2f}" + fewer(found, "validation_images"),
                "goal": "" if goal is None else f"{goal:.1f}",
                "published": case.published,
                "parameters": f"{found['parameters']:,}",
                "steps x batch": f"{found['steps']:,} x {found['batch']}",
                "seconds": f"{found['seconds']:.0f}",
                "device": found["device"],
            }
        )
    if not rows:
        raise SystemExit(f"no results in {folder}; run --model first")
    publish(
        folder.with_suffix(".md"),
        "Densities of MNIST",
        "\n".join(places),
        "Negative log-probability of an image, nats, with the standard error over the test images; the weights are the "
        "best on validation images. Static binarization: each pixel drawn once with its grey value as its probability, "
        f"seed {BINARIZATION_SEED}; the published numbers are of another draw, which moves them by tenths of a nat. "
        "Grey values (levels): the bound on the mass of 256 levels by uniform dequantization, and the same as a "
        "density of grey values between 0 and 1, larger by 784 ln 256. "
        "Validation takes 20 samples or chains where the test takes 100 or 200, so that bounds are looser there. "
        "Settings and curves are in densities/*.json. A lower bound on the log-probability (kind: lower) bounds these "
        "nats from above; one of kind upper flatters, and reverse annealing errs to the other side.",
        markdown(rows),
    )


def reverse(found: dict[str, Any]) -> str:
    """The other side of a bound that flatters, where it was measured."""
    if "reverse_nats" not in found:
        return ""
    return f" (reverse annealing: {found['reverse_nats']:.2f} ± {found['reverse_standard_error']:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--model", choices=sorted(CASES))
    what.add_argument("--table", action="store_true", help="merge the results to a table")
    parser.add_argument("--minutes", type=float, default=60.0, help="in all: training, looks and the test")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--epochs", type=int, help="the most passes over the training images, instead of the case's")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the recipe")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    asked = parser.parse_args()
    if asked.table:
        table(asked.out)
        return
    torch.set_num_threads(asked.threads)
    case = CASES[asked.model]
    case = case if asked.epochs is None else replace(case, epochs=asked.epochs)
    settings = {**case.settings, **(case.gpu if asked.device == "cuda" else case.cpu)}
    settings |= dict(pair.split("=", 1) for pair in asked.set)
    say(f"{asked.model}: {settings}")
    begun = time.perf_counter()
    data = mnist(case.data)
    session = Session(case, data, settings, torch.device(asked.device), asked.minutes)
    session.begun = begun
    found = session.run()
    write_json(asked.out / f"{asked.model}.json", found)
    say(f"{asked.model}: {found['nats']} ± {found['standard_error']} nats, {found['seconds']} s")


if __name__ == "__main__":
    main()
