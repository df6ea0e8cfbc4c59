"""Precision, recall, density and coverage by approximate neighbours, beside exact ones: time, values, effect.

    pip install 'allmodes[approximate]'
    python benchmarks/audit_approximate.py [--n 20000,50000,100000] [--features 64] [--intrinsic 16] [--device cpu]
                                           [--threads 1] [--out benchmarks/results/audit_approximate.md]

Examples lie near a flat space of few dimensions, as features of real data do: normal numbers, mixed into all features,
with a little noise in each. Half of the table's time is the exact search at the largest n. `--n 5000` is quick.
"""

from __future__ import annotations

import json
import time

import numpy as np
import torch
from common import arguments, markdown, publish, say, surroundings, write_json

from allmodes.audit.approximate import approximate_overlap
from allmodes.audit.coverage import Overlap, overlap

NOISE = 0.05


def samples(n: int, d: int, intrinsic: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((intrinsic, d), np.float32) / np.float32(intrinsic**0.5)
    real, fake = (
        rng.standard_normal((n, intrinsic), np.float32) @ mix
        + np.float32(NOISE) * rng.standard_normal((n, d), np.float32)
        for _ in range(2)
    )
    fake *= np.float32(0.95)
    return real, fake


def values(found: Overlap) -> str:
    return ", ".join(f"{name} {figure.value:.4f}" for name, figure in found.figures().items())


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--n", default="20000,50000,100000", help="examples of each kind")
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--intrinsic", type=int, default=16)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    rows, results = [], []
    for n in map(int, asked.n.split(",")):
        real, fake = samples(n, asked.features, asked.intrinsic)
        begun = time.process_time()
        found, effect = approximate_overlap(real, fake, device=asked.device)
        quick = time.process_time() - begun
        begun = time.process_time()
        exact = overlap(real, fake, device=asked.device)
        slow = time.process_time() - begun
        result = {"n": n, "approximate": quick, "exact": slow, "effect": effect and effect.numbers}
        result["values"] = {"approximate": values(found), "exact": values(exact)}
        results.append(result)
        say(json.dumps(result))
        rows.append(
            {
                "n": f"{n:,}",
                "exact, processor s": f"{slow:.1f}",
                "approximate, processor s": f"{quick:.1f}",
                "times faster": f"{slow / quick:.1f}",
                "neighbours found": f"{100 * effect.recall:.2f} %" if effect else "exact",
                "radii too large by": f"{100 * effect.radius:.2f} %" if effect else "",
                "in balls too many": f"{100 * effect.inside:.2f} %" if effect else "",
                "exact values": values(exact),
                "approximate values": values(found),
            }
        )
    where = surroundings(str(asked.threads))
    publish(
        asked.out,
        "Precision, recall, density and coverage by approximate neighbours",
        where,
        f"n real and n generated examples with {asked.features} features near a space of {asked.intrinsic} dimensions; "
        "what the approximation does is as the finding says it, from 600 examples that were searched exactly too.",
        markdown(rows),
    )
    if asked.out:
        write_json(asked.out.with_suffix(".json"), {"where": where, "results": results})


if __name__ == "__main__":
    main()
