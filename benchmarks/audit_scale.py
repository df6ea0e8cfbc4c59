"""Figures between large samples: seconds and the most memory that a process ever held.

    python benchmarks/audit_scale.py [--n 50000] [--features 2048] [--figures coverage,kernel,neighbours,frechet,...]
                                     [--device cpu] [--threads 2] [--out benchmarks/results/audit_scale.md]

Each figure is a process of its own, which draws both samples in float32, n real and n generated examples, and computes
it between them. The goal is 50,000 against 50,000 with 2,048 features on a processor under 4 GB. The table is written
after each figure, and figures of the same sizes that the file holds already stay in it. `--n 5000` is quick.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from common import arguments, environment, markdown, publish, say, surroundings, write_json

LIMIT_GB = 4.0


def samples(n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    real = rng.standard_normal((n, d), np.float32)
    fake = rng.standard_normal((n, d), np.float32)
    fake *= np.float32(0.95)
    return real, fake


def figures(device: str) -> dict[str, Callable[[np.ndarray, np.ndarray], Any]]:
    from allmodes.audit.coverage import overlap
    from allmodes.audit.distances import frechet, kernel_distance, sliced_wasserstein
    from allmodes.audit.neighbours import nearest

    return {
        "neighbours": lambda real, fake: nearest(fake, real, 5, device=device).distance.mean(),
        "coverage": lambda real, fake: overlap(real, fake, device=device).figures()["coverage"].value,
        "kernel": lambda real, fake: kernel_distance(real, fake, device=device).value,
        "frechet": lambda real, fake: frechet(real, fake).value,
        "sliced_wasserstein": lambda real, fake: sliced_wasserstein(real, fake).value,
    }


def child(name: str, n: int, d: int, device: str) -> None:
    """Measure one figure, and say it as JSON."""
    import torch

    real, fake = samples(n, d)
    work = figures(device)[name]
    work(real[:100], fake[:100])
    begun, busy = time.perf_counter(), time.process_time()
    value = float(work(real, fake))
    found = {"figure": name, "value": value, "seconds": time.perf_counter() - begun}
    found["processor_seconds"] = time.process_time() - busy
    found["gigabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if device != "cpu":
        found["device_gigabytes"] = torch.cuda.max_memory_allocated() / 2**30
    print(json.dumps(found))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--n", type=int, default=50_000, help="examples of each kind")
    parser.add_argument("--features", type=int, default=2048)
    parser.add_argument("--figures", default="neighbours,coverage,kernel,frechet,sliced_wasserstein")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2, help="processor threads")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        child(asked.child, asked.n, asked.features, asked.device)
        return
    settings = ("--n", str(asked.n), "--features", str(asked.features), "--device", asked.device)
    results = earlier(asked)
    for name in asked.figures.split(","):
        command = [sys.executable, __file__, "--child", name, *settings]
        done = subprocess.run(command, env=environment(asked.threads), check=True, capture_output=True, text=True)
        results[name] = json.loads(done.stdout.splitlines()[-1])
        say(done.stdout.splitlines()[-1])
        write(asked, results)


def sizes(asked: argparse.Namespace) -> dict[str, Any]:
    return {"n": asked.n, "features": asked.features, "device": asked.device}


def earlier(asked: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Figures of the same sizes that the file beside --out holds already: each takes long, so they stay."""
    path = asked.out and asked.out.with_suffix(".json")
    if not path or not path.exists():
        return {}
    kept = json.loads(path.read_text())
    return kept["results"] if kept["sizes"] == sizes(asked) else {}


def write(asked: argparse.Namespace, results: dict[str, dict[str, Any]]) -> None:
    """The table of all figures so far."""
    rows = [
        {
            "figure": result["figure"],
            "value": f"{result['value']:.5g}",
            "seconds": f"{result['seconds']:.1f}",
            "processor seconds": f"{result['processor_seconds']:.1f}",
            "GB at most": f"{result['gigabytes']:.2f}",
            **({"GB on the GPU": f"{result['device_gigabytes']:.2f}"} if "device_gigabytes" in result else {}),
        }
        for result in results.values()
    ]
    where = surroundings(str(asked.threads))
    publish(
        asked.out,
        f"Figures between {asked.n:,} and {asked.n:,} examples with {asked.features:,} features",
        where,
        f"On {asked.device}; processor seconds are those of all threads, which a busy machine disturbs less. Memory is "
        f"all that the process ever held, samples ({2 * asked.n * asked.features * 4 / 2**30:.2f} GB) and libraries "
        f"included; the limit is {LIMIT_GB:.0f} GB.",
        markdown(rows),
    )
    if asked.out:
        write_json(asked.out.with_suffix(".json"), {"where": where, "sizes": sizes(asked), "results": results})


if __name__ == "__main__":
    main()
