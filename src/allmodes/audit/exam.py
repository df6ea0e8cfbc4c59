"""The questions of an audit: which are asked of what, in order, each at its share of the level."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from allmodes.audit.conditions import judged
from allmodes.audit.features import default, fit_features
from allmodes.audit.finding import Finding
from allmodes.audit.functions import Function
from allmodes.audit.maps import Features, Task
from allmodes.audit.regions import Chart, chart
from allmodes.audit.sets import Sets, equal
from allmodes.audit.subject import Examples, Subject
from allmodes.data.modes import Modes
from allmodes.event import Layout

GUIDE_SHARE, MOST_GUIDE = 1 / 3, 10_000
"""Of the training examples, those that features are fitted to: copies are looked for among the others."""


@dataclass(frozen=True, eq=False)
class Exam:
    """Everything that questions are asked of.

    Arguments:
        subject: the sets in the user's units. Its training part is without the examples that features were fitted to,
            where copies are looked for.
        sets: the same in features.
        features: the fitted features.
        observables, constraints: the user's functions by name.
        seed: of every draw.
        device: where features and distances are computed.
        neighbours: "exact" or "approximate", of the figures that inform; tests have exact ones.
    """

    subject: Subject
    sets: Sets
    features: Features
    observables: Mapping[str, Function] = field(default_factory=dict)
    constraints: Mapping[str, Function] = field(default_factory=dict)
    seed: int = 0
    device: str = "cpu"
    neighbours: str = "exact"

    @cached_property
    def chart(self) -> Chart:
        """Regions of the training examples, made once for all questions that need them."""
        return chart(self.sets, self.seed, self.device)


def split_guide(subject: Subject, seed: int) -> tuple[Examples, Examples]:
    """The training examples that features are fitted to, and those that are compared.

    Where copies can be looked for they are disjoint, so that training and held-out examples are equally unknown to the
    features; else all of them serve both ends.
    """
    train = subject.train
    if not subject.trained:
        return train, train
    order = np.random.default_rng(seed).permutation(len(train))
    cut = min(MOST_GUIDE, round(GUIDE_SHARE * len(train)))
    return train[np.sort(order[:cut])], train[np.sort(order[cut:])]


def prepare(subject: Subject, asked: object, seed: int, device: str) -> tuple[Subject, Sets, Features]:
    """Fit features to a part of the training examples and map the three sets.

    Raises:
        UserError: for features that are not there, do not suit the data, raise or return something else.
    """
    whole = subject.train
    guide, compared = split_guide(subject, seed)
    if asked is None:
        asked, note = _default(subject, guide)
        subject = replace(subject, notes=subject.notes + note)
    features = fit_features(asked, Task(subject.event, guide.x, guide.labels, seed, device))  # type: ignore[arg-type]
    subject = replace(subject, train=compared)
    sets = Sets(
        train=features(compared.x),
        real=features(subject.real.x),
        fake=features(subject.fake.x),
        trained=subject.trained,
        train_rows=compared.rows,
        real_rows=subject.real.rows,
        fake_rows=subject.fake.rows,
        searched=len(compared) / len(whole),
        equal=equal(subject.fake.x, whole.x) if subject.trained else 0,
    )
    return subject, sets, features


def _default(subject: Subject, guide: Examples) -> tuple[str, tuple[str, ...]]:
    """What suits the data, and what is to be said of it; a classifier needs enough examples of each class."""
    from allmodes.audit.classifier import FEWEST

    if guide.labels is None:
        return default(subject.event, labelled=False), ()
    classes = len(np.unique(guide.labels))
    name = default(subject.event, labelled=classes > 1)
    if name == "classifier" and len(guide) < FEWEST * classes:
        few = f"{len(guide)} labelled examples are too few for features of a classifier of {classes} classes"
        return default(subject.event, labelled=False), (few,)
    return name, ()


Answer = Finding | tuple[Finding, ...] | None
Question = Callable[[Exam, float], Answer]
"""Asked at a level; a question that is about several figures answers with several findings."""


def questions(exam: Exam) -> dict[str, Question]:
    """What is asked, by name: what the data allow, whatever they would answer."""
    subject = exam.subject
    asked: dict[str, Question] = {"missing": _missing, "invented": _invented}
    if subject.trained:
        asked["copies"] = _copies
    asked["spacing"] = _spacing
    if subject.modes is not None or _classes_are_its_own(subject):
        asked["frequencies"] = _frequencies
    if exam.observables:
        asked["observables"] = _observables
    if exam.constraints:
        asked["residuals"] = _residuals
    if judged(subject):
        asked["conditions"] = _conditions
    if subject.event.layout is Layout.VECTOR and len(subject.event.shape) == 1:
        asked["marginals"] = _marginals
    elif len(subject.event.shape) > 1:
        asked["pixels"] = _pixels
    asked["two_sample"] = _two_sample
    if subject.scorer is not None:
        asked["log_density"] = _log_density
    return asked | {"distances": _distances, "overlap": _overlap}


def _classes_are_its_own(subject: Subject) -> bool:
    """Whether there are classes whose rates are the generator's choice, by labels of its samples or a vote."""
    told = subject.train.labels is not None or subject.fake.labels is not None
    return subject.real.labels is not None and told and len(subject.event.classes) > 1 and not subject.asked


