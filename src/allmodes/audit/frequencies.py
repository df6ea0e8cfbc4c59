"""Which classes or known modes are generated too rarely or too often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from allmodes.audit.enough import too_few
from allmodes.audit.exam import Exam
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.neighbours import nearest
from allmodes.audit.question import Question
from allmodes.audit.regions import Device
from allmodes.audit.scan import holm, unequal
from allmodes.audit.sets import Sets
from allmodes.audit.wording import joined
from allmodes.data.modes import Modes
from allmodes.shares import percent

VOTERS = 5
"""Training examples that vote for the class of an example."""
DRAWN = 500
"""Of the posterior and of a perfect generator."""
CAPTURED, DROPPED = 0.5, 0.1
"""Of its expected rate: a class is captured if it may be generated at least so often, dropped if certainly less."""
MOST_CORRECTED = 200
"""Classes for which the confusion matrix is inverted; with more it would not be known well enough."""
NAMED = 5
PLURAL = {"class": "classes", "mode": "modes"}
LEAST_TOLD = 0.2
"""Smallest singular value of a confusion matrix that is inverted: the inverse multiplies errors by up to 5."""


@dataclass(frozen=True)
class Rate:
    """How often a class is generated.

    Arguments:
        name: of the class.
        expected, generated: share of it among held-out and generated examples, corrected for the classifier's errors
            where they can be.
        ratio, low, high: generated over expected, with its 95 % interval.
        counted: generated examples that were told to be of it.
        p_value: of the counts as classified, two-sided, corrected for the number of classes.
        status: "dropped" if the upper bound is below a tenth; "rare" if below one half; "untold" where nothing is
            corrected and the vote names the class for less than a tenth of its held-out share; else "captured".
    """

    name: str
    expected: float
    generated: float
    ratio: float
    low: float
    high: float
    counted: int
    p_value: float
    status: Literal["captured", "rare", "dropped", "untold"]


def frequencies(
    sets: Sets,
    level: float,
    seed: int,
    *,
    real_label: np.ndarray,
    train_label: np.ndarray | None = None,
    fake_label: np.ndarray | None = None,
    names: Sequence[str] = (),
    kind: Literal["class", "mode"] = "class",
    device: Device = "cpu",
) -> Finding:
    r"""Each class against its rate in the held-out examples.

    What decides is exact whatever the classifier is worth: the k-nearest-neighbour vote of the training examples names
    a class for each held-out and each generated example, and a class is too rare or too frequent by Fisher's test of
    those two counts, Holm over the classes.

    What is reported is corrected: with C the confusion matrix P(classified j | truly i) of the held-out examples,

    .. math:: f_j = \sum_i q_i C_{ij} \quad\Rightarrow\quad q = (C^\top)^{-1} f

    Without that, half a percent of errors turns one generated mode of a thousand into 33. Where the vote hardly tells
    some classes apart, C has no inverse to speak of, and the rates of held-out and generated examples are those of
    the vote. The intervals are those of posterior draws of f, C and the true rates under Jeffreys's prior, which also
    holds where a count is 0.

    Arguments:
        level: chance of a false alarm.
        real_label, train_label: class of each held-out and training example, from 0, [n] and [t].
        fake_label: class of each generated example where it is known without a vote: its own label, or the nearest of
            known modes; then `real_label` must be told in the same way and nothing is corrected.
        names: of the classes.
        kind: what they are called.
        device: where distances are computed.

    Returns:
        `estimate`: total variation distance between the rates, whose value for a perfect generator is `floor`.
        `figures["classes"]`: a `Rate` each. `figures["kl"]` and `["kl_floor"]`: KL(generated || expected), nats.

    References:
        Adjusting the outputs of a classifier to new a priori probabilities (Saerens, Latinne and Decaestecker, 2002),
        https://doi.org/10.1162/089976602753284446, for the correction by the confusion matrix
    """
    if short := too_few(sets, "frequencies", level):
        return short
    if fake_label is None:
        if train_label is None:
            raise ValueError("either the training examples or the generated ones must have labels")
        seen, fake = (_vote(x, sets.train, train_label, device) for x in (sets.real, sets.fake))
    else:
        seen, fake = real_label, fake_label
    k = max(len(names), *(int(labels.max()) + 1 for labels in (real_label, seen, fake)))
    counts, seen_counts, fake_counts = (np.bincount(labels, minlength=k) for labels in (real_label, seen, fake))
    n, m = len(seen), len(fake)
    p_values = holm(unequal(fake_counts, seen_counts, m, n))
    confusion = np.zeros((k, k))
    np.add.at(confusion, (real_label, seen), 1)
    voted = fake_label is None
    known = _known(confusion)
    correct = voted and k <= MOST_CORRECTED and _told_apart(known)
    undone = known if correct else None
    expected_counts = counts if correct else seen_counts
    untold = (seen_counts < DROPPED * counts) & (voted and not correct)
    drawn = _draws(expected_counts, undone, fake_counts, np.random.default_rng(seed))
    rates = _rates(drawn, expected_counts, fake_counts, names or [str(i) for i in range(k)], p_values, untold)
    expected, generated = (np.array([getattr(rate, key) for rate in rates]) for key in ("expected", "generated"))
    perfect = np.random.default_rng(seed).multinomial(n, expected, DRAWN) / n
    again = _perfect(expected, m, undone, np.random.default_rng(seed + 1))
    variation = float(np.abs(generated - expected).sum() / 2)
    accuracy = float(np.trace(confusion) / n)
    figures = {
        "classes": [asdict(rate) for rate in rates],
        "kl": float(_kl(generated, expected)),
        "kl_floor": float(np.mean(_kl(again, perfect))),
        "accuracy": accuracy,
        "corrected": correct,
        "kind": kind,
    }
    worst = np.flatnonzero((p_values <= level) & (counts + fake_counts > 0))
    return Finding(
        "frequencies",
        Verdict.FOUND if len(worst) else Verdict.NOT_FOUND,
        _summary([rates[i] for i in worst[np.argsort(p_values[worst], kind="stable")]], rates, kind)
        + (f", as a vote tells them that is right for {percent(accuracy)}" if voted and not correct else ""),
        estimate=variation,
        p_value=float(p_values.min()),
        floor=float(np.abs(again - perfect).sum(1).mean() / 2),
        level=level,
        figures=figures,
    )


def _vote(x: np.ndarray, train: np.ndarray, label: np.ndarray, device: Device) -> np.ndarray:
    """The class that most of the nearest training examples are of, the nearest of them breaking ties: [n]."""
    votes = label[nearest(x, train, min(VOTERS, len(train)), device=device).index]
    favour = (votes[:, :, None] == votes[:, None, :]).sum(2)
    return votes[np.arange(len(votes)), favour.argmax(1)]


def _draws(
    real: np.ndarray, known: np.ndarray | None, fake: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Posterior draws of expected and generated rates, [DRAWN, k] each; the first is the estimate."""
    expected = np.vstack((real / real.sum(), rng.dirichlet(real + 0.5, DRAWN - 1)))
    generated = np.vstack((fake / fake.sum(), rng.dirichlet(fake + 0.5, DRAWN - 1)))
    if known is not None:
        drawn = rng.standard_gamma(known + 0.5 / len(known), (DRAWN - 1, *known.shape))
        generated = _undone(np.concatenate((known[None], drawn)), generated)
    return expected, generated


