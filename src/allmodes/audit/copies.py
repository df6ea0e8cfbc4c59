"""Copies: generated examples that lie nearer to training examples than chance brings them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from allmodes.audit.enough import too_few
from allmodes.audit.finding import Finding, Pair, Verdict
from allmodes.audit.neighbours import nearest
from allmodes.audit.question import Question
from allmodes.audit.scan import draws_for
from allmodes.audit.sets import Sets
from allmodes.shares import percent

FEWEST = 20
"""Held-out or generated examples below which nothing can be said."""
DRAWS = 1999
"""Permutations of the labels, where the level does not ask for more."""
SCRATCH = 2**20
"""Labels that are permuted at once."""
WIDE = 5
"""Which neighbour's distance is the usual one near a generated example."""
FOR_EQUALITY = 0.1
"""Part of the level that is the test of equality's."""
NAMED = 200
"""Copies that are listed at most."""


def copies(sets: Sets, level: float, seed: int, *, fdr: float = 0.1, device: torch.device | str = "cpu") -> Finding:
    r"""Whether the generator copies its training examples, and which generated examples are copies.

    The n held-out examples R and the training examples T are draws of one distribution. Unless the generator remembers
    T, the nearest of them to a generated example is a training example with probability ``|T| / (|T| + n)``: which of
    them are called T is chance. Each real example i that is nearest to some generated one has a closeness

    .. math:: M_i = \max_y \log d_5(y) - \log d_1(y)

    over the generated examples y nearest to it, with the distances from y to its nearest and fifth nearest real one. M
    does not know who is called T. Let N+(t) and N-(t) be the training and held-out examples with M >= t.

    *Is there copying?* The labels train and held-out are permuted. The statistic is the largest standard score of the
    number of training examples among the 8, 16, 32 ... closest, and of the number of generated examples whose nearest
    is one; its p-value is exact for any sizes.

    *Which?* Given M, the labels are tosses of one coin, so the false share among the training examples with M >= t is
    at most `fdr` for the smallest t with

    .. math:: \frac{|T|}{n} \cdot \frac{1 + N_-(t)}{N_+(t)} \le fdr,

    the selective step-up of knockoffs. They are listed only where there is copying, the closest generated example of
    each.

    *Equal to the last bit?* Of the real examples that some generated one equals, those that repeat themselves counted
    once, as many are training examples as chance says, by the hypergeometric distribution. This has a tenth of the
    level, which leaves nine tenths to the other. Where more are, they are listed by the rule above. Where training
    examples alone are equalled, and too few of them to be found, it cannot be told.

    Arguments:
        sets: features; the training examples must not be those that features were fitted to.
        level: at which it decides.
        seed: of the order in which ties are broken and of the permutations.
        fdr: share of false ones among those listed.
        device: where distances are computed.

    Returns:
        A finding whose estimate is the share of generated examples that are copies.

    References:
        Controlling the false discovery rate via knockoffs (Barber and Candès, 2015), theorem 3,
        https://arxiv.org/abs/1404.5609
        A non-parametric test to detect data-copying (Meehan et al., 2020), of the same question with a sample of the
        distribution beside the training set, https://arxiv.org/abs/2004.05675
    """
    if not sets.trained:
        why = "copies cannot be told where the examples that the generator was trained on were not given"
        return Finding("copies", Verdict.CANNOT_TELL, why, level=level)
    if short := too_few(sets, "copies", level, fewest=FEWEST):
        return short
    near = _near(sets, np.random.default_rng(seed), device)
    equal = _equal(sets)
    p_near = _test(near, draws_for(level * (1 - FOR_EQUALITY), DRAWS), np.random.default_rng([seed, 1]))
    p_value = min(1.0, p_near / (1 - FOR_EQUALITY), equal.p_value / FOR_EQUALITY)
    found = p_value <= level
    unsure = not found and sets.equal > 0 and not equal.held  # data that repeat themselves repeat held-out ones too
    chosen = _chosen(near, fdr) if found else np.empty(0, np.int64)
    if found and equal.listed(fdr):
        chosen = np.union1d(chosen, equal.rows)
    estimate, low, high = _share(near, sets.searched)
    least = max(low, sets.equal / len(sets.fake)) if found and not equal.held else low
    share = max(estimate, least), least, max(high, least)
    return Finding(
        "copies",
        Verdict.FOUND if found else Verdict.CANNOT_TELL if unsure else Verdict.NOT_FOUND,
        _summary(near, found, unsure, sets, share, len(chosen), fdr),
        estimate=share[0],
        low=share[1],
        high=share[2],
        p_value=p_value,
        floor=0.0,
        level=level,
        pairs=_pairs(sets, near, chosen, device),
        figures={
            "nearest_is_training": float(near.trained.mean()),
            "expected": near.odds,
            "equal_to_training": sets.equal,
            "searched": sets.searched,
            "held_out_equalled": equal.held,
            "listed": len(chosen),
            "false_discovery_rate": fdr,
        },
    )


