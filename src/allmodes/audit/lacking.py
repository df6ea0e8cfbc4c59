"""Which set of examples is too small to tell anything, and what to give."""

from __future__ import annotations

import math

from allmodes.audit.enough import FEWEST
from allmodes.audit.exam import GUIDE_SHARE
from allmodes.audit.inputs import TREE_SHARE
from allmodes.audit.subject import Subject


def lacking(subject: Subject) -> tuple[str, ...]:
    """The sets that are too small, each with how many it takes: "90 held-out examples are too few: give at least 100".

    Arguments:
        subject: as it is compared, without the training examples that features were fitted to.
    """
    train, real, fake = len(subject.train), len(subject.real), len(subject.fake)
    said = []
    if not subject.trained and min(train, real) < FEWEST:
        said.append(
            f"{train + real} real examples are too few where {train} of them make the map: give at least "
            f"{math.ceil(FEWEST / TREE_SHARE)}, or training examples too"
        )
    elif real < FEWEST:
        said.append(f"{real} held-out examples are too few: give at least {FEWEST}")
    if subject.trained and train < FEWEST:
        said.append(
            f"{train} training examples are too few beside those that features were fitted to: give at least "
            f"{math.ceil(FEWEST / (1 - GUIDE_SHARE))} in all"
        )
    if fake < FEWEST:
        said.append(f"{fake} generated examples are too few: give at least {FEWEST}")
    return tuple(said)
