"""What a number says of a model: its kind decides what may be claimed from it."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from enum import StrEnum

from torch import Tensor

from allmodes.errors import UserError


class Kind(StrEnum):
    """How a score relates to the log-probability of the data."""

    EXACT = "exact"
    LOWER = "lower"
    UPPER = "upper"
    ESTIMATE = "estimate"
    ENERGY = "energy"

    @property
    def relation(self) -> str:
        """Of the log-probability to a score of this kind.

        >>> Kind.LOWER.relation
        '≥'
        """
        return {Kind.EXACT: "=", Kind.LOWER: "≥", Kind.UPPER: "≤"}.get(self, "≈")


@dataclass(frozen=True)
class Score:
    """Log-probabilities of examples, with what they claim.

    Arguments:
        value: nats, one number an example, [n].
        kind: the exact value, a bound from below or above, an estimate, or an energy up to a constant.
        standard_error: of the mean over examples from the estimator's own randomness, nats; 0 where there is none.
        budget: how many samples (importance samples, chains) an example the estimator used; None where it uses none.
        measure: what the density is against: "counting" or "lebesgue", in the user's units.
        data: digest of the data that were scored, and of the conditions that the model was given.
        size: how many numbers one example has.
    """

    value: Tensor
    kind: Kind
    standard_error: float
    budget: int | None
    measure: str
    data: str
    size: int

    @property
    def mean(self) -> float:
        """Nats an example, over the examples."""
        return float(self.value.double().mean())

    @property
    def mean_standard_error(self) -> float:
        """Of `mean`: from the choice of the examples and from the estimator's own randomness together, nats."""
        return math.hypot(_standard_error(self.value), self.standard_error)

    @property
    def bits_per_dim(self) -> float:
        """Bits a number that a code built on the model spends: -mean / (size ln 2), for counting measure alone.

        Raises:
            UserError: for Lebesgue measure, whose densities change with the units and count no bits.
        """
        if self.measure != "counting":
            raise UserError(
                "bits per dimension count the bits of a code for discrete values; a density of continuous values "
                "changes with their unit: give nats"
            )
        return -self.mean / (self.size * math.log(2))


def require_budget(budget: int | None, least: int, of: str) -> None:
    """Refuse what is no number of draws for an estimator; None leaves it to the model.

    Arguments:
        least: that it needs.
        of: what is drawn, for the message: "chain".

    Raises:
        UserError: for fewer, or a number that is not whole.
    """
    if budget is not None and not (isinstance(budget, int) and budget >= least):
        raise UserError(f"budget {budget}: must be at least {least} {of}, a whole number")


class NoDensity(Exception):
    """Raised by a model that has no density (a GAN), with the reason and what to use instead."""


ROWS = 2**12


def digest(*tensors: Tensor | None) -> str:
    """SHA-256 over type, shape and bytes of tensors [n, ...], "sha256:..."; None leaves its mark too."""
    sha = hashlib.sha256()
    for tensor in tensors:
        if tensor is None:
            sha.update(b"none")
            continue
        sha.update(f"{tensor.dtype} {list(tensor.shape)}".encode())
        for part in tensor.detach().split(ROWS):  # a copy, where one is needed, is of a part
            sha.update(part.cpu().contiguous().numpy().data)
    return f"sha256:{sha.hexdigest()}"


@dataclass(frozen=True)
class Ranking:
    """What two scores say of two models.

    Arguments:
        winner: 0 for the first, 1 for the second, None where nothing may be claimed.
        difference: first minus second, nats an example; None where the two numbers do not compare.
        standard_error: of the difference, over examples in pairs and over both estimators.
        why: one sentence: what was found, or why nothing was.
        within_chance: whether the two are no further apart than chance makes them.
    """

    winner: int | None
    difference: float | None
    standard_error: float | None
    why: str
    within_chance: bool = False


_AT_LEAST = (Kind.EXACT, Kind.LOWER)
_AT_MOST = (Kind.EXACT, Kind.UPPER)


def rank(first: Score, second: Score, *, confidence: float = 0.95) -> Ranking:
    """Which of two models gives the data the higher probability, as far as the kinds of the scores allow the claim.

    The winner's true value is at least its score (exact, or a bound from below), the loser's at most its score (exact,
    or a bound from above), and the difference is larger than what chance makes of it. So a bound from below can win
    against an exact number and never lose to it; estimates and energies neither win nor lose.

    Arguments:
        confidence: that equal models are not ranked, by Student's t; of one of many pairs, nearer to 1.
    """
    from scipy.stats import t

    refusal = refuses(first, second)
    if refusal:
        return Ranking(None, None, None, refusal)
    apart = first.value.double() - second.value.double()
    difference = first.mean - second.mean
    if not math.isfinite(difference):
        return _of_infinite(first, second)
    error = math.hypot(_standard_error(apart), first.standard_error, second.standard_error)
    if abs(difference) <= t.ppf((1 + confidence) / 2, max(1, len(apart) - 1)) * error:
        why = f"they differ by {abs(difference):.3g} nats, within chance ({error:.2g})"
        return Ranking(None, difference, error, why, within_chance=True)
    return _licensed(first, second, difference, error)


def refuses(first: Score, second: Score) -> str | None:
    """Why two scores cannot be ranked whatever their values, in a sentence; None where they may be."""
    if first.measure != second.measure:
        return f"a density against {first.measure} measure and one against {second.measure} measure have no common unit"
    if first.data != second.data or first.value.shape != second.value.shape:
        return "the scores are of different data, or one model was given conditions and the other was not"
    for score in (first, second):
        if score.kind is Kind.ESTIMATE:
            return "an estimate may err to either side by an unknown amount: it ranks nothing"
        if score.kind is Kind.ENERGY:
            return "an energy is known up to a constant of the model: it ranks nothing"
    if first.kind is second.kind is not Kind.EXACT:
        side = "below" if first.kind is Kind.LOWER else "above"
        return f"both are bounds from {side}: how far each is from its model's value is unknown"
    return None


def _licensed(first: Score, second: Score, difference: float, error: float | None) -> Ranking:
    winner = 0 if difference > 0 else 1
    high, low = (first, second) if winner == 0 else (second, first)
    if high.kind in _AT_LEAST and low.kind in _AT_MOST:
        names = {Kind.EXACT: "an exact value", Kind.LOWER: "a bound from below", Kind.UPPER: "a bound from above"}
        why = f"{names[high.kind]} is {abs(difference):.3g} nats above {names[low.kind]}"
        return Ranking(winner, difference, error, why)
    bound, side = (high, "above") if high.kind not in _AT_LEAST else (low, "below")
    verb = "cannot win" if bound is high else "cannot lose"
    return Ranking(None, difference, error, f"a bound from {side} {verb}: its model's value may lie on either side")


def _of_infinite(first: Score, second: Score) -> Ranking:
    """Where a model calls an example impossible."""
    if first.mean == second.mean or math.isnan(first.mean) or math.isnan(second.mean):
        return Ranking(None, None, None, "both give an example probability 0, or a score is not a number")
    return _licensed(first, second, math.copysign(math.inf, first.mean - second.mean), None)


def _standard_error(value: Tensor) -> float:
    """Of the mean of independent numbers; infinite for a single one."""
    return float(value.double().std()) / math.sqrt(len(value)) if len(value) > 1 else math.inf
