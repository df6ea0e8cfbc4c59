"""Generators that are the true distribution with one planted fault, so that the truth is known.

grid: 25 Gaussians in the plane, five of them rare (1 %). mixture: 20 Gaussians in 20 dimensions, weights from 0.8 to
9 %. digits: scikit-learn's 8 x 8 digits as 64 pixels, the rare group a cluster of 3 %. mnist: one digit at 5 %, one at
1 %, the other eight alike; the seed says which.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from common import data_folder

from allmodes.audit.neighbours import nearest
from allmodes.data.dataset import load_data

FAULTS = ("none", "drop", "rare", "thin", "half", "invent", "intra", "memo20", "memo5")
KEPT = {"drop": 0.0, "rare": 0.0, "thin": 0.1, "half": 0.5}
"""Of the group that a fault hits."""
INVENTED, COPIED = 0.05, {"memo20": 0.2, "memo5": 0.05}
GUIDE = 5000
"""Images of MNIST that features are fitted to."""
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
        weights: true share of each group, where it is known, [k].
    """

    x: np.ndarray
    group: np.ndarray
    label: np.ndarray
    common: int
    rare: int
    beside: int
    weights: np.ndarray | None = None


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
    return Pool(x.astype(np.float32), group, group, int(common), int(rare), int(beside), weights)


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
    """Images in [0, 1], [n, 784]; those that features are fitted to (`guide`) are never among them."""
    x, label = _mnist()
    x, label = x[GUIDE:], label[GUIDE:]
    rng = np.random.default_rng(seed)
    common, rare, beside = rng.permutation(10)[:3]
    share = np.full(10, 0.94 / 8)
    share[[common, rare]] = 0.05, 0.01
    keep = share / np.bincount(label)
    order = rng.permutation(len(x))
    order = order[rng.random(len(x)) < (keep / keep.max())[label[order]]][:n]
    return Pool(x[order], label[order], label[order], int(common), int(rare), int(beside))


def guide() -> tuple[np.ndarray, np.ndarray]:
    """Images [n, 28, 28] and labels of MNIST that are in no pool."""
    x, label = _mnist()
    return x[:GUIDE].reshape(-1, 28, 28), label[:GUIDE]


@cache
def _mnist() -> tuple[np.ndarray, np.ndarray]:
    data = load_data(data_folder("mnist"))
    assert data.labels is not None
    return data.x.flatten(1).numpy().astype(np.float32) / 255, data.labels.numpy()


POOLS: dict[str, Callable[[int, int], Pool]] = {"grid": grid, "mixture": mixture, "digits": digits, "mnist": mnist}


@dataclass(frozen=True, eq=False)
class Planted:
    """Generated examples with a fault, as rows of the pool, so that features of the pool are computed once.

    Arguments:
        rows: of the pool, of each generated example, [m].
        changed: which generated examples become something else, and `values` what, [c] and [c, d].
        originals: rows of the pool that the changed ones are copies of, [c]; -1 where they are none.
        hit: the group that the fault hits.
    """

    rows: np.ndarray
    changed: np.ndarray
    values: np.ndarray
    originals: np.ndarray
    hit: int


def needed(sizes: tuple[int, int, int]) -> int:
    """Examples of a pool for training, held-out and generated ones, with some to spare for those a fault leaves out."""
    return sizes[0] + sizes[1] + round(1.3 * sizes[2])


def plant(pool: Pool, fault: str, sizes: tuple[int, int, int], seed: int) -> Planted:
    """Generated examples out of a pool, behind its training and held-out ones, with a fault."""
    rng = np.random.default_rng([seed, FAULTS.index(fault)])
    n, held_out, m = sizes
    after = np.arange(n + held_out, len(pool.x))
    hit = pool.rare if fault == "rare" else pool.common
    accept = np.where(pool.group[after] == hit, KEPT.get(fault, 1.0), 1.0) > rng.random(len(after))
    rows = after[accept][:m]
    if len(rows) < m:
        raise ValueError(f"the pool has {len(rows)} examples for {m} generated ones")
    group = pool.group[rows]
    changed, values = np.empty(0, np.int64), pool.x[:0]
    originals = changed
    if fault == "invent":
        changed = rng.choice(m, round(INVENTED * m), replace=False)
        first, second = (rng.choice(rows[group == k], len(changed)) for k in (pool.common, pool.beside))
        values, originals = (pool.x[first] + pool.x[second]) / 2, np.full(len(changed), -1)
    elif fault == "intra":
        at = np.flatnonzero(group == pool.common)
        rows[at] = rows[rng.choice(at[:3], len(at))]
    elif fault in COPIED:
        changed = rng.choice(m, round(COPIED[fault] * m), replace=False)
        originals = rng.choice(n, len(changed))
        noise = rng.standard_normal((len(changed), pool.x.shape[1]))
        noise *= NEAR * _spacing(pool.x[:n]) / np.linalg.norm(noise, axis=1, keepdims=True)
        values = (pool.x[originals] + noise).astype(np.float32)
    return Planted(rows, changed, values, originals, hit)


def _spacing(x: np.ndarray) -> float:
    """Median distance between neighbours, of some examples among all."""
    return float(np.median(nearest(x[:200], x, 2).distance[:, 1]))
