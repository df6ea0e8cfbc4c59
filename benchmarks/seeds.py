"""Studies of many seeds, shared over processes, and the difference of two of them with its interval."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from allmodes.data.dataset import load_data
from allmodes.errors import UserError
from allmodes.recipes import build, recipes
from allmodes.training.study import Study, study


def takes(recipe: str, data: str) -> bool:
    """Whether a recipe takes the data as they are, without being told more."""
    try:
        build(recipe, load_data(data).event)
    except UserError:
        return False
    return True


def named(asked: str, data: Sequence[str]) -> list[str]:
    """The recipes of a flag's words: a list with commas, or `all` that take each of the data."""
    if asked != "all":
        return asked.split(",")
    return [recipe for recipe in recipes() if all(takes(recipe, name) for name in data)]


def many_seeds(
    recipe: str,
    data: str,
    seeds: int,
    first: int = 0,
    steps: int | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str | None = None,
    jobs: int = 1,
    report: Callable[[int, int], None] | None = None,
) -> Study:
    """What `study` gives, by so many processes that each train a share of the seeds on one thread."""
    begun = time.perf_counter()
    if jobs == 1:
        return study(
            recipe, data, seeds=seeds, first=first, steps=steps, settings=settings, device=device, report=report
        )
    shares = [len(share) for share in np.array_split(range(seeds), min(jobs, seeds))]
    starts = [first + sum(shares[:i]) for i in range(len(shares))]
    with ProcessPoolExecutor(len(shares), multiprocessing.get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        futures = [
            pool.submit(study, recipe, data, seeds=n, first=start, steps=steps, settings=settings, device=device)
            for n, start in zip(shares, starts, strict=True)
        ]
        parts = [future.result() for future in futures]
    return replace(
        parts[0],
        findings=tuple(health for part in parts for health in part.findings),
        samples=torch.cat([part.samples for part in parts]),
        seconds=time.perf_counter() - begun,
    )


def difference(a: Sequence[float], b: Sequence[float], draws: int = 10_000) -> tuple[float, float, float]:
    """Mean of a minus mean of b with its 95 % bootstrap interval, the seeds of each drawn anew."""
    rng = np.random.default_rng(0)
    means = [rng.choice(np.asarray(side), (draws, len(side))).mean(1) for side in (a, b)]
    low, high = np.quantile(means[0] - means[1], (0.025, 0.975))
    return float(np.mean(a) - np.mean(b)), float(low), float(high)
