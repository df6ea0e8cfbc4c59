"""What the questions of an audit are asked of, and how it is prepared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from allmodes.audit.features import default, fit_features
from allmodes.audit.functions import Function
from allmodes.audit.maps import Features, Task
from allmodes.audit.regions import Chart, Regions, chart
from allmodes.audit.sets import Sets, equal
from allmodes.audit.subject import Examples, Subject

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
        regions: of the training examples, where they have been grown already.
    """

    subject: Subject
    sets: Sets
    features: Features
    observables: Mapping[str, Function] = field(default_factory=dict)
    constraints: Mapping[str, Function] = field(default_factory=dict)
    seed: int = 0
    device: str = "cpu"
    neighbours: str = "exact"
    regions: Regions | None = None

    @cached_property
    def chart(self) -> Chart:
        """Regions of the training examples, made once for all questions that need them."""
        return chart(self.sets, self.seed, self.device, self.regions)


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
