"""What of the data is not generated, or too rarely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allmodes.audit.evidence import PICTURES, too_few, typical
from allmodes.audit.finding import Finding, Region, Verdict
from allmodes.audit.intervals import could_hide, difference
from allmodes.audit.neighbours import nearest
from allmodes.audit.regions import LEAST_POINTS, Chart, Regions, chart
from allmodes.audit.scan import few, holm, scan
from allmodes.audit.sets import Sets

MOST_REGIONS = 8
SUSPICION = 0.01
"""P-value above which a region is no candidate."""


def missing(sets: Sets, level: float, seed: int, *, on: Chart | None = None) -> Finding:
    """Regions of the data that the generator leaves out.

    The regions come from training examples alone (`regions.grow`). First the scan: is any region avoided by the
    generated examples, against the held-out ones? One exact test over all regions at the level, by permutation; only
    if it rejects, regions are named. Then the certificate: half of the generated examples choose up to 8 disjoint
    candidates by what they lack against the training examples, and the other half, which chose nothing, is tested
    against the held-out examples (Fisher, Holm over the candidates). What stands is certified, and its missing mass
    has an interval that no choice has bent. What the scan alone sees is suspected.

    A healthy generator is called missing something in at most `level` of the audits, because nothing is said unless
    the scan rejects; and a certified region is false in at most `level` of them whatever else is wrong.

    Arguments:
        level: chance of a false alarm.
        seed: draws the tree points, the halves and the permutations.
        on: the chart of the sets, if it has been made already.

    Returns:
        `estimate`, `low`, `high`: share of the data in the certified regions less that of the generated examples (of
        the suspected regions where none is certified; the figure is then too large by what chance chose). No upper
        bound on all that is missing exists: `figures["could_hide"]` is the smallest mode, in one region, that would
        have been found with 90 % power.
    """
    if short := too_few(sets, "missing", level):
        return short
    rng = np.random.default_rng(seed)
    on = on or chart(sets, seed)
    regions, train, real, fake = on.regions, on.train, on.real, on.fake
    n, m = len(real), len(fake)
    scanned = scan(regions, fake, real, rng)
    hidden = smallest_mode(n, m, level, regions)
    figures = {"could_hide": hidden, "regions_tested": len(regions), "tree_points": len(regions.points)}
    if scanned.least > level:
        summary = (
            f"no region of the data is certainly missing; a mode of {100 * hidden:.1f} % that is never generated would "
            "have been found with 90 % power, a smaller one can hide"
        )
        return Finding(
            "missing", Verdict.NOT_FOUND, summary, 0.0, 0.0, None, scanned.least, 0.0, level, figures=figures
        )
    order = rng.permutation(m)
    choosing, testing = fake[order[: m // 2]], fake[order[m // 2 :]]
    certified = _certify(regions, train, real, choosing, testing, level)
    covered = np.any(regions.inside[:, certified], axis=1)
    order = np.argsort(scanned.score, kind="stable")
    suspects = [j for j in order if scanned.p_value[j] <= level and not (covered & regions.inside[:, j]).any()]
    suspected = regions.disjoint(np.array(suspects, np.int64), MOST_REGIONS)
    named = [
        *(_Named(regions.inside[:, j], real, testing, True) for j in certified),
        *(_Named(regions.inside[:, j], real, fake, False) for j in suspected),
    ]
    named.sort(key=lambda region: (region.certified, region.lost), reverse=True)
    chosen = certified or suspected or [int(scanned.score.argmin())]
    whole = _Named(np.any(regions.inside[:, chosen], axis=1), real, testing if certified else fake, bool(certified))
    low, high = whole.interval(0.95)
    confidence = 1 - 0.05 / max(1, len(named))
    figures |= {"certified": len(certified), "suspected": len(suspected)}
    return Finding(
        "missing",
        Verdict.FOUND,
        f"{_counted(len(certified), len(suspected))} with {100 * whole.p:.1f} % of the held-out data get "
        f"{100 * whole.q:.1f} % of the samples: {100 * whole.lost:.1f} % of the data is missing "
        f"(95 % interval {100 * max(low, 0):.1f} to {100 * high:.1f} %)",
        whole.lost,
        max(low, 0.0),
        high,
        scanned.least,
        0.0,
        level,
        tuple(region.evidence(sets, real, fake, confidence) for region in named),
        figures=figures,
    )


def smallest_mode(n: int, m: int, level: float, regions: Regions) -> float:
    """The smallest share of the data that is found with 90 % power when it is never generated.

    It must be large enough for Fisher's test over all regions (`could_hide`), and to be a region at all: to have 12
    of the tree points.
    """
    points = len(regions.points)
    if points < 2 * LEAST_POINTS:
        return 1.0
    from scipy.special import betaincinv

    region = float(betaincinv(LEAST_POINTS, points - LEAST_POINTS + 1, 0.9))
    return max(could_hide(n, m, level, len(regions)), region)


def _certify(
    regions: Regions, train: np.ndarray, real: np.ndarray, choosing: np.ndarray, testing: np.ndarray, level: float
) -> list[int]:
    """Regions that are chosen by some generated examples and stand the test of the others."""
    lack = few(regions.count(choosing), regions.count(train), len(choosing), len(train))
    order = np.argsort(np.log(np.maximum(lack, 1e-300)) - np.log(regions.weight), kind="stable")
    chosen = regions.disjoint(order[lack[order] < SUSPICION], MOST_REGIONS)
    if not chosen:
        return []
    p_values = holm(few(regions.count(testing)[chosen], regions.count(real)[chosen], len(testing), len(real)))
    return [j for j, p in zip(chosen, p_values, strict=True) if p <= level]


@dataclass(frozen=True, eq=False)
class _Named:
    """Some atoms, and what of two located samples lies in them."""

    atoms: np.ndarray
    real: np.ndarray
    fake: np.ndarray
    certified: bool

    @property
    def p(self) -> float:
        return float(self.atoms[self.real].mean())

    @property
    def q(self) -> float:
        return float(self.atoms[self.fake].mean())

    @property
    def lost(self) -> float:
        return self.p - self.q

    def interval(self, confidence: float) -> tuple[float, float]:
        inside = int(self.atoms[self.real].sum()), int(self.atoms[self.fake].sum())
        return difference(inside[0], len(self.real), inside[1], len(self.fake), confidence)

    def evidence(self, sets: Sets, real: np.ndarray, fake: np.ndarray, confidence: float) -> Region:
        low, high = self.interval(confidence)
        inside = typical(sets.real, np.flatnonzero(self.atoms[real]))
        shown = inside[:PICTURES]
        beside = nearest(sets.real[shown], sets.fake).index[:, 0] if len(shown) else shown
        return Region(
            self.p,
            self.q,
            low,
            high,
            tuple(sets.real_rows[inside].tolist()),
            tuple(sets.fake_rows[beside].tolist()),
            self.certified,
        )


def _counted(certified: int, suspected: int) -> str:
    if certified:
        return f"{certified} certified region{'s' * (certified > 1)}"
    return f"{max(1, suspected)} suspected region{'s' * (suspected > 1)}"
