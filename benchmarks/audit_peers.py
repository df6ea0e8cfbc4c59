"""Figures between two samples: ours beside prdc's and torchmetrics', values, time and memory.

    pip install -c constraints.txt prdc torchmetrics
    python benchmarks/audit_peers.py [--n 10000] [--features 64,2048] [--rounds 3] [--threads 2]
                                     [--out benchmarks/results/audit_peers.md]

Each measurement is a process of its own that makes the same samples in float64 (a shifted and narrowed normal
distribution against a normal one), imports what it needs, and then is timed; ours and the peer's take turns in every
round. Memory is the largest that the process ever held, its imports and its data included. `--n 2000 --rounds 1` is
quick. Where a peer is not installed its rows are left out.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import resource
import statistics
import subprocess
import sys
import time
import warnings
from importlib.util import find_spec
from typing import Any

import numpy as np
from common import arguments, environment, markdown, publish, ratio, say, surroundings, write_json

FIGURES = ("precision", "recall", "density", "coverage")
K, SUBSETS, SUBSET = 5, 100, 1000
Measured = tuple[dict[str, float], float, float]
"""Values, seconds, and seconds of all processors: what a busy machine disturbs less."""
PAIRS = {"coverage": ("ours", "prdc"), "kernel": ("ours", "torchmetrics")}


def samples(n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """In place, so that the most memory ever held is not that of drawing them."""
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal((n, d)), rng.standard_normal((n, d))
    fake *= 0.95
    fake += 0.02
    return real, fake


def now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def since(begun: tuple[float, float]) -> tuple[float, float]:
    return time.perf_counter() - begun[0], time.process_time() - begun[1]


def coverage_ours(real: np.ndarray, fake: np.ndarray) -> Measured:
    from allmodes.audit.coverage import overlap

    nothing = overlap(real[:50], fake[:50], k=K)  # imports and threads
    del nothing
    begun = now()
    found = {name: figure.value for name, figure in overlap(real, fake, k=K).figures().items()}
    return found, *since(begun)


def coverage_prdc(real: np.ndarray, fake: np.ndarray) -> Measured:
    from prdc import compute_prdc  # type: ignore[import-not-found]

    with contextlib.redirect_stdout(io.StringIO()):
        compute_prdc(real[:50], fake[:50], K)
        begun = now()
        found = compute_prdc(real, fake, K)
    return {name: float(found[name]) for name in FIGURES}, *since(begun)


def kernel_ours(real: np.ndarray, fake: np.ndarray) -> Measured:
    from allmodes.audit.distances import kernel_distance

    kernel_distance(real[:50], fake[:50])  # threads
    begun = now()
    found = kernel_distance(real, fake)
    return {"value": found.value, "error": found.error}, *since(begun)


def kernel_torchmetrics(real: np.ndarray, fake: np.ndarray) -> Measured:
    import torch
    from torchmetrics.image.kid import KernelInceptionDistance  # type: ignore[import-not-found]

    class Given(torch.nn.Module):
        """Features as they are."""

        num_features = real.shape[1]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    torch.manual_seed(0)
    x, y = torch.from_numpy(real).float(), torch.from_numpy(fake).float()
    begun = now()
    peer = KernelInceptionDistance(feature=Given(), subsets=SUBSETS, subset_size=min(SUBSET, len(x)))
    peer.update(x, real=True)
    peer.update(y, real=False)
    mean, deviation = peer.compute()
    return {"value": float(mean), "error": float(deviation)}, *since(begun)


WORK = {
    ("coverage", "ours"): coverage_ours,
    ("coverage", "prdc"): coverage_prdc,
    ("kernel", "ours"): kernel_ours,
    ("kernel", "torchmetrics"): kernel_torchmetrics,
}


def measure(what: str, who: str, n: int, d: int, threads: int) -> dict[str, Any]:
    """One measurement, in a process of its own."""
    command = [sys.executable, __file__, "--child", what, who, str(n), str(d), "--threads", str(threads)]
    done = subprocess.run(command, env=environment(threads), check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def child(what: str, who: str, n: int, d: int) -> None:
    """Measure, and say it as JSON."""
    warnings.simplefilter("ignore")
    values, seconds, busy = WORK[what, who](*samples(n, d))
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"values": values, "seconds": seconds, "processor_seconds": busy, "megabytes": megabytes}))


def compared(what: str, n: int, d: int, asked: argparse.Namespace) -> list[dict[str, Any]]:
    """All rounds of ours and the peer's, if it is installed."""
    both = [who for who in PAIRS[what] if who == "ours" or find_spec(who)]
    found: dict[str, list[dict[str, Any]]] = {who: [] for who in both}
    for _ in range(asked.rounds):
        for who in both:
            found[who].append(measure(what, who, n, d, asked.threads))
            say(f"{what} {n} x {d}, {who}: {found[who][-1]['seconds']:.2f} s, {found[who][-1]['megabytes']:.0f} MB")
    return [{"what": what, "who": who, "n": n, "d": d, "rounds": rounds} for who, rounds in found.items()]