@dataclass(frozen=True, eq=False)
class _Near:
    """The nearest real example of each of m generated ones.

    Arguments:
        index: its place among training (first) and held-out examples, [m].
        trained: whether it is a training example, [m].
        first: its distance, [m].
        closeness: log of the ratio of the usual distance to it, [m]; infinite for equality.
        train, real: how many there are.
    """

    index: np.ndarray
    trained: np.ndarray
    first: np.ndarray
    closeness: np.ndarray
    train: int
    real: int

    @property
    def odds(self) -> float:
        """Chance that the nearest real example is a training example."""
        return self.train / (self.train + self.real)


@dataclass(frozen=True, eq=False)
class _Equal:
    """Generated examples that equal a real one to the last bit.

    Arguments:
        rows: one for each training example, or several alike, that is equalled and that no held-out one equals.
        held: how many held-out examples, or several alike, are equalled.
        train, real: how many training and held-out examples there are.
    """

    rows: np.ndarray
    held: int
    train: int
    real: int

    @property
    def p_value(self) -> float:
        """Of chance having called as many of the equalled examples training examples."""
        from scipy.stats import hypergeom

        found = len(self.rows)
        return float(hypergeom.sf(found - 1, self.train + self.real, self.train, found + self.held))

    def listed(self, fdr: float) -> bool:
        """Whether at most this share of the equalled training examples is so by chance."""
        return self.train / self.real * (1 + self.held) <= fdr * len(self.rows)


def _equal(sets: Sets) -> _Equal:
    train, real = ({row.tobytes() for row in side + 0.0} for side in (sets.train, sets.real))  # -0 is 0
    fake = [row.tobytes() for row in sets.fake + 0.0]
    first = {row: i for i, row in reversed(list(enumerate(fake)))}
    only = train - real
    copied = np.array(sorted(first[row] for row in first if row in only), np.int64)
    held = sum(row in real for row in first)
    return _Equal(copied, held, len(sets.train), len(sets.real))


