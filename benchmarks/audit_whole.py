"""The whole audit of MNIST by the command, from files to the report: time and memory.

    python benchmarks/audit_whole.py [--n 10000] [--train 20000] [--rounds 1] [--threads 2]
                                     [--out benchmarks/results/audit_whole.md]

All 70,000 images are shuffled; n are held out, n stand for a generator's, so that nothing is to be found, and others
are the training examples. Without labels, in features of an untrained network; and with them, in those of a classifier.
The goal is two minutes on two cores. MNIST is read from the folder mnist in ALLMODES_DATA. `--n 1000 --train 2000` is
quick.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import arguments, data_folder, environment, markdown, publish, say, surroundings, write_json

from allmodes.data.dataset import load_data

LIMIT_SECONDS = 120


def files(to: Path, n: int, train: int) -> None:
    """Three sides, each with labels as .npz and without as .npy."""
    images, digits = (
        np.concatenate(
            [load_data(data_folder("mnist") / f"{part}-{what}-ubyte.gz").x.numpy() for part in ("train", "t10k")]
        )
        for what in ("images-idx3", "labels-idx1")
    )
    order = np.random.default_rng(0).permutation(len(images))
    for side, rows in zip(("real", "fake", "train"), np.split(order, (n, 2 * n, 2 * n + train)), strict=False):
        np.save(to / f"{side}.npy", images[rows])
        np.savez(to / f"{side}.npz", image=images[rows], digit=digits[rows])


def audit(given: Path, labelled: bool, threads: int) -> dict[str, Any]:
    """Run the command once; processor seconds and memory are those of its process."""
    words = [sys.executable, "-m", "allmodes", "audit", "--json", "--out", str(given / "audit"), "--device", "cpu"]
    for side in ("real", "fake", "train"):
        words += [f"--{side}", str(given / f"{side}.{'npz' if labelled else 'npy'}")]
    words += ["--label", "digit"] if labelled else []
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(words, env=environment(threads), check=True, capture_output=True, text=True)
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "labels": labelled,
        "seconds": seconds,
        "processor_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "megabytes": after.ru_maxrss / 1024,
        "verdict": json.loads(done.stdout)["verdict"],
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--n", type=int, default=10_000, help="held-out and as many generated images")
    parser.add_argument("--train", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as temporary:
        files(Path(temporary), asked.n, asked.train)
        for _ in range(asked.rounds):
            for labelled in (False, True):
                results.append(audit(Path(temporary), labelled, asked.threads))
                say(json.dumps(results[-1]))
    where = surroundings(str(asked.threads))
    publish(
        asked.out,
        f"The whole audit of {asked.n:,} and {asked.n:,} MNIST images",
        where,
        f"From files to the report, with {asked.train:,} training images for the copies and the short self-test. "
        f"Processor seconds are those of all threads, which a busy machine disturbs less; the goal is {LIMIT_SECONDS} "
        "seconds on two cores. Memory is all that the processes ever held.",
        markdown(
            [
                {
                    "labels": "yes" if result["labels"] else "no",
                    "seconds": f"{result['seconds']:.0f}",
                    "processor seconds": f"{result['processor_seconds']:.0f}",
                    "MB at most": f"{result['megabytes']:.0f}",
                    "verdict": result["verdict"],
                }
                for result in results
            ]
        ),
    )
    if asked.out:
        write_json(asked.out.with_suffix(".json"), {"where": where, "results": results})


if __name__ == "__main__":
    main()
