"""Stacked MNIST: how many of 1000 modes a GAN makes, and how evenly, against the time that it was trained.

    python benchmarks/stacked_mnist.py [--runs r3gan,dcgan,r3gan-r1,r3gan+width=64] [--minutes 7] [--side 32]
                                       [--device cuda] [--samples 26000] [--quick]
                                       [--out benchmarks/results/stacked_mnist.md]

Three digits of MNIST in the three channels of one picture make 1000 classes (1611.02163). The classifier that counts
them is trained here, on single digits. 26,000 samples are counted: modes that are there at all, and the reverse KL
divergence of their frequencies from uniform ones, in nats. The floor is what a perfect sampler has: stacks of real test
digits whose modes are drawn at random. Chance alone makes its frequencies uneven, by about (modes - 1) / (2 samples)
nats, which is 0.019 for 26,000 samples. r3gan-r1 is r3gan without R2.

The classifier's own mistakes put a few examples into modes that a generator lacks. Beside the counts as they are, as
published figures have them, stand those corrected by the classifier's confusion between digits on the test set.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from common import arguments, markdown, publish, say, surroundings, write_json
from digits import Judge, pictures, sample, train_judge, trainer_for, variant
from torch import Tensor

from allmodes.data.dataset import Dataset, load_data
from allmodes.device import device_named
from allmodes.models.gan import GAN
from allmodes.training.budget import steps_within
from allmodes.training.hardware import threads, threads_for
from allmodes.training.trainer import NotFinite

MODES = 1000
RIGHT = 0.99
"""Share of test digits that the classifier must know: a worse one counts its own mistakes as modes."""
EXAMPLES = 60_000
PUBLISHED = (
    ("DCGAN", "99", "3.40", "VEEGAN (1705.07761), table 1"),
    ("DCGAN", "78.9 ± 6.5", "4.50", "PacGAN (1712.04086), table 3"),
    ("VEEGAN", "150", "2.95", "VEEGAN (1705.07761), table 1"),
    ("PacDCGAN2", "1000", "0.06", "PacGAN (1712.04086), table 3"),
    ("relativistic pairing, R1 and R2", "1000", "0.0781", "R3GAN (2501.05441), table 1"),
    ("relativistic pairing, R1", "diverges", "", "R3GAN (2501.05441), table 1"),
    ("R3GAN, its own networks", "1000", "0.029", "R3GAN (2501.05441), table 3"),
)


def stacked(side: int, examples: int) -> Dataset:
    """Pictures [n, 3, side, side], each channel a digit drawn from the training set, as an unlabelled data set."""
    x, _ = pictures("mnist", "train", side)
    return load_data(x[np.random.default_rng(0).integers(len(x), size=(examples, 3))])


def perfect(side: int, n: int) -> Tensor:
    """Real test digits, stacked, each in a mode drawn at random."""
    x, y = pictures("mnist", "t10k", side)
    rng = np.random.default_rng(1)
    modes = rng.integers(MODES, size=n)
    rows_of = [np.flatnonzero(y == digit) for digit in range(10)]
    rows = [[rng.choice(rows_of[digit]) for digit in (mode // 100, mode // 10 % 10, mode % 10)] for mode in modes]
    return torch.from_numpy(x[np.array(rows)])


def counted(judge: Judge, x: Tensor) -> dict[str, float]:
    """Modes and reverse KL of samples [n, 3, side, side], as they are called and corrected for the confusion."""
    digits = judge.classes(x.flatten(0, 1)).view(-1, 3)
    counts = torch.zeros(10, 10, 10, dtype=torch.float64)
    counts.index_put_(tuple(digits.T), torch.ones(()).double(), accumulate=True)
    called = counts / counts.sum()
    # What is called is the truth through the confusion of each channel; its inverse leads back, up to noise below zero.
    inverse = torch.linalg.inv(judge.confusion)
    true = torch.einsum("abc,ai,bj,ck->ijk", called, inverse, inverse, inverse).clamp(min=0)
    # A mode that holds less than half an example after the correction has none.
    true = torch.where(true * len(x) < 0.5, 0.0, true)
    true = true / true.sum()
    return {
        "modes": float((counts > 0).sum()),
        "kl": reverse_kl(called),
        "modes_corrected": float((true > 0).sum()),
        "kl_corrected": reverse_kl(true),
    }


def reverse_kl(p: Tensor) -> float:
    """KL(p || uniform over the modes), nats."""
    return float(torch.special.xlogy(p, p * MODES).sum())


def run(
    word: str, data: Dataset, judge: Judge, seconds: float, device: torch.device, looks: int, n: int
) -> dict[str, Any]:
    """A training of so many seconds with its curve: samples are counted on the way, in time that does not count."""
    name, settings = variant(word)
    recipe, _, without = name.partition("-")
    steps = steps_within(recipe, data, seconds, settings=settings, device=device)
    trainer = trainer_for(recipe, data, settings, max(looks, steps), 0, device)
    model = trainer.model
    assert isinstance(model, GAN)
    if without == "r1":
        del model.penalties["r2"]
    curve: list[dict[str, float]] = []
    spent, begun = 0.0, time.perf_counter()
    every = trainer.recipe.steps // looks
    with threads(threads_for(model)):
        for done in trainer:
            if done % 100 == 0:
                trainer.fetch()  # ends the training where a loss is not finite
            if done % every == 0 or done == trainer.recipe.steps:
                trainer.fetch()
                spent += time.perf_counter() - begun
                found = counted(judge, sample(trainer, data, n))
                curve.append({"step": done, "seconds": spent} | found)
                say(f"{word}: {curve[-1]}")
                begun = time.perf_counter()
    parameters = sum(p.numel() for p in model.parameters())
    return {"name": word, "batch": trainer.recipe.batch, "parameters": parameters, "curve": curve}


def row(method: str, found: dict[str, float], source: str) -> dict[str, str]:
    return {
        "method": method,
        "steps": f"{found['step']:,.0f}" if "step" in found else "",
        "seconds": f"{found['seconds']:.0f}" if "seconds" in found else "",
        "modes": f"{found['modes']:.0f}",
        "reverse KL": f"{found['kl']:.4f}",
        "modes, corrected": f"{found['modes_corrected']:.0f}",
        "reverse KL, corrected": f"{found['kl_corrected']:.4f}",
        "source": source,
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--runs", default="r3gan,dcgan,r3gan-r1", help="each with +NAME=VALUE for other settings")
    parser.add_argument("--minutes", type=float, default=7.0, help="that each is trained")
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--device", help="a GPU if there is one")
    parser.add_argument("--looks", type=int, default=8, help="points of the curve")
    parser.add_argument("--epochs", type=float, default=8, help="of the classifier")
    parser.add_argument("--samples", type=int, default=26_000)
    parser.add_argument("--quick", action="store_true", help="two seconds, one look, 1000 samples: does it run?")
    asked = parser.parse_args()
    minutes, looks, epochs = (1 / 30, 1, 0.05) if asked.quick else (asked.minutes, asked.looks, asked.epochs)
    n, examples = (1000, 2000) if asked.quick else (asked.samples, EXAMPLES)
    device = device_named(asked.device)
    where = surroundings(f"as the package chooses, of {torch.get_num_threads()}") + f" Device: {device}."
    data = stacked(asked.side, examples)
    judge = train_judge("mnist", asked.side, device, epochs)
    if not asked.quick and judge.accuracy < RIGHT:
        raise SystemExit(
            f"the classifier knows {judge.accuracy:.2%} of the test digits, less than {RIGHT:.0%}; give more --epochs"
        )
    raw: list[dict[str, Any]] = []
    rows = [
        {"method": method, "modes": modes, "reverse KL": kl, "source": source}
        for method, modes, kl, source in PUBLISHED
    ]
    rows = [row("perfect sampler", counted(judge, perfect(asked.side, n)), "measured here"), *rows]
    for name in asked.runs.split(","):
        try:
            found = run(name, data, judge, 60 * minutes, device, looks, n)
            rows += [row(f"**{name}**", point, "measured here") for point in found["curve"]]
        except NotFinite as error:  # a result too
            found = {"name": name, "error": str(error)}
            rows.append({"method": f"**{name}**", "modes": "diverges", "source": "measured here"})
        raw.append(found)
        if asked.out:
            values = {"where": where, "accuracy": judge.accuracy, "confusion": judge.confusion.tolist(), "runs": raw}
            write_json(asked.out.with_suffix(".json"), values)
    keys = list(rows[0])
    publish(
        asked.out,
        "Stacked MNIST",
        where,
        f"{n:,} samples at {asked.side} x {asked.side}; {minutes:.3g} minutes of training each. "
        f"The classifier is right on {100 * judge.accuracy:.2f} % of MNIST's test digits. "
        f"Chance alone leaves a perfect sampler's modes uneven by about {(MODES - 1) / (2 * n):.3f} nats.",
        markdown([{key: line.get(key, "") for key in keys} for line in rows]),
    )


if __name__ == "__main__":
    main()
