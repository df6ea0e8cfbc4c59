"""Images and other grids of numbers: does each pixel light up as often as it should?"""

from __future__ import annotations

from typing import Any

import numpy as np

from allmodes.audit.enough import too_few
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.intervals import difference, together
from allmodes.audit.question import Question
from allmodes.audit.scan import holm, unequal
from allmodes.audit.subject import Subject
from allmodes.shares import percent

AT_ONCE = 2**24
"""Numbers that are looked at at once."""
LISTED, MAPPED = 12, 4096


def pixels(subject: Subject, level: float, seed: int) -> Finding:
    """Each pixel by itself: in what share of the examples it is lit, generated against held-out.

    Lit is what lies above the pixel's median in both samples together, which is zero where a pixel is mostly dark;
    where that is its largest value, what has it. A dead, hot or stuck pixel shows in that whatever the others do. The
    counts are compared by Fisher's exact test, two-sided, with Holm's correction over the pixels that change at all.

    Arguments:
        level: chance of a false alarm.
        seed: draws the half of the held-out examples that is compared with the other for the floor.

    Returns:
        `estimate`, `low`, `high`: the difference of the shares at the clearest pixel; the intervals of all pixels hold
        together at 95 %. `floor`: the size of that difference between halves of the held-out examples, at that pixel
        if it differs; else the largest of all.
        `figures["pixels"]`: the clearest ones. `figures["maps"]`: the shares of all, each of the shape of an example,
        where there are no more than 4096.
    """
    if short := too_few(subject, "pixels", level):
        return short
    real, fake = (side.x.reshape(len(side), -1) for side in (subject.real, subject.fake))
    n, m, half = len(real), len(fake), len(real) // 2
    of_real, of_fake, of_half = _lit(real, fake, np.random.default_rng(seed).permutation(n)[:half])
    p_values = _p_values(of_real, of_fake, n, m)
    confidence = together(int((of_real + of_fake < n + m).sum()))
    order = np.lexsort((-np.abs(of_real / n - of_fake / m), p_values))
    rows = [
        {
            "name": f"pixel [{', '.join(map(str, np.unravel_index(i, subject.event.shape)))}]",
            "real": of_real[i] / n,
            "fake": of_fake[i] / m,
            "gap": of_fake[i] / m - of_real[i] / n,
            **dict(zip(("low", "high"), difference(int(of_fake[i]), m, int(of_real[i]), n, confidence), strict=True)),
            "p_value": float(p_values[i]),
        }
        for i in order[:LISTED]
    ]
    figures: dict[str, Any] = {"pixels": rows}
    if len(p_values) <= MAPPED:
        figures["maps"] = {
            name: (counts / size).reshape(subject.event.shape).round(6).tolist()
            for name, counts, size in (("real", of_real, n), ("fake", of_fake, m))
        }
    wrong, clearest = int((p_values <= level).sum()), rows[0]
    floors = np.abs(of_half / half - (of_real - of_half) / (n - half))
    return Finding(
        "pixels",
        Verdict.FOUND if wrong else Verdict.NOT_FOUND,
        f"{f'{wrong:,} of {len(p_values):,} pixels differ' if wrong else f'none of {len(p_values):,} pixels differs'}; "
        f"clearest {clearest['name']}, lit in {percent(clearest['real'])} of the held-out and "
        f"{percent(clearest['fake'])} of the generated examples",
        estimate=clearest["gap"],
        low=clearest["low"],
        high=clearest["high"],
        p_value=clearest["p_value"],
        floor=float(floors[order[0]] if wrong else floors.max()),
        level=level,
        figures=figures,
    )


def _lit(real: np.ndarray, fake: np.ndarray, half: np.ndarray) -> np.ndarray:
    """In how many of real [n, d], fake [m, d], and these rows of real each pixel is lit, [3, d]."""
    counts = []
    for start in range(0, real.shape[1], step := max(1, AT_ONCE // (len(real) + len(fake)))):
        a, b = (side[:, start : start + step] for side in (real, fake))
        pooled = np.concatenate((a, b))
        middle = np.partition(pooled, len(pooled) // 2, axis=0)[len(pooled) // 2]
        full = pooled.max(0) == middle
        lit_a, lit_b = ((side > middle) | (full & (side == middle)) for side in (a, b))
        counts.append(np.stack((lit_a.sum(0), lit_b.sum(0), lit_a[half].sum(0))))
    return np.concatenate(counts, 1)


def _p_values(real: np.ndarray, fake: np.ndarray, n: int, m: int) -> np.ndarray:
    """Of each pixel, corrected for the number of those that are not lit in all examples, [d]; 1 for the others."""
    changes = np.flatnonzero(real + fake < n + m)
    p_values = np.ones(len(real))
    p_values[changes] = holm(unequal(real[changes], fake[changes], n, m))
    return p_values


QUESTION = Question(
    name="pixels",
    title="Does each pixel light up as often as in the data?",
    method="In how many examples each pixel is brighter than its median, or at it where that is its largest value, "
    "by Fisher's exact test, with Holm's correction over the pixels that change.",
    measure="clearest gap",
    weight=1,
    suits=lambda exam: len(exam.subject.event.shape) > 1,
    ask=lambda exam, level: pixels(exam.subject, level, exam.seed),
    claim=lambda found, figure: "lights pixels too rarely or too often",
)
