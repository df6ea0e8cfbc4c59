"""Small distributions whose groups are known, for tests of findings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from allmodes.audit.sets import Sets

CENTRES = np.stack(np.meshgrid([-2.0, 0.0, 2.0], [-2.0, 0.0, 2.0]), -1).reshape(-1, 2)


class Plane:
    """Nine Gaussians in the plane; the group of an example is the nearest centre."""

    def draw(self, n: int, rng: np.random.Generator, keep: Mapping[int, float] | None = None) -> np.ndarray:
        weights = np.array([(keep or {}).get(group, 1.0) for group in range(9)])
        group = rng.choice(9, n, p=weights / weights.sum())
        return (CENTRES[group] + 0.1 * rng.standard_normal((n, 2))).astype(np.float32)

    def group(self, x: np.ndarray) -> np.ndarray:
        return np.square(x[:, None] - CENTRES).sum(2).argmin(1)

    def sets(self, train: np.ndarray, real: np.ndarray, fake: np.ndarray) -> Sets:
        """Rows in the user's files are numbered from 1000, 2000 and 3000."""
        rows = [start + np.arange(len(x)) for start, x in ((1000, train), (2000, real), (3000, fake))]
        return Sets(train, real, fake, True, *rows)

    def __call__(
        self, seed: int, sizes: tuple[int, int, int] = (400, 300, 600), keep: Mapping[int, float] | None = None
    ) -> Sets:
        """Training, held-out and generated examples; of some groups only a share is generated."""
        rng = np.random.default_rng(seed)
        train, real = (self.draw(n, rng) for n in sizes[:2])
        return self.sets(train, real, self.draw(sizes[2], rng, keep))


@pytest.fixture(scope="session")
def plane() -> Plane:
    return Plane()
