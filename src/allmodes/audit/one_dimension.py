"""Two samples of one number, compared: distances between distributions that hold without assumptions."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from allmodes.audit.intervals import normal
from allmodes.audit.scan import unequal
from allmodes.audit.tails import Ends, tails
from allmodes.audit.wording import ranged
from allmodes.figures import bin_edges
from allmodes.shares import percent

Test = Literal["distance", "shift", "count", "ends"]
BINS = 30
MOSTLY = 0.5
"""Share of one value (of zeros, as a rule) from which on it is counted instead of ranked."""
FOR_TAILS = 0.1
"""Part of the level that is the ends'."""


@dataclass(frozen=True)
class Compared:
    """What two samples of one number say of each other.

    Arguments:
        distance: Kolmogorov-Smirnov, the largest difference of the two distribution functions.
        low, high: interval of the true distance.
        p_value: of equal distributions, by three tests.
        told_by: the test whose p-value it is: of the distance, of the shift or in its place the count of one value, or
            of the ends.
        ends: what the most extreme values say.
        counted: where one value is counted in place of a shift, that "value" and its shares "real" and "fake".
        floor: the distance between two halves of the real sample.
        mean_real, mean_fake, spread_real, spread_fake: means and standard deviations.
        shift, shift_low, shift_high: difference of the means, fake minus real, with its interval.
    """

    distance: float
    low: float
    high: float
    p_value: float
    told_by: Test
    ends: Ends
    counted: Mapping[str, float]
    floor: float
    mean_real: float
    mean_fake: float
    spread_real: float
    spread_fake: float
    shift: float
    shift_low: float
    shift_high: float

    def said(self) -> str:
        """In words; what tells the difference comes first."""
        parts = {
            "shift": f"mean {self.mean_fake:.4g} generated and {self.mean_real:.4g} real, difference "
            f"{ranged(self.shift, self.shift_low, self.shift_high)}",
            "distance": f"Kolmogorov-Smirnov distance {ranged(self.distance, self.low, self.high)}",
        }
        if self.told_by == "ends":
            parts["ends"] = self.ends.said()
        if self.told_by == "count":
            value, shares = self.counted["value"], [percent(self.counted[side]) for side in ("fake", "real")]
            parts["count"] = f"{value:.4g} in {shares[0]} of the generated and {shares[1]} of the real examples"
        return ", ".join(parts[key] for key in sorted(parts, key=lambda key: key != self.told_by))


def compare(real: np.ndarray, fake: np.ndarray, rng: np.random.Generator, confidence: float = 0.95) -> Compared:
    r"""Compare two samples, [n] and [m].

    Three tests that hold for every continuous distribution share the p-value: Kolmogorov-Smirnov sees every difference
    of the bulk, Mann-Whitney a shift with more power, and `tails`, which has a tenth of the level, what the ends alone
    tell. Where one value makes up half of both samples together, its count is compared by Fisher's exact test in place
    of the ranks, whose normal approximation fails so far out as many looks ask for. The interval of the distance is
    that of Dvoretzky, Kiefer and Wolfowitz with Massart's constant (Annals of Probability 18, 1990), for both samples:

    .. math:: |D - \hat D| \le \epsilon_n + \epsilon_m, \quad \epsilon_n = \sqrt{\ln(2 / (\delta / 2)) / 2n}

    Arguments:
        confidence: of the intervals; of one of many looks, see `allmodes.audit.intervals.together`.
    """
    from scipy import stats

    n, m = len(real), len(fake)
    # With ties the asymptotic p-value is too large, never too small.
    method = "exact" if max(n, m) <= 2_000 else "asymp"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where the exact one cannot be computed, it is asymptotic
        distance, p_distance = map(float, stats.ks_2samp(real, fake, method=method))
    usual, counted = usual_value(real, fake), {}
    if usual is not None:
        a, b = ((side == usual).sum() for side in (real, fake))
        p_shift = float(unequal(a, b, n, m))
        counted = {"value": usual, "real": float(a / n), "fake": float(b / m)}
    else:
        p_shift = float(stats.mannwhitneyu(real, fake, method="asymptotic")[1])
    halves = rng.permutation(real)
    floor, _ = map(float, stats.ks_2samp(halves[: n // 2], halves[n // 2 :], method="asymp"))
    ends = tails(real, fake)
    p_values: dict[Test, float] = {
        "distance": 2 / (1 - FOR_TAILS) * p_distance,
        "count" if counted else "shift": 2 / (1 - FOR_TAILS) * p_shift,
        "ends": ends.p_value / FOR_TAILS,
    }
    told_by = min(p_values, key=lambda test: min(1.0, p_values[test]))
    delta = 1 - confidence
    reach = sum(math.sqrt(math.log(4 / delta) / (2 * size)) for size in (n, m))
    shift = float(fake.mean() - real.mean())
    error = normal(confidence) * math.sqrt(real.var(ddof=1) / n + fake.var(ddof=1) / m)
    return Compared(
        distance=distance,
        low=max(0.0, distance - reach),
        high=min(1.0, distance + reach),
        p_value=min(1.0, p_values[told_by]),
        told_by=told_by,
        ends=ends,
        counted=counted,
        floor=floor,
        mean_real=float(real.mean()),
        mean_fake=float(fake.mean()),
        spread_real=float(real.std(ddof=1)),
        spread_fake=float(fake.std(ddof=1)),
        shift=shift,
        shift_low=shift - error,
        shift_high=shift + error,
    )


def usual_value(real: np.ndarray, fake: np.ndarray) -> float | None:
    """The one value that makes up half of both samples together, zero as a rule; None where none does."""
    values, counts = np.unique(np.concatenate([real, fake]), return_counts=True)
    return float(values[counts.argmax()]) + 0.0 if counts.max() >= MOSTLY * (len(real) + len(fake)) else None


def histogram(real: np.ndarray, fake: np.ndarray, bins: int = BINS) -> dict[str, Any]:
    """Counts of both in common bins, with what is needed to draw their ratio.

    The bins span all but the outermost thousandth of the real sample on each side; what lies outside counts into the
    first and the last one. Whole numbers near each other, of few values, get a bin each.

    Returns:
        edges [k + 1], real and fake counts [k], n and m; ratio [k] of the shares, fake by real, and its standard error
        [k] by Poisson counts (of one event where there is none), None where there is no real example.
    """
    edges = _edges(real, fake, bins)
    counts = [np.histogram(x.clip(edges[0], edges[-1]), edges)[0] for x in (real, fake)]
    a, b = counts
    ratios: list[float | None] = []
    errors: list[float | None] = []
    for r, f in zip(a, b, strict=True):
        unit = len(real) / len(fake) / r if r else 0.0
        ratios.append(float(f * unit) if r else None)
        errors.append(float(max(f, 1) * unit * math.sqrt(1 / r + 1 / max(f, 1))) if r else None)
    return {
        "edges": edges.tolist(),
        "real": a.tolist(),
        "fake": b.tolist(),
        "n": len(real),
        "m": len(fake),
        "ratio": ratios,
        "error": errors,
    }


def _edges(real: np.ndarray, fake: np.ndarray, bins: int) -> np.ndarray:
    values = np.unique(real)
    near = values[-1] - values[0] < 4 * bins and np.abs(values).max() < 2**52
    if len(values) <= bins and near and np.array_equal(values, np.rint(values)):
        return np.arange(values[0] - 0.5, values[-1] + 1)
    low, high = np.quantile(real, [0.001, 0.999])
    if low == high:
        low, high = min(float(fake.min()), low), max(float(fake.max()), high)
    return bin_edges(low, high, bins)
