"""What of the data is not generated, or too rarely."""

from __future__ import annotations

import numpy as np

from allmodes.audit.enough import too_few
from allmodes.audit.evidence import Part
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.intervals import could_hide, together
from allmodes.audit.joint import join, map_count
from allmodes.audit.question import Question
from allmodes.audit.regions import LEAST_POINTS, Chart, Regions, chart
from allmodes.audit.scan import few, holm, scan
from allmodes.audit.sets import Sets
from allmodes.shares import percent, span

MOST_REGIONS = 8
SUSPICION = 0.01
"""P-value above which a region is no candidate."""


def missing(sets: Sets, level: float, seed: int, *, on: Chart | None = None) -> Finding:
    """Regions of the data that the generator leaves out.

    The regions come from training examples alone (`regions.grow`); where the sets are small, also from the compared
    examples without a look at which is which (`joint.join`). First the scan: is any region avoided by the
    generated examples, against the held-out ones? One exact test over all regions at the level, by permutation; only
    if it rejects, regions are named. Then the certificate: half of the generated examples choose up to 8 disjoint
    candidates by what they lack against the training examples, and the other half, which chose nothing, is tested
    against the held-out examples (Fisher, Holm over the candidates). What stands is certified, and the intervals of
    certified regions hold for all candidates at once. What the scan alone sees is suspected, and the intervals of such
    regions hold for all regions at once: they are wide, and not bent by the choice of the most striking.

    A healthy generator is called missing something in at most `level` of the audits, because nothing is said unless
    the scan rejects; and a certified region is false in at most `level` of them whatever else is wrong.

    Arguments:
        level: chance of a false alarm.
        seed: draws the tree points, the halves and the permutations.
        on: the chart of the sets, if it has been made already.

    Returns:
        `estimate`, `low`, `high`: share of the data in the certified regions less that of the generated examples (of
        the suspected regions where none is certified; the figure is then too large by what chance chose). No upper
        bound on all that is missing exists: `figures["could_hide"]` is the smallest mode that stands apart, as one
        region, which would have been found with 90 % power.
    """
    if short := too_few(sets, "missing", level):
        return short
    rng = np.random.default_rng(seed)
    on = on or chart(sets, seed)
    regions, train, real, fake = on.regions, on.train, on.real, on.fake
    n, m = len(real), len(fake)
    joint = join(sets, on, rng)
    scanned = scan(joint.cover, joint.fake, joint.real, rng)
    hidden = smallest_mode(n, m, level, regions)
    figures = {"could_hide": hidden, "regions_tested": len(joint.cover), "tree_points": len(regions.points)}
    if scanned.least > level:
        seen = (
            f"a mode of {percent(hidden)} that stands apart and is never generated would have been found with 90 % "
            "power, a smaller one can hide"
        )
        summary = f"no region of the data is certainly missing; {seen if hidden < 1 else 'a mode of any size can hide'}"
        return Finding(
            "missing",
            Verdict.NOT_FOUND,
            summary,
            estimate=0.0,
            low=0.0,
            p_value=scanned.least,
            floor=0.0,
            level=level,
            figures=figures,
        )
    order = rng.permutation(m)
    choosing, testing = order[: m // 2], order[m // 2 :]
    certified, candidates = _certify(regions, train, real, fake[choosing], fake[testing], level)
    cover, real, fake = joint.cover, joint.real, joint.fake  # the chart's regions come first in the cover
    covered = np.any(cover.inside[:, certified], axis=1)
    order = np.argsort(scanned.score, kind="stable")
    suspects = [j for j in order if scanned.p_value[j] <= level and not (covered & cover.inside[:, j]).any()]
    suspected = cover.disjoint(np.array(suspects, np.int64), MOST_REGIONS)

    def counted(atoms: np.ndarray, certified: bool, confidence: float) -> Part:
        """What lies in some atoms; of the generated examples those count that chose nothing, if it is certified."""
        rows = testing if certified else np.arange(m)
        return Part(np.flatnonzero(atoms[real]), rows[atoms[fake[rows]]], (n, len(rows)), confidence, certified)

    named = [
        *(counted(cover.inside[:, j], True, together(candidates)) for j in certified),
        *(counted(cover.inside[:, j], False, 1 - 0.05 * cover.weight[j]) for j in suspected),
    ]
    named.sort(key=lambda part: (part.certified, part.held - part.made), reverse=True)
    atoms = np.any(cover.inside[:, certified or suspected], axis=1)
    whole = counted(atoms, bool(certified), together(candidates))
    lost = whole.held - whole.made
    bounds = [whole.interval()] if certified else [part.interval() for part in named]
    low, high = max(sum(bound[0] for bound in bounds), 0.0), min(sum(bound[1] for bound in bounds), 1.0)
    figures |= {"certified": len(certified), "suspected": len(suspected)}
    return Finding(
        "missing",
        Verdict.FOUND,
        f"{_regions(len(certified), len(suspected))} {percent(whole.made)} of the samples and {percent(whole.held)} of "
        f"the held-out data: {percent(lost)} of the data is missing there (95 % interval "
        f"{span(low, high)}); elsewhere more may be missing",
        estimate=lost,
        low=low,
        high=high,
        p_value=scanned.least,
        floor=0.0,
        level=level,
        regions=tuple(part.region(sets, "data") for part in named),
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
    return max(could_hide(n, m, level / map_count(n, m), len(regions)), region)


def _certify(
    regions: Regions, train: np.ndarray, real: np.ndarray, choosing: np.ndarray, testing: np.ndarray, level: float
) -> tuple[list[int], int]:
    """Regions that are chosen by some generated examples and stand the test of the others, and how many were chosen."""
    lack = few(regions.count(choosing), regions.count(train), len(choosing), len(train))
    order = np.argsort(np.log(np.maximum(lack, 1e-300)) - np.log(regions.weight), kind="stable")
    chosen = regions.disjoint(order[lack[order] < SUSPICION], MOST_REGIONS)
    if not chosen:
        return [], 0
    p_values = holm(few(regions.count(testing)[chosen], regions.count(real)[chosen], len(testing), len(real)))
    return [j for j, p in zip(chosen, p_values, strict=True) if p <= level], len(chosen)


def _regions(certified: int, suspected: int) -> str:
    count, kind = (certified, "certified") if certified else (suspected, "suspected")
    return f"1 {kind} region holds" if count == 1 else f"{count} {kind} regions hold"


def _claim(finding: Finding, figure: str) -> str:
    least = f"at least {percent(finding.low)}" if finding.low else "a part"
    return f"misses {least} of the data ({figure} where it was seen)"


QUESTION = Question(
    name="missing",
    title="Does it leave out a part of the data?",
    method="A tree of clusters over the training examples gives regions of every size. Half of the generated "
    "examples choose the suspicious ones; the other half and the held-out examples, which chose nothing, certify "
    "them by exact tests: a region that stood its test is certified, one that the first look alone has seen is "
    "suspected. The interval is that of the mass that is missing in the regions which are named: "
    "elsewhere more may be missing.",
    measure="of the data",
    share=True,
    weight=4,
    certifies=True,
    labels={"regions_tested": "regions looked at", "certified": "certified", "suspected": "suspected"},
    planted=True,
    ask=lambda exam, level: missing(exam.sets, level, exam.seed, on=exam.chart),
    claim=_claim,
)
