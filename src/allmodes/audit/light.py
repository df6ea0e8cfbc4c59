"""The audit while a generator trains: what it misses, at a few milliseconds a look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allmodes.audit.regions import grow
from allmodes.audit.scan import few
from allmodes.errors import UserError
from allmodes.shares import percent

TREE_POINTS = 2000
MOST_REGIONS = 20
GONE = 0.25
"""A region counts as missed when it gets less than this share of what it should."""


@dataclass(frozen=True)
class Look:
    """What one look found.

    Arguments:
        missing_mass: share of the held-out examples in regions that are certainly missed, less what is generated there.
        held_out, generated: shares of both in those regions.
        missed: how many regions.
        regions: how many were tested.
    """

    missing_mass: float
    held_out: float
    generated: float
    missed: int
    regions: int

    @property
    def collapsed(self) -> bool:
        """Whether any region of the data is certainly missed."""
        return self.missed > 0

    @property
    def reason(self) -> str:
        """One sentence with the numbers."""
        if not self.collapsed:
            return f"none of {self.regions} regions of the held-out data is certainly missed"
        where = f"{self.missed} region{'s that hold' if self.missed > 1 else ' that holds'} {percent(self.held_out)}"
        return (
            f"{percent(self.missing_mass)} of the held-out data is not generated: "
            f"{where} get{'s' * (self.missed == 1)} {percent(self.generated)} of the samples"
        )


class LightAudit:
    """Regions of the training data, and how many held-out examples are in each; asked again and again of new samples.

    The same regions and the same exact test as `missing`, without its permutations: a region is certainly missed when
    Fisher's p is at most its part of the level, by the region's weight (a weighted Bonferroni inequality), and it gets
    less than a quarter of its share. The level is shared equally over the looks, so that a whole training raises a
    false alarm with a chance of at most `level`, though all looks use the same held-out examples.

    Arguments:
        train, validation: in features, [n, d]. The regions come from the former, the counts from the latter, on which
            the generator was not trained.
        level: of all looks together.
        looks: how many there will be at most.
        seed: draws the tree points.

    Raises:
        UserError: for no training example, or features of unequal number.

    >>> x = np.random.default_rng(0).standard_normal((3000, 2)).astype(np.float32)
    >>> light = LightAudit(x[:1000], x[1000:2000])
    >>> light.look(x[2000:]).collapsed, light.look(x[2000:][x[2000:, 0] > 0]).collapsed
    (False, True)
    """

    def __init__(
        self, train: np.ndarray, validation: np.ndarray, *, level: float = 0.001, looks: int = 1, seed: int = 0
    ) -> None:
        if not len(train) or (len(validation) and train.shape[1:] != validation.shape[1:]):
            raise UserError(
                f"training examples {train.shape} and validation examples {validation.shape}: "
                "give at least one, and equal features"
            )
        self.regions = grow(train, seed, most=TREE_POINTS)
        self.real = self.regions.locate(validation)
        self.counts = self.regions.count(self.real)
        self.level = level / looks

    def look(self, samples: np.ndarray) -> Look:
        """Examine samples [m, d] in the same features."""
        regions = self.regions
        fake = regions.locate(samples)
        n, m, made = len(self.real), len(fake), regions.count(fake)
        p_values = few(made, self.counts, m, n)
        missed = (p_values <= self.level * regions.weight) & (made * n < GONE * self.counts * m)
        order = np.flatnonzero(missed)[np.argsort(-self.counts[missed], kind="stable")]
        chosen = regions.disjoint(order, MOST_REGIONS)
        atoms = np.any(regions.inside[:, chosen], axis=1)
        held_out, generated = (float(atoms[at].mean()) if len(at) else 0.0 for at in (self.real, fake))
        return Look(held_out - generated, held_out, generated, len(chosen), len(regions))
