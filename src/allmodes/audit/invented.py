"""What is generated and not in the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from allmodes.audit.enough import too_few
from allmodes.audit.evidence import Part
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.neighbours import Neighbours, nearest, without_self
from allmodes.audit.question import Question
from allmodes.audit.regions import Device, grow
from allmodes.audit.scan import DRAWS, draws_for, few, scan
from allmodes.audit.sets import Sets
from allmodes.audit.tiles import Tiles
from allmodes.shares import percent, span

MOST_REGIONS = 8
RADII = (5, 10, 20, 40)
"""Neighbours of a ball of the scan by neighbours."""
MOST_CENTRES = 2000
CENTRES_AT_ONCE = 200
LABELS_AT_ONCE = 2**26
"""Labels of permutations that are held at once."""


def invented(sets: Sets, level: float, seed: int, *, device: Device = "cpu") -> Finding:
    """Groups of generated examples that nothing in the data is like.

    Two scans at half of the level each. By a tree: regions grown on half of the generated examples, in which the
    held-out examples are too few against the other half; it sees groups. By neighbours: balls of 5, 10, 20 and 40
    neighbours with too few held-out examples in them; it sees what is spread thin between the data, and blur.
    Training examples are not used.

    Arguments:
        level: chance of a false alarm.
        seed: draws the halves, the centres and the permutations.
        device: where distances are computed.

    Returns:
        `estimate`, `low`, `high`: share of the generated examples in the regions less that of the data. The interval is
        the sum of the regions', which hold for all regions of the tree at once, so that the choice of the most striking
        ones does not bend them. Where the neighbours alone tell, one half of both samples chooses balls and the other
        half is counted in them. The examples of the regions are generated ones; the nearest are held-out ones.
    """
    if short := too_few(sets, "invented", level):
        return short
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(sets.fake))
    growing, testing = np.array_split(order, 2)
    regions = grow(sets.fake[growing], seed)
    real, fake = regions.locate(sets.real, device), regions.locate(sets.fake[testing], device)
    scanned = scan(regions, real, fake, rng)
    balls = scan_balls(sets.real, sets.fake[order[: len(sets.real)]], rng, draws=draws_for(level / 2), device=device)
    suspects = [j for j in np.argsort(scanned.score, kind="stable") if scanned.p_value[j] <= level / 2]
    chosen = regions.disjoint(np.array(suspects, np.int64), MOST_REGIONS)
    p_value = min(1.0, 2 * min(scanned.least, balls.p_value))
    figures = {"p_value_tree": scanned.least, "p_value_neighbours": balls.p_value, "regions_tested": len(regions)}
    if p_value > level:
        summary = "no group of generated examples is certainly outside the data"
        return Finding(
            "invented",
            Verdict.NOT_FOUND,
            summary,
            estimate=0.0,
            low=0.0,
            p_value=p_value,
            floor=0.0,
            level=level,
            figures=figures,
        )
    if chosen:
        groups = [
            Part(
                np.flatnonzero(regions.inside[real, j]),
                testing[regions.inside[fake, j]],
                (len(real), len(fake)),
                1 - 0.05 * regions.weight[j],
            )
            for j in chosen
        ]
    else:
        groups = [_in_balls(sets, order, rng, device)]
    bounds = [group.interval() for group in groups]
    low, high = -sum(bound[1] for bound in bounds), -sum(bound[0] for bound in bounds)
    mass, data = sum(group.made for group in groups), sum(group.held for group in groups)
    if mass <= data:
        summary = "samples have too few held-out neighbours; in which parts, and how many samples, cannot be said"
        return Finding(
            "invented",
            Verdict.FOUND,
            summary,
            estimate=0.0,
            low=0.0,
            high=min(high, 1.0),
            p_value=p_value,
            floor=0.0,
            level=level,
            figures=figures,
        )
    what = "parts" if not chosen else "1 region" if len(groups) == 1 else f"{len(groups)} regions"
    return Finding(
        "invented",
        Verdict.FOUND,
        f"{what} of the samples with {percent(mass)} of the generated examples hold{'s' * (what == '1 region')} "
        f"{percent(data)} of the data: {percent(mass - data)} is invented (95 % interval "
        f"{span(max(low, 0), min(high, 1))})",
        estimate=mass - data,
        low=max(low, 0.0),
        high=min(high, 1.0),
        p_value=p_value,
        floor=0.0,
        level=level,
        regions=tuple(group.region(sets, "samples") for group in groups),
        figures=figures,
    )


def _in_balls(sets: Sets, order: np.ndarray, rng: np.random.Generator, device: Device) -> Part:
    """Balls that one half of both samples chooses, and what of the others lies in them.

    Arguments:
        order: of the generated examples, at random.
    """
    held = rng.permutation(len(sets.real))
    half, made = len(held) // 2, min(len(order), len(held)) // 2
    balls = scan_balls(sets.real[held[:half]], sets.fake[order[:made]], rng, device=device)
    real, fake = held[half:], order[made:]
    return Part(
        real[balls.hold(sets.real[real], device)],
        fake[balls.hold(sets.fake[fake], device)],
        (len(real), len(fake)),
        0.95,
    )


@dataclass(frozen=True, eq=False)
class Flagged:
    """What the scan by neighbours found.

    Arguments:
        p_value: of the whole scan.
        centre, radius: of balls around generated examples with too few held-out ones, [b, d] and [b]; the most striking
            one where none is significant.
    """

    p_value: float
    centre: np.ndarray
    radius: np.ndarray

    def hold(self, x: np.ndarray, device: Device = "cpu") -> np.ndarray:
        """Whether each example [n, d] lies in a ball, [n] bool."""
        inside = np.zeros(len(x), bool)
        for tile in Tiles(x, self.centre, device=device):
            limit = torch.from_numpy(np.square(self.radius / tile.scale)).to(tile.squared)
            inside[tile.rows] = (tile.squared <= limit + tile.slack).any(1).cpu().numpy()
        return inside


def scan_balls(
    real: np.ndarray, fake: np.ndarray, rng: np.random.Generator, *, draws: int = DRAWS, device: Device = "cpu"
) -> Flagged:
    r"""Balls of k neighbours with few real examples in them, the largest over centres and k by permutation.

    .. math:: T = \min_{i, k} P(X_k \le x_{ik}), \quad X_k \sim Hypergeometric(n + m, n, k)

    The centres i are some examples of both samples, drawn without a look at which is which, so T under permuted labels
    has the very distribution of T where both samples come from one. The pool is in random order, so that which of
    equally near examples come first has nothing to do with the labels.
    """
    n, whole = len(real), len(real) + len(fake)
    order = rng.permutation(whole)
    pool, label = np.concatenate((real, fake))[order], order < n
    radii = np.array([k for k in RADII if k < whole])
    centres = np.sort(rng.permutation(whole)[:MOST_CENTRES])
    ball = _neighbours(pool, centres, int(radii[-1]), device)
    chance = np.stack([few(np.arange(radii[-1] + 1), k - np.arange(radii[-1] + 1), n, whole - n) for k in radii])
    scores = chance[np.arange(len(radii)), _held(label[:, None], ball.index, radii).each]
    drawn, block = [], max(1, LABELS_AT_ONCE // whole)
    for start in range(0, draws, block):
        labels = rng.permuted(np.tile(label, (min(block, draws - start), 1)), axis=1).T
        least = _held(np.ascontiguousarray(labels), ball.index, radii).least
        drawn.append(chance[np.arange(len(radii))[:, None], least].min(0))
    edge = np.sort(np.concatenate(drawn))
    p_values = (1 + np.searchsorted(edge, scores.min(1) * (1 + 1e-9), side="right")) / (draws + 1)
    p_value = float(p_values.min())
    made = np.flatnonzero(~label[centres])
    flagged = made[p_values[made] <= 0.05] if len(made) else np.arange(len(centres))
    if not len(flagged):
        flagged = made[[scores[made].min(1).argmin()]]
    sizes = radii[scores[flagged].argmin(1)]
    return Flagged(p_value, pool[centres[flagged]], ball.distance[flagged, sizes - 1])


def _neighbours(pool: np.ndarray, centres: np.ndarray, k: int, device: Device) -> Neighbours:
    """The k nearest others of some members of a pool: [c, k]."""
    found = nearest(pool[centres], pool, k + 1, device=device)
    return Neighbours(*without_self(centres, found.distance, found.index))


@dataclass(frozen=True, eq=False)
class _Held:
    """How many of the nearest k of a centre are real: by the first labels, [c, radii]; the least of all, [radii, l]."""

    each: np.ndarray
    least: np.ndarray


def _held(label: np.ndarray, ball: np.ndarray, radii: np.ndarray) -> _Held:
    """From labels [n + m, l]."""
    label = label.view(np.uint8)
    edges = [0, *radii]
    each = np.empty((len(ball), len(radii)), np.int64)
    least = np.full((len(radii), label.shape[1]), 255, np.uint8)
    for start in range(0, len(ball), CENTRES_AT_ONCE):
        rows = slice(start, start + CENTRES_AT_ONCE)
        count = np.zeros((len(ball[rows]), label.shape[1]), np.uint8)
        for k in range(len(radii)):
            for rank in range(edges[k], edges[k + 1]):
                count += label[ball[rows, rank]]
            each[rows, k] = count[:, 0]
            np.minimum(least[k], count.min(0), out=least[k])
    return _Held(each, least)


def _claim(finding: Finding, figure: str) -> str:
    if any(region.absent for region in finding.regions):
        return f"invents {figure} of its samples"
    share = f"{figure} of its " if finding.regions else ""
    return f"makes {share}samples where the data have fewer"


QUESTION = Question(
    name="invented",
    title="Does it make what does not exist?",
    method="The mirror image: regions that hold generated examples and too few held-out ones.",
    measure="of the samples",
    share=True,
    weight=2,
    labels={
        "p_value_tree": "p-value by regions",
        "p_value_neighbours": "p-value by neighbourhoods",
        "regions_tested": "regions looked at",
    },
    planted=True,
    ask=lambda exam, level: invented(exam.sets, level, exam.seed, device=exam.device),
    claim=_claim,
)
