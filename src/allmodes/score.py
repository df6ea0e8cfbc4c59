"""What a number says of a model: its kind decides what may be claimed from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from torch import Tensor


class Kind(StrEnum):
    """How a score relates to the log-probability of the data."""

    EXACT = "exact"
    LOWER = "lower"
    UPPER = "upper"
    ESTIMATE = "estimate"
    ENERGY = "energy"


@dataclass(frozen=True)
class Score:
    """Log-probabilities of examples, with what they claim.

    Arguments:
        value: nats, one number an example, [n].
        kind: the exact value, a bound from below or above, an estimate, or an energy up to a constant.
        standard_error: of the mean over examples from the estimator's own randomness, nats; 0 where there is none.
        budget: how many samples (importance samples, chains) an example the estimator used; None where it uses none.
        measure: what the density is against: "counting" or "lebesgue", in the user's units.
        data: digest of the data that were scored.
    """

    value: Tensor
    kind: Kind
    standard_error: float
    budget: int | None
    measure: str
    data: str


class NoDensity(Exception):
    """Raised by a model that has no density (a GAN), with the reason and what to use instead."""