def _near(sets: Sets, rng: np.random.Generator, device: torch.device | str) -> _Near:
    # In random order, so that which of equally near examples comes first has nothing to do with who was trained on.
    order = rng.permutation(len(sets.train) + len(sets.real))
    pooled = np.concatenate((sets.train, sets.real))[order]
    found = nearest(sets.fake, pooled, min(WIDE, len(pooled)), device=device)
    index = order[found.index[:, 0]]
    first, wide = found.distance[:, 0], found.distance[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        closeness = np.where(wide > 0, np.log(wide) - np.log(first), 0.0)
    return _Near(index, index < len(sets.train), first, closeness, len(sets.train), len(sets.real))


def _closest(near: _Near) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the generated examples with the same nearest real one the closest, all in falling order of closeness.

    Returns:
        indices of generated examples [r], in random order where equally close; how many share their nearest real
        example [r]; whether it is a training example [r].
    """
    shuffle = np.random.default_rng(len(near.index)).permutation(len(near.index))
    order = shuffle[np.argsort(-near.closeness[shuffle], kind="stable")]
    _, first, count = np.unique(near.index[order], return_index=True, return_counts=True)
    rank = np.argsort(first)
    representative = order[first[rank]]
    return representative, count[rank], near.trained[representative]


def _test(near: _Near, draws: int, rng: np.random.Generator) -> float:
    """The chance of so large a statistic if labels are permuted."""
    representative, count, trained = _closest(near)
    r, total = len(representative), near.train + near.real
    sizes = [size for size in (8 * 2**j for j in range(40)) if size < r] + [r]
    weights = np.stack([np.arange(r) < size for size in sizes] + [count], 1).astype(np.float32)
    sums, squares = weights.sum(0, dtype=np.float64), np.square(weights).sum(0, dtype=np.float64)
    p = near.odds
    varies = squares - sums**2 / total
    spread = np.sqrt(p * (1 - p) * total / (total - 1) * np.where(varies > 1e-6, varies, np.inf))

    def statistic(labels: np.ndarray) -> np.ndarray:
        return ((labels @ weights - p * sums) / spread).max(-1)

    seen = statistic(trained.astype(np.float32))
    # Of all permutations only the labels of the r examples that are nearest to something matter.
    labels = np.zeros(total, np.float32)
    labels[: near.train] = 1
    block = max(1, SCRATCH // total)
    at_least = 0
    for start in range(0, draws, block):
        drawn = rng.permuted(np.tile(labels, (min(block, draws - start), 1)), axis=1)
        at_least += int((statistic(drawn[:, :r]) >= seen - 1e-6).sum())
    return (1 + at_least) / (1 + draws)


def _chosen(near: _Near, fdr: float) -> np.ndarray:
    """Indices of the generated examples that are listed as copies, the closest first."""
    representative, _, trained = _closest(near)
    plus, minus = np.cumsum(trained), np.cumsum(~trained)
    level = near.closeness[representative]
    last = np.append(level[1:] < level[:-1], True)  # a threshold does not part the equally close
    passed = np.flatnonzero(last & (near.train / near.real * (1 + minus) <= fdr * plus))
    if not len(passed):
        return np.empty(0, np.int64)
    upper = representative[: passed[-1] + 1]
    return upper[near.trained[upper]]


def _share(near: _Near, searched: float) -> tuple[float, float, float]:
    """Share of generated examples that are copies, with its interval at 95 %.

    A copy's nearest is always a training example, any other's is one by the odds. Generated examples with the same
    nearest example stand or fall together: they count as fewer independent ones, of whose share Clopper and Pearson's
    interval is taken. Copies of training examples that were not searched are seen as any others, and are added in
    proportion.
    """
    from scipy.stats import beta

    p, mean = near.odds, float(near.trained.mean())
    _, count, _ = _closest(near)
    n = float(count.sum() ** 2 / np.square(count, dtype=np.float64).sum())
    low = float(beta.ppf(0.025, n * mean, n * (1 - mean) + 1)) if mean > 0 else 0.0
    high = float(beta.ppf(0.975, n * mean + 1, n * (1 - mean))) if mean < 1 else 1.0
    shares = (float(np.clip((share - p) / (1 - p) / searched, 0.0, 1.0)) for share in (mean, low, high))
    return tuple(shares)  # type: ignore[return-value]


def _pairs(sets: Sets, near: _Near, chosen: np.ndarray, device: torch.device | str) -> tuple[Pair, ...]:
    if not len(chosen):
        return ()
    chosen = chosen[np.argsort(-near.closeness[chosen], kind="stable")][:NAMED]
    usual = nearest(sets.fake[chosen], sets.real, 1, device=device).distance[:, 0]
    return tuple(
        Pair(int(sets.fake_rows[y]), int(sets.train_rows[near.index[y]]), float(near.first[y]), float(u))
        for y, u in zip(chosen, usual, strict=True)
    )


def _summary(
    near: _Near,
    found: bool,
    unsure: bool,
    sets: Sets,
    copied: tuple[float, float, float],
    listed: int,
    fdr: float,
) -> str:
    estimate, low, high = copied
    among = f" of {near.train:,}, {percent(sets.searched)} of all" if sets.searched < 1 else ""
    share = f"{percent(near.trained.mean())} of the generated examples lie nearest to a training example{among}"
    expected = f"by chance {percent(near.odds)}"
    same = f"{sets.equal:,} equal{'s' * (sets.equal == 1)} a training example to the last bit"
    if unsure:
        few = "none equals a held-out one, but too few training examples are equalled to tell that from chance"
        return f"Whether training examples are copied cannot be told: {same}; {few}. {share}, {expected}."
    if not found:
        ties = f"; {same}" if sets.equal else ""
        most = f"at most {percent(high)} are copies" if high < 1 else "how many are copies cannot be said"
        return f"No copying of training examples is seen: {share}, {expected}; {most}{ties}."
    least = f" (at least {percent(low)})" if low else ""
    parts = [f"{share}, {expected}; about {percent(estimate)}{least} are copies"]
    if sets.equal:
        parts.append(same)
    if listed:
        parts.append(f"{listed} copied training examples are named, at most {percent(fdr)} of them wrongly")
    return f"Training examples are copied: {'; '.join(parts)}."


QUESTION = Question(
    name="copies",
    title="Does it copy examples that it was trained on?",
    method="Under no copying a generated example is as near to a training example as to a held-out one. Labels "
    "“training” and “held out” are exchanged to test that, and single copies are listed at a controlled share of "
    "false ones.",
    measure="of the samples",
    share=True,
    weight=2,
    labels={
        "equal_to_training": "equal to a training example",
        "held_out_equalled": "held-out examples that are equalled",
    },
    planted=True,
    suits=lambda exam: exam.subject.trained,
    ask=lambda exam, level: copies(exam.sets, level, exam.seed, device=exam.device),
    claim=lambda found, figure: "copies training examples",
)
