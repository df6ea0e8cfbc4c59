"""Real examples to plant faults in: a pool that stands for both sides, groups to leave out, noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from allmodes.audit.enough import FEWEST
from allmodes.audit.sets import Sets
from allmodes.event import Event

if TYPE_CHECKING:
    from allmodes.audit.exam import Exam

MAP = 4_000
"""Training examples that make the map of the self-test."""
CLUSTERED = 4_000
SLACK = 1.6
"""A group may be larger or smaller than asked for by this factor."""
NUMBERS = 64
"""Numbers of an example, at most, by which clusters are made: principal components above."""


@dataclass(frozen=True, eq=False)
class Pool:
    """Real examples that the features were not fitted to and that share one distribution.

    Arguments:
        x, features: in the user's units, [n, *shape], and in features, [n, d].
        labels: of each, [n]; None where there are none.
        n_real: how many of them stand for the held-out examples; the others stand for the generated ones.
        train_x, train: training examples that make the map, in both forms; none of them is in the pool.
        trained: as in `Sets`.
    """

    x: np.ndarray
    features: np.ndarray
    labels: np.ndarray | None
    n_real: int
    train_x: np.ndarray
    train: np.ndarray
    trained: bool

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the pool for the held-out and for the generated examples of one trial."""
        order = rng.permutation(len(self.x))
        return order[: self.n_real], order[self.n_real :]

    def sets(self, real: np.ndarray, fake: np.ndarray) -> Sets:
        """The sets of a trial: rows of the held-out examples, features of the generated ones."""
        train_rows, real_rows, fake_rows = (np.arange(n) for n in (len(self.train), len(real), len(fake)))
        return Sets(self.train, self.features[real], fake, self.trained, train_rows, real_rows, fake_rows)


def pool_of(exam: Exam) -> Pool | None:
    """The held-out examples, and training examples that make no map; without those, the held-out ones in two halves.

    None where there are too few for a trial.
    """
    subject, sets = exam.subject, exam.sets
    order = np.random.default_rng(exam.seed).permutation(len(subject.train))
    cut = min(MAP, len(order) // 2) if subject.trained else len(order)
    chart, others = order[:cut], order[cut:][: len(subject.fake)]
    n_real = len(subject.real) if subject.trained else len(subject.real) // 2
    labels = None
    if subject.real.labels is not None and (subject.train.labels is not None or not len(others)):
        parts = [subject.real.labels] + ([subject.train.labels[others]] if subject.train.labels is not None else [])
        labels = np.concatenate(parts)
    pool = Pool(
        x=np.concatenate([subject.real.x, subject.train.x[others]]),
        features=np.concatenate([sets.real, sets.train[others]]),
        labels=labels,
        n_real=n_real,
        train_x=subject.train.x[chart],
        train=sets.train[chart],
        trained=subject.trained,
    )
    return pool if min(len(pool.train), n_real, len(pool.x) - n_real) >= FEWEST else None


class Groups:
    """Groups of about a given share of the pool: classes where there are such, else clusters of the examples.

    Clusters are made of the user's numbers and not of the audit's features: what the features do not tell apart is what
    a self-test has to find out.
    """

    def __init__(self, pool: Pool, event: Event, seed: int) -> None:
        self.pool, self.event, self.seed = pool, event, seed
        self._found: dict[float, list[np.ndarray]] = {}

    @property
    def spoken(self) -> str:
        """What the groups are, for people."""
        if self.pool.labels is not None and any(self._classes(size) for size in self._found):
            return f"classes ({self.event.label}) where these have the size, else clusters of the examples themselves"
        return "clusters of the examples themselves"

    def choose(self, size: float, trial: int) -> np.ndarray:
        """Whether each of the pool is in the group of this trial, [n] bool."""
        if size not in self._found:
            self._found[size] = self._classes(size) or self._clusters(size)
        groups = self._found[size]
        return groups[trial % len(groups)]

    def _classes(self, size: float) -> list[np.ndarray]:
        labels = self.pool.labels
        if labels is None:
            return []
        masks = [labels == index for index in np.unique(labels)]
        fitting = [mask for mask in masks if size / SLACK <= mask.mean() <= size * SLACK]
        return sorted(fitting, key=lambda mask: abs(float(mask.mean()) - size))

    def _clusters(self, size: float) -> list[np.ndarray]:
        from sklearn.cluster import KMeans

        some = np.random.default_rng(self.seed).permutation(len(self._numbers))[:CLUSTERED]
        means = KMeans(round(1 / size), n_init="auto", random_state=self.seed).fit(self._numbers[some])
        cluster = means.predict(self._numbers)
        masks = [np.asarray(cluster == index) for index in np.unique(cluster)]
        masks = [mask for mask in masks if mask.mean() >= size / SLACK] or [max(masks, key=np.sum)]
        return sorted(masks, key=lambda mask: abs(float(mask.mean()) - size))

    @cached_property
    def _numbers(self) -> np.ndarray:
        """Standardized numbers of each example, the main components of large ones, [n, d]."""
        x = self.pool.x.reshape(len(self.pool.x), -1).astype(np.float32)
        x = (x - x.mean(0)) / np.where(x.std(0) > 0, x.std(0), 1)
        if x.shape[1] <= NUMBERS:
            return x
        from sklearn.decomposition import PCA

        some = np.random.default_rng(self.seed).permutation(len(x))[:CLUSTERED]
        return PCA(min(NUMBERS, len(some)), svd_solver="randomized", random_state=self.seed).fit(x[some]).transform(x)


def noisy(x: np.ndarray, event: Event, spread: float, rng: np.random.Generator) -> np.ndarray:
    """Examples with Gaussian noise of so many standard deviations of each number, still of their kind, [n, *shape]."""
    y = x + spread * x.std(0) * rng.standard_normal(x.shape)
    return event.project(torch.from_numpy(y.astype(np.float32))).numpy()
