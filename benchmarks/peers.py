"""A peer from the package index at equal wall-clock: CTGAN on the ring.

    pip install -c constraints.txt -e '.[bench]'
    python benchmarks/peers.py [--seed 0] [--steps N] [--threads 1] [--out benchmarks/results/peers.md]

The default recipe is trained first and timed, from data in memory to 2500 samples. CTGAN then trains with its own
settings for so many epochs that they alone last at least as long; what it needs to prepare comes on top. Both see the
same 40,000 examples and use the same number of threads. CTGAN's licence is BUSL-1.1: it is imported here and nowhere in
the package.
"""

from __future__ import annotations

import math
import sys
import time
import warnings
from typing import Any

import torch
from common import arguments, markdown, publish, say, surroundings
from torch import Tensor

from allmodes.data.dataset import Dataset, load_data
from allmodes.data.modes import ModeReport
from allmodes.training.health import SAMPLES
from allmodes.training.study import study

DEFAULT = "r3gan"
MARGIN = 1.05
"""By how much longer than ours CTGAN's epochs are meant to last, so that they last at least as long."""


def ctgan() -> Any:
    """CTGAN's class, None where it is not installed."""
    try:
        from ctgan import CTGAN
    except ImportError:
        return None
    return CTGAN


def trained(model: Any, data: Dataset, epochs: int, seed: int) -> tuple[Tensor, float]:
    """Samples of CTGAN after so many epochs, and the seconds from data to samples."""
    import pandas

    table = pandas.DataFrame(data.part("train").x.double().numpy(), columns=["x", "y"])
    begun = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = model(epochs=epochs, enable_gpu=False)
        peer.set_random_state(seed)
        peer.fit(table)
        samples = peer.sample(SAMPLES)
    return torch.from_numpy(samples.to_numpy()).float(), time.perf_counter() - begun


def at_least(seconds: float, model: Any, data: Dataset, seed: int) -> tuple[int, Tensor, float]:
    """Epochs that last that long, their samples, and the seconds with all that CTGAN needs besides."""
    trained(model, data, 1, seed)  # warms up
    short, long = (trained(model, data, epochs, seed)[1] for epochs in (1, 9))
    epoch = max((long - short) / 8, 0.05)
    while True:
        epochs = math.ceil(MARGIN * seconds / epoch)
        say(f"ctgan: {epoch:.2f} s an epoch, {short - epoch:.1f} s besides; training for {epochs} epochs")
        samples, taken = trained(model, data, epochs, seed)
        if taken - (short - epoch) >= seconds:
            return epochs, samples, taken
        epoch = (taken - (short - epoch)) / epochs  # the machine has become faster since


def row(method: str, report: ModeReport, seconds: float) -> dict[str, str]:
    return {
        "method": method,
        "modes captured": f"{report.captured} of {len(report.counts)}",
        "high quality": f"{100 * report.high_quality:.1f} %",
        "reverse KL": "undefined" if report.reverse_kl is None else f"{report.reverse_kl:.4f}",
        "seconds": f"{seconds:.1f}" if seconds else "",
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="of our training, instead of the recipe's own number")
    parser.add_argument("--threads", type=int, default=1, help="processor threads of both")
    asked = parser.parse_args()
    model = ctgan()
    if model is None:
        print(
            "ctgan is not installed, nothing to compare with; install it: pip install -c constraints.txt -e '.[bench]'"
        )
        sys.exit(0)
    from importlib.metadata import version

    torch.set_num_threads(asked.threads)
    data = load_data("ring")
    assert data.modes is not None
    ours = study(DEFAULT, data, seeds=1, first=asked.seed, steps=asked.steps, device="cpu")
    say(f"ours: {ours.seconds:.1f} s")
    epochs, samples, seconds = at_least(ours.seconds, model, data, asked.seed)
    perfect = data.modes.sample(SAMPLES, torch.Generator().manual_seed(asked.seed))
    rows = [
        row(f"allmodes, {DEFAULT}, {ours.steps} steps", data.modes.examine(ours.samples[0]), ours.seconds),
        row(f"ctgan {version('ctgan')}, {epochs} epochs", data.modes.examine(samples), seconds),
        row("perfect sampler", data.modes.examine(perfect), 0.0),
    ]
    publish(
        asked.out,
        "A peer at equal wall-clock: CTGAN on the ring of 8 Gaussians",
        surroundings(str(asked.threads)),
        f"Seed {asked.seed}; one training each on the processor, from the same {len(data.split.train):,} examples in "
        f"memory to {SAMPLES} samples. CTGAN's epochs alone last at least as long as our whole training.",
        markdown(rows),
    )


if __name__ == "__main__":
    main()