def rows(results: list[dict[str, Any]]) -> list[dict[str, str]]:
    table = []
    for result in results:
        peers = [r for r in results if (r["what"], r["n"], r["d"]) == (result["what"], result["n"], result["d"])]
        ours = next(r for r in peers if r["who"] == "ours")
        seconds, busy = ([r[key] for r in result["rounds"]] for key in ("seconds", "processor_seconds"))
        first = result["rounds"][0]
        values = ", ".join(f"{name} {value:.5f}" for name, value in first["values"].items())
        row = {
            "figure": result["what"],
            "who": f"**{result['who']}**" if result is ours else result["who"],
            "features": str(result["d"]),
            "seconds": f"{statistics.median(seconds):.2f}",
            "processor seconds": f"{statistics.median(busy):.2f}",
            "MB": f"{max(r['megabytes'] for r in result['rounds']):.0f}",
            "values": values,
        }
        if result is not ours:
            row["times slower"] = ratio(seconds, [r["seconds"] for r in ours["rounds"]])
            row["times the work"] = ratio(busy, [r["processor_seconds"] for r in ours["rounds"]])
            row["times the memory"] = f"{first['megabytes'] / ours['rounds'][0]['megabytes']:.1f}"
            if result["what"] == "coverage":
                differences = [abs(first["values"][name] - ours["rounds"][0]["values"][name]) for name in FIGURES]
                row["largest difference"] = f"{max(differences):.1e}"
        table.append({key: row.get(key, "") for key in KEYS})
    return table


KEYS = (
    "figure", "who", "features", "seconds", "times slower", "processor seconds", "times the work", "MB",
    "times the memory", "largest difference", "values",
)  # fmt: skip


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--n", type=int, default=10_000, help="examples of each kind")
    parser.add_argument("--features", default="64,2048")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2, help="processor threads of all")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        what, who, n, d = asked.child
        child(what, who, int(n), int(d))
        return
    results = []
    for what in PAIRS:
        for d in map(int, asked.features.split(",")):
            results += compared(what, asked.n, d, asked)
    where = surroundings(str(asked.threads))
    publish(
        asked.out,
        "Figures between two samples, beside other tools",
        where,
        f"{asked.n:,} real and {asked.n:,} generated examples, k = {K}; medians of {asked.rounds} rounds in turn, with "
        f"the smallest and largest ratio. Kernel distance: ours over all pairs with its jackknife error; torchmetrics' "
        f'the mean over {SUBSETS} subsets of {SUBSET}, and under "error" the deviation that it returns, which is that '
        "of a subset and no standard error. With 2,048 features both are bound by float32 matrix products, of "
        f"{2 * asked.n**2:.0e} pairs (each pair within a sample once) against "
        f"{3 * SUBSETS * min(SUBSET, asked.n) ** 2:.0e}: the ratio is that of the pairs, and nothing exact needs "
        "fewer, since the cube's third order is no moment that costs less than the pairs. Where other programs disturb "
        "the clock, compare processor seconds.",
        markdown(rows(results)),
    )
    if asked.out:
        write_json(asked.out.with_suffix(".json"), {"where": where, "results": results})


if __name__ == "__main__":
    main()