def _missing(exam: Exam, level: float) -> Finding:
    from allmodes.audit.missing import missing

    return missing(exam.sets, level, exam.seed, on=exam.chart)


def _invented(exam: Exam, level: float) -> Finding:
    from allmodes.audit.invented import invented

    return invented(exam.sets, level, exam.seed, device=exam.device)


def _spacing(exam: Exam, level: float) -> Finding:
    from allmodes.audit.spacing import spacing

    return spacing(exam.sets, level, exam.seed, on=exam.chart)


def _frequencies(exam: Exam, level: float) -> Finding:
    """Of known modes, told by the nearest centre; of classes by the samples' labels, or a vote of training examples."""
    from allmodes.audit.frequencies import frequencies

    subject = exam.subject
    if subject.modes is not None:
        real, fake = (_nearest_mode(subject.modes, side.x) for side in (subject.real, subject.fake))
        names = [f"mode {i}" for i in range(len(subject.modes.centres))]
        return frequencies(exam.sets, level, exam.seed, real_label=real, fake_label=fake, names=names)
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


def _nearest_mode(modes: Modes, x: np.ndarray) -> np.ndarray:
    from allmodes.audit.neighbours import nearest

    return nearest(x.astype(np.float32), modes.centres.float().numpy()).index[:, 0]


def _copies(exam: Exam, level: float) -> Finding:
    from allmodes.audit.copies import copies

    return copies(exam.sets, level, exam.seed, device=exam.device)


def _observables(exam: Exam, level: float) -> Finding:
    from allmodes.audit.observables import observables

    return observables(exam.subject, exam.observables, level, exam.seed)


def _residuals(exam: Exam, level: float) -> Finding:
    from allmodes.audit.residuals import residuals

    return residuals(exam.subject, exam.constraints, level)


def _conditions(exam: Exam, level: float) -> Finding:
    from allmodes.audit.conditions import conditions

    return conditions(exam.subject, exam.sets, level, exam.seed)


def _marginals(exam: Exam, level: float) -> Finding:
    from allmodes.audit.marginals import marginals

    return marginals(exam.subject, level, exam.seed)


def _pixels(exam: Exam, level: float) -> Finding:
    from allmodes.audit.pixels import pixels

    return pixels(exam.subject, level, exam.seed)


def _two_sample(exam: Exam, level: float) -> Finding:
    from allmodes.audit.two_sample import two_sample

    return two_sample(exam.sets, level, exam.seed)


def _overlap(exam: Exam, level: float) -> Answer:
    from allmodes.audit.approximate import approximate_coverage
    from allmodes.audit.coverage import coverage

    over = approximate_coverage if exam.neighbours == "approximate" else coverage
    return over(exam.sets, exam.seed, device=exam.device)


def _distances(exam: Exam, level: float) -> Answer:
    from allmodes.audit.distances import distances

    return distances(exam.sets, exam.seed, device=exam.device)


def _log_density(exam: Exam, level: float) -> Answer:
    from allmodes.audit.log_density import log_density

    return log_density(exam.subject, exam.seed)