def _undone(confusion: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Rates before a classifier that confuses so, from those that it sees, [d, k, k] and [d, k] -> [d, k]."""
    inverse = np.linalg.pinv(_shares(confusion).transpose(0, 2, 1))
    return _shares(np.maximum(np.einsum("dij,dj->di", inverse, seen), 0.0))


def _shares(counts: np.ndarray) -> np.ndarray:
    """Along the last axis."""
    return counts / counts.sum(-1, keepdims=True)


def _perfect(expected: np.ndarray, m: int, known: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Rates of m examples of a perfect generator, as they come out of the classifier and its correction, [DRAWN, k]."""
    if known is None:
        return rng.multinomial(m, expected, DRAWN) / m
    seen = rng.multinomial(m, expected @ _shares(known), DRAWN) / m
    # The correction knows the confusion only as well as the held-out examples tell it.
    return _undone(rng.standard_gamma(known + 0.5 / len(known), (DRAWN, *known.shape)), seen)


def _told_apart(known: np.ndarray) -> bool:
    """Whether the confusion matrix has an inverse that does not drown the rates in noise."""
    return float(np.linalg.svd(_shares(known), compute_uv=False)[-1]) >= LEAST_TOLD


def _known(confusion: np.ndarray) -> np.ndarray:
    """The confusion matrix, in which classes of too few held-out examples are taken to be classified rightly."""
    count = confusion.sum(1, keepdims=True)
    return np.where(count < VOTERS, np.eye(len(confusion)) * np.maximum(count, 1), confusion)


def _rates(
    drawn: tuple[np.ndarray, np.ndarray],
    real: np.ndarray,
    fake: np.ndarray,
    names: Sequence[str],
    p_values: np.ndarray,
    untold: np.ndarray,
) -> list[Rate]:
    expected, generated = drawn
    ratio = generated / np.maximum(expected, 0.5 / real.sum())
    low, high = np.quantile(ratio[1:], [0.025, 0.975], axis=0)
    rates = []
    for i, name in enumerate(names):
        status = "dropped" if high[i] < DROPPED else "rare" if high[i] < CAPTURED else "captured"
        status = "untold" if untold[i] else status
        bounds = float(min(low[i], ratio[0, i])), float(max(high[i], ratio[0, i]))
        rates.append(
            Rate(
                name,
                float(expected[0, i]),
                float(generated[0, i]),
                float(ratio[0, i]),
                *bounds,
                int(fake[i]),
                float(p_values[i]),
                status,
            )
        )
    return rates


def _kl(generated: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """KL(generated || expected) over the classes that are expected, nats."""
    q, p = generated, np.maximum(expected, 1e-12)
    return np.where(q > 0, q * np.log(np.maximum(q, 1e-300) / p), 0.0).sum(-1)


def _summary(worst: Sequence[Rate], rates: Sequence[Rate], kind: str) -> str:
    captured = sum(rate.status == "captured" for rate in rates)
    counted = f"{captured} of {len(rates)} {PLURAL[kind]} captured"
    if not worst:
        return f"no {kind} is certainly too rare or too frequent; {counted}"
    named = ", ".join(
        f"{rate.name} {f'at {rate.ratio:.2g} times its rate' if rate.counted else 'never'}" for rate in worst[:NAMED]
    )
    more = f" and {len(worst) - NAMED} more" if len(worst) > NAMED else ""
    return f"not at their rates: {named}{more}; {counted}"


def _claim(finding: Finding, figure: str) -> str:
    """What is never or hardly made, else that something is made too rarely or too often."""
    wrong = [rate for rate in finding.figures.get("classes", ()) if rate["p_value"] <= finding.level]
    kind = finding.figures.get("kind", "class")
    gone = [rate for rate in wrong if not rate["counted"] or rate["status"] == "dropped"]
    if not gone:
        return f"makes some {PLURAL[kind]} too rarely or too often"
    makes = "hardly makes" if any(rate["counted"] for rate in gone) else "never makes"
    mass = percent(sum(rate["expected"] for rate in gone))
    if len(gone) == 1:
        return f"{makes} {_called(gone[0]['name'], kind)} ({mass} of the data)"
    more = [f"{len(gone) - NAMED} more"] if len(gone) > NAMED else []
    named = joined([rate["name"] for rate in gone[:NAMED]] + more)
    return f"{makes} {len(gone)} {PLURAL[kind]} ({named}: {mass} of the data)"


def _called(name: str, kind: str) -> str:
    """A class by its name, "class tau"; a mode is called so already."""
    return name if kind == "mode" else f"{kind} {name}"


def _suits(exam: Exam) -> bool:
    """Whether there are modes, or classes of the generator's own choice, by labels of its samples or a vote."""
    subject = exam.subject
    told = subject.train.labels is not None or subject.fake.labels is not None
    classes = subject.real.labels is not None and told and len(subject.event.classes) > 1 and not subject.asked
    return subject.modes is not None or classes


def _ask(exam: Exam, level: float) -> Finding:
    """Of known modes, told by the nearest centre; of classes by the samples' labels, or a vote of training examples."""
    subject = exam.subject
    if subject.modes is not None:
        real, fake = (_nearest_mode(subject.modes, side.x) for side in (subject.real, subject.fake))
        names = [_mode(i, centre) for i, centre in enumerate(subject.modes.centres.tolist())]
        return frequencies(exam.sets, level, exam.seed, real_label=real, fake_label=fake, names=names, kind="mode")
    assert subject.real.labels is not None
    return frequencies(
        exam.sets,
        level,
        exam.seed,
        real_label=subject.real.labels,
        train_label=subject.train.labels,
        fake_label=subject.fake.labels,
        names=subject.event.classes,
        device=exam.device,
    )


def _mode(number: int, centre: Sequence[float]) -> str:
    """What a mode is called: in the plane by where it is."""
    if len(centre) != 2:
        return f"mode {number}"
    x, y = (round(one, 6) + 0.0 for one in centre)  # rounding errors of a cosine are no place
    return f"mode {number} at ({x:.3g}, {y:.3g})"


def _nearest_mode(modes: Modes, x: np.ndarray) -> np.ndarray:
    return nearest(x.astype(np.float32), modes.centres.float().numpy()).index[:, 0]


QUESTION = Question(
    name="frequencies",
    title="Does each class or mode come as often as it should?",
    method="Counts of each class or known mode, generated against held-out, by exact tests. Classes are told by the "
    "samples' own labels; where they have none, by a vote of the nearest training examples, and the rates are "
    "corrected for the errors that it makes of held-out examples, as if it made the same of generated ones.",
    measure="total variation",
    weight=2,
    labels={
        "classes": "rates",
        "kl": "KL divergence from the rates of the data, nats",
        "kl_floor": "its value for a perfect generator",
    },
    suits=_suits,
    ask=_ask,
    claim=_claim,
)
