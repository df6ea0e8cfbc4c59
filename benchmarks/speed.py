"""Steps per second of the trainer against the loop that tutorials teach.

    python benchmarks/speed.py [--rounds 7] [--seconds 3] [--out benchmarks/results/speed.md]

Both have the same networks, batch, settings of Adam, data and distribution of latents. The tutorial's loop is in
plain_loop.py: a DataLoader over tensors in memory, binary cross-entropy with label tensors, one pass and one `backward`
each for real and for generated examples, the generator's `backward` through the whole discriminator, `.item()` of both
losses in every step, Adam as it is by default, float32. Ours: `Trainer` with its losses fetched every 100 steps, as
`allmodes train` runs it; in bfloat16 where the recipe says so, and beside it in float32. Ours keeps its convolutions'
channels last and on a GPU replays a recorded step; the tutorial's does neither. The loops take turns.

On a GPU the table has DCGAN 64x64 at batch 256 too, with its share of the pace of a large matrix product in bfloat16.

A second table has BigGAN 32x32, which no tutorial has: the pace of the trainer alone, at the paper's width of 96 on a
GPU and reduced on a processor.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch
from common import arguments, markdown, publish, ratio, rounds, say, surroundings, timed
from plain_loop import PlainLoop
from torch.utils.flop_counter import FlopCounterMode

from allmodes.data.batches import Batches
from allmodes.data.dataset import Dataset, load_data
from allmodes.random import Rng
from allmodes.recipes import Recipe, build
from allmodes.training.hardware import place
from allmodes.training.trainer import Trainer

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
FETCH_EVERY = 100


@dataclass(frozen=True)
class Case:
    """One line of the table: a recipe, the side of random pictures (0: the ring), a batch."""

    recipe: str
    side: int
    batch: int
    settings: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        what = [self.recipe, f"{self.side}x{self.side}x3" if self.side else "ring", f"batch {self.batch}"]
        return ", ".join(what + [f"{name} {value}" for name, value in self.settings.items()])

    def data(self) -> Dataset:
        if not self.side:
            return load_data("ring")
        shape = (2048, 3, self.side, self.side)
        pictures = torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        return load_data(pictures, labels=torch.arange(len(pictures)) % 10)

    def build(self, data: Dataset) -> Recipe:
        made = build(self.recipe, data.event, {"batch": self.batch, **self.settings}, steps=10**9)
        made.model.fit(data.part("train").x)
        made.model.to(DEVICE)
        return made


class Ours:
    """The package's trainer."""

    def __init__(self, recipe: Recipe, data: Dataset) -> None:
        place(recipe.model, DEVICE)
        self.trainer = Trainer(recipe, Batches(data, recipe.batch, 0, device=DEVICE), Rng(0, DEVICE))
        self.iterator: Iterator[int] = iter(self.trainer)

    def __call__(self, steps: int) -> None:
        for _ in range(steps):
            if next(self.iterator) % FETCH_EVERY == 0:
                self.trainer.fetch()


@contextmanager
def exact_float32() -> Iterator[None]:
    """Products and convolutions in all of float32's digits inside the block, where a GPU might take TF32's ten bits."""
    convolutions, products = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = convolutions
        torch.set_float32_matmul_precision(products)


@exact_float32()
def distance(case: Case, data: Dataset) -> str:
    """How far the two loops' first steps are apart, relative to the step, from the same weights, latents and batch."""
    ours, plain, before = (replace(case.build(data), bf16=False) for _ in range(3))
    first = next(Batches(data, case.batch, 0, device=DEVICE))
    Ours(ours, data)(1)
    PlainLoop(plain, data, DEVICE).step(plain.model.transform(first.x))
    apart = []
    for name in ("discriminator", "generator"):
        a, b, start = (
            torch.cat([p.detach().flatten() for p in recipe.model.get_submodule(name).parameters()])
            for recipe in (ours, plain, before)
        )
        apart.append(f"{float((a - b).norm() / (b - start).norm()):.0e} ({name})")
    return " and ".join(apart)


