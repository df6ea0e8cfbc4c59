"""Generators that are the true distribution with one planted fault, so that the truth is known.

grid: 25 Gaussians in the plane, five of them rare (1 %). mixture: 20 Gaussians in 20 dimensions, weights from 0.8 to
9 %. digits: scikit-learn's 8 x 8 digits as 64 pixels, the rare group a cluster of 3 %. mnist: one digit at 5 %, one at
1 %, the other eight alike; the seed says which.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from allmodes.data.dataset import load_data

FAULTS = ("none", "drop", "rare", "thin", "half", "invent", "intra", "memo20", "memo5")
KEPT = {"drop": 0.0, "rare": 0.0, "thin": 0.1, "half": 0.5}
"""Of the group that a fault hits."""
INVENTED, COPIED = 0.05, {"memo20": 0.2, "memo5": 0.05}
NEAR = 0.05
"""Distance of a near-copy from its original, as a share of the median distance between training neighbours."""


@dataclass(frozen=True, eq=False)
class Pool:
    """Independent examples of a distribution over groups, in random order.

    Arguments:
        x: [n, d] float32.
        group: what faults hit, [n].
        label: what a user knows, [n].
        common, rare: the groups that faults hit.
        beside: a second common group; what is invented lies between the two.
    """

    x: np.ndarray
    group: np.ndarray
    label: np.ndarray
    common: int
    rare: int
    beside: int


def grid(n: int, seed: int) -> Pool:
    """Common modes hold 4.75 %."""
    rng = np.random.default_rng(seed)
    centres = np.stack(np.meshgrid(*[np.arange(-4.0, 5.0, 2.0)] * 2), -1).reshape(-1, 2)
    rare = rng.permutation(25)[:5]
    weights = np.full(25, 0.95 / 20)
    weights[rare] = 0.01
    common = rng.permutation(np.setdiff1d(np.arange(25), rare))
    near = np.abs(centres[common] - centres[common[0]]).sum(1)
    return _gaussians(n, rng, centres, 0.05, weights, common[0], rare[0], common[np.argsort(near)[1]])


def mixture(n: int, seed: int) -> Pool:
    """Of weights that fall from 9 to 0.8 %, the fault hits that of 5 % and that of 1 %."""
    rng = np.random.default_rng(seed)
    weights = np.geomspace(0.09, 0.008, 20)
    weights /= weights.sum()
    common, rare = np.abs(weights - 0.05).argmin(), np.abs(weights - 0.01).argmin()
    return _gaussians(n, rng, 2 * rng.standard_normal((20, 20)), 1.0, weights, common, rare, common - 1)


def _gaussians(
    n: int,
    rng: np.random.Generator,
    centres: np.ndarray,
    sigma: float,
    weights: np.ndarray,
    common: int,
    rare: int,
    beside: int,
) -> Pool:
    group = rng.choice(len(weights), n, p=weights)
    x = centres[group] + sigma * rng.standard_normal((n, centres.shape[1]))
    return Pool(x.astype(np.float32), group, group, int(common), int(rare), int(beside))


def digits(n: int, seed: int) -> Pool:
    """All 1797. The rare group is one of the clusters that hold about 3 %, whatever digits are in it."""
    del n
    x, label, cluster = _digits()
    rng = np.random.default_rng(seed)
    common, beside = rng.permutation(10)[:2]
    size = np.bincount(cluster) / len(x)
    rare = rng.choice(np.flatnonzero((size > 0.025) & (size < 0.035)))
    group = np.where(cluster == rare, 10, label)
    order = rng.permutation(len(x))
    return Pool(x[order], group[order], label[order], int(common), 10, int(beside))


@cache
def _digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from sklearn.cluster import KMeans

    data = load_data("digits")
    assert data.labels is not None
    x = data.x.flatten(1).numpy().astype(np.float32)
    return x, data.labels.numpy(), KMeans(30, n_init=3, random_state=0).fit_predict(x)


def mnist(n: int, seed: int) -> Pool:
    """Pixels in [0, 1], [n, 784]."""
    del n
    x, group = _mnist()
    rng = np.random.default_rng(seed)
    common, rare, beside = rng.permutation(10)[:3]
    share = np.full(10, 0.94 / 8)
    share[[common, rare]] = 0.05, 0.01
    keep = share / np.bincount(group)
    order = rng.permutation(len(x))
    order = order[rng.random(len(x)) < (keep / keep.max())[group[order]]]
    return Pool(x[order], group[order], group[order], int(common), int(rare), int(beside))


@cache
def _mnist() -> tuple[np.ndarray, np.ndarray]:
    data = load_data(folder() / "mnist")
    assert data.labels is not None
    return data.x.flatten(1).numpy().astype(np.float32) / 255, data.labels.numpy()


def folder() -> Path:
    """Where data sets are that cannot be made here."""
    return Path(os.environ.get("ALLMODES_DATA", Path(__file__).parents[2] / "shared" / "data"))


POOLS: dict[str, Callable[[int, int], Pool]] = {"grid": grid, "mixture": mixture, "digits": digits, "mnist": mnist}


@dataclass(frozen=True, eq=False)
class Trial:
    """What an audit sees, and what is true.

    Arguments:
        train, real, fake: examples, [n, d].
        train_label, real_label: what a user knows of them.
        real_hit: whether a held-out example is of the group that the fault hits.
        hit: the group that the fault hits.
        copies: rows of `fake` that are copies, and of `train` what they are copies of.
    """

    train: np.ndarray
    real: np.ndarray
    fake: np.ndarray
    train_label: np.ndarray
    real_label: np.ndarray
    real_hit: np.ndarray
    hit: int
    copies: np.ndarray
    originals: np.ndarray


def plant(pool: Pool, fault: str, sizes: tuple[int, int, int], seed: int) -> Trial:
    """Training, held-out and generated examples out of a pool, the generated ones with a fault."""
    rng = np.random.default_rng([seed, FAULTS.index(fault)])
    n, held_out, m = sizes
    train, real = slice(0, n), slice(n, n + held_out)
    rest, group = pool.x[n + held_out :], pool.group[n + held_out :]
    hit = pool.rare if fault == "rare" else pool.common
    accept = np.where(group == hit, KEPT.get(fault, 1.0), 1.0) > rng.random(len(group))
    chosen = np.flatnonzero(accept)[:m]
    if len(chosen) < m:
        raise ValueError(f"the pool has {len(chosen)} examples for {m} generated ones")
    fake, group = rest[chosen].copy(), group[chosen]
    some = np.empty(0, np.int64)
    originals = some
    if fault == "invent":
        some = rng.choice(m, round(INVENTED * m), replace=False)
        first, second = (rng.choice(np.flatnonzero(group == k), len(some)) for k in (pool.common, pool.beside))
        fake[some] = (fake[first] + fake[second]) / 2
    elif fault == "intra":
        at = np.flatnonzero(group == pool.common)
        fake[at] = fake[rng.choice(at[:3], len(at))]
    elif fault in COPIED:
        some = rng.choice(m, round(COPIED[fault] * m), replace=False)
        originals = rng.choice(n, len(some))
        noise = rng.standard_normal((len(some), fake.shape[1]))
        noise *= NEAR * _spacing(pool.x[train]) / np.linalg.norm(noise, axis=1, keepdims=True)
        fake[some] = pool.x[train][originals] + noise
    return Trial(
        pool.x[train],
        pool.x[real],
        fake,
        pool.label[train],
        pool.label[real],
        pool.group[real] == hit,
        hit,
        some,
        originals,
    )


def _spacing(x: np.ndarray) -> float:
    from scipy.spatial import cKDTree

    return float(np.median(cKDTree(x[:1000]).query(x[:200], 2)[0][:, 1]))
