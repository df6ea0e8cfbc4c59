"""Where the model has a density: what it gives to held-out examples, and how much more to those it was trained on."""

from __future__ import annotations

import math

import numpy as np

from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.intervals import normal
from allmodes.audit.question import Question
from allmodes.audit.subject import Examples, Subject
from allmodes.score import NoDensity, Score

MOST_SCORED = 2_000


def log_density(subject: Subject, seed: int) -> Finding | None:
    """Nats an example on held-out data, with their kind and standard error, and the gap to training data.

    It informs and does not decide: every model that learns fits its training examples a little better. The gap is
    found where its 95 % interval lies above zero.

    Returns:
        None where the model has no density.
    """
    if subject.scorer is None:
        return None
    rng = np.random.default_rng(seed)
    try:
        scores = [_score(subject, side, rng) for side in (subject.real, subject.train)]
    except NoDensity:
        return None
    (held, held_error), (train, train_error) = ((score.mean, score.mean_standard_error) for score in scores)
    gap, error = train - held, math.hypot(held_error, train_error)
    low, high = gap - normal() * error, gap + normal() * error
    kind, counts = scores[0].kind, [len(score.value) for score in scores]
    return Finding(
        name="log_density",
        verdict=Verdict.FOUND if low > 0 else Verdict.NOT_FOUND,
        summary=(
            f"{held:.2f} ± {held_error:.2f} nats an example on held-out data ({kind}, {scores[0].measure} measure), "
            f"{train:.2f} ± {train_error:.2f} on training data: a gap of {gap:.2f} [{low:.2f}, {high:.2f}]"
        ),
        estimate=gap,
        low=low,
        high=high,
        p_value=math.erfc(gap / error / math.sqrt(2)) / 2 if error > 0 else None,
        floor=0.0,
        figures={
            "kind": str(kind),
            "measure": scores[0].measure,
            "nats": held,
            "standard_error": held_error,
            "bits_per_dim": scores[0].bits_per_dim if scores[0].measure == "counting" else None,
            "train_nats": train,
            "train_standard_error": train_error,
            "n": counts[0],
            "n_train": counts[1],
        },
    )


def _score(subject: Subject, side: Examples, rng: np.random.Generator) -> Score:
    assert subject.scorer is not None
    rows = rng.permutation(len(side))[:MOST_SCORED]
    part = side[np.sort(rows)]
    return subject.scorer(part.x, part.condition)


QUESTION = Question(
    name="log_density",
    title="What density does it give to data that it has not seen?",
    method="The mean logarithm of the model's density, with what kind of number it is. It informs and does not decide.",
    measure="nats",
    labels={"n": "held-out examples scored", "n_train": "training examples scored", "bits_per_dim": "bits a dimension"},
    suits=lambda exam: exam.subject.scorer is not None,
    ask=lambda exam, level: log_density(exam.subject, exam.seed),
)