def row(case: Case, threads: int, count: int, seconds: float, peak: float) -> dict[str, str]:
    say(f"{case}, {threads} threads")
    data = case.data()
    torch.set_num_threads(threads)
    work = {"ours": Ours(case.build(data), data), "plain": PlainLoop(case.build(data), data, DEVICE)}
    if mixed := case.build(data).bf16:
        work["float32"] = Ours(replace(case.build(data), bf16=False), data)
    paces = rounds(work, count, seconds)
    middle = {name: statistics.median(values) for name, values in paces.items()}
    cells = {
        "case": str(case),
        "threads": str(threads),
        "tutorial's loop, steps/s": f"{middle['plain']:.1f}",
        "ours, steps/s": f"{middle['ours']:.1f}",
        "ratio (range)": ratio(paces["ours"], paces["plain"]),
        "ours in float32, steps/s": f"{middle['float32']:.1f}" if mixed else "the same",
        "ratio in float32 (range)": ratio(paces["float32"], paces["plain"]) if mixed else "the same",
    }
    if peak:
        cells["of the bf16 peak"] = f"{operations(case, data) * middle['ours'] / peak:.1%}"
    return cells


def operations(case: Case, data: Dataset) -> int:
    """Floating-point operations of a step, a multiplication with its addition counted as two."""
    with FlopCounterMode(display=False) as counter:
        Ours(case.build(data), data)(1)  # a first step is not replayed, so its operations are seen
    return counter.get_total_flops()


def alone(case: Case, count: int, seconds: float, peak: float) -> dict[str, str]:
    """The pace of the trainer without another loop beside it."""
    say(f"{case}, alone")
    data = case.data()
    made = case.build(data)
    pace = statistics.median(rounds({"ours": Ours(made, data)}, count, seconds)["ours"])
    step = operations(case, data)
    shown = case.batch * made.accumulate * made.model.players[0].turns
    return {
        "case": str(case),
        "weights": f"{sum(p.numel() for p in made.model.parameters()):,}",
        "steps/s": f"{pace:.2f}",
        "real images/s": f"{shown * pace:,.0f}",
        "TFLOP a step": f"{step / 1e12:.3f}",
        "of the bf16 peak": f"{step * pace / peak:.1%}" if peak else "",
    }


def matrix_peak() -> float:
    """The most floating-point operations a second of a bfloat16 matrix product."""
    n = 8192
    a, b = (torch.randn(n, n, device=DEVICE, dtype=torch.bfloat16) for _ in range(2))

    def multiply(times: int) -> None:
        for _ in range(times):
            torch.mm(a, b)

    multiply(20)
    torch.cuda.synchronize()
    return max(2 * n**3 * 50 / timed(multiply, 50) for _ in range(5))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="that each loop runs in a round, about")
    asked = parser.parse_args()
    cases = [Case("gan2014", 0, 256), Case("dcgan", 32, 64), Case("dcgan", 32, 128)]
    cases += [Case("dcgan", 64, 256)] if DEVICE.type == "cuda" else []
    equal = [f"- {case}: {distance(case, case.data())}" for case in cases]
    peak = matrix_peak() if DEVICE.type == "cuda" else 0.0
    numbers = sorted({1, torch.get_num_threads()}) if DEVICE.type == "cpu" else [torch.get_num_threads()]
    rows = [row(case, threads, asked.rounds, asked.seconds, peak) for case in cases for threads in numbers]
    batch, width = (256, 96) if DEVICE.type == "cuda" else (16, 8)
    biggan = Case("biggan", 32, batch, {"width": width, "accumulate": 1})
    publish(
        asked.out,
        "Steps per second against a tutorial's loop",
        surroundings("by the row") + (f" Matrix products in bfloat16: {peak / 1e12:.0f} TFLOP/s." if peak else ""),
        f"Medians of {asked.rounds} rounds in which the loops take turns.",
        markdown(rows),
        "Both loops do the same. After one step in float32, without TF32, from the same weights, latents and batch, "
        "their weights are apart by this share of the step's length:\n\n" + "\n".join(equal),
        "The trainer alone; a step has two moves of the discriminator, with a batch each, and one of the generator:",
        markdown([alone(biggan, asked.rounds, asked.seconds, peak)]),
    )


if __name__ == "__main__":
    main()
