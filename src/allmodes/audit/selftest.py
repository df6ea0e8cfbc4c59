"""Faults planted in the user's own real data: what this audit would see, in these features, with so many examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from allmodes.audit.exam import Exam
from allmodes.audit.finding import Verdict
from allmodes.audit.missing import QUESTION as MISSING
from allmodes.audit.missing import smallest_mode
from allmodes.audit.planting import Groups, noisy, pool_of
from allmodes.audit.question import Question
from allmodes.audit.questions import questions
from allmodes.audit.regions import grow
from allmodes.audit.wording import spoken
from allmodes.progress import Progress
from allmodes.shares import percent

GROUP = 0.1
"""Share of the data of the group that the short form leaves out."""
SIZES = (0.1, 0.05, 0.02)
"""Of the groups of the full form."""
SHORT_TRIALS, FULL_TRIALS = 4, 20
THIN, COPIED = 0.1, 0.05
"""A thin group comes at this share of its rate; copies are this share of the samples."""
BLUR, COPY_NOISE = 0.3, 0.01
"""Noise, in standard deviations of each number, that blurs an example and that hides a copy."""
LEFT_OUT = "a group left out"
SEEN = 0.8
"""Share of trials in which a fault is seen that is surely seen; in at most the rest of them it counts as unseen."""


@dataclass(frozen=True)
class Planted:
    """One kind of fault, planted again and again.

    Arguments:
        fault: "nothing", "a group left out", ...
        mass: share of the data that it concerns, on average.
        seen: name of a question -> in how many trials it was answered "found".
        whole: in how many trials any of them was.
        trials: how many.
    """

    fault: str
    mass: float
    seen: Mapping[str, int]
    whole: int
    trials: int


@dataclass(frozen=True)
class SelfTest:
    """What was planted and what was seen.

    Arguments:
        planted: each fault.
        n_real, n_fake: examples of each kind in a trial.
        groups: what the groups are: classes, or clusters.
        full: whether every question was asked; else the one for what is missing.
        enough: share of the data of the smallest group that so many examples show where features tell it apart.
    """

    planted: tuple[Planted, ...]
    n_real: int
    n_fake: int
    groups: str
    full: bool
    enough: float = 0.0

    @property
    def how(self) -> str:
        """How it was done, for the report."""
        asked = "all questions that decide" if self.full else "the question what is missing"
        return (
            f"Faults were planted in real data: {self.n_real:,} real examples stood for the held-out ones and "
            f"{self.n_fake:,} others, with the fault, for the generated ones; {asked} answered at the level of "
            f"the audit. Groups are {self.groups}. A fault counts as seen where any of the questions finds "
            "something; under “nothing” that is a false alarm."
        )

    @property
    def largest(self) -> Planted | None:
        """The largest group that was left out."""
        left = [one for one in self.planted if one.fault == LEFT_OUT]
        return max(left, key=lambda planted: planted.mass) if left else None

    @property
    def blind(self) -> bool:
        """Whether features show hardly ever a group that is left out, of a size for which there are examples enough."""
        one = self.largest
        return one is not None and self._unseen(one) and one.mass > self.enough

    @staticmethod
    def _unseen(one: Planted) -> bool:
        return one.trials - one.whole >= SEEN * one.trials

    @property
    def sentence(self) -> str:
        """What was seen, in half a sentence."""
        if (one := self.largest) is None:
            return "no group could be planted as a test"
        trials = f"{one.whole} of {one.trials} trials"
        return f"in these features a missing group of {_about(one.mass)} was seen in {trials}"

    def rows(self) -> list[tuple[str, ...]]:
        """A line each fault: planted, share of the data, by which questions, in how many trials, trials."""
        return [
            (
                one.fault,
                percent(one.mass) if one.mass else "",
                ", ".join(f"{spoken(name)} {count}" for name, count in one.seen.items() if count) or "none",
                percent(one.whole / one.trials),
                str(one.trials),
            )
            for one in self.planted
        ]

    def series(self) -> dict[str, tuple[list[float], list[float]]]:
        """Share of the data against share seen, of faults that were planted in more than one size."""
        lines: dict[str, tuple[list[float], list[float]]] = {}
        for one in sorted(self.planted, key=lambda planted: planted.mass):
            if one.mass:
                masses, shares = lines.setdefault(one.fault, ([], []))
                masses.append(one.mass)
                shares.append(one.whole / one.trials)
        return {name: line for name, line in lines.items() if len(line[0]) > 1}

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return asdict(self) | {"sentence": self.sentence}


def plant(exam: Exam, levels: Mapping[str, float], *, full: bool, report: Progress | None = None) -> SelfTest | None:
    """Plant faults in real data and see what finds them.

    Short: a group of about a tenth of the data is left out, four times; the question for what is missing is asked.
    Full: nothing, groups of three sizes left out, one thinned, blur and copies, 20 times each; every question about
    features that decides is asked, copies only where the generator's training examples are known.

    Arguments:
        levels: of the questions, as in the audit.
        report: told of progress.

    Returns:
        None where there are too few examples.
    """
    pool = pool_of(exam)
    if pool is None:
        return None
    asked = [one for one in questions(exam).values() if one.planted] if full else [MISSING]
    regions = grow(pool.train, exam.seed)
    trials = FULL_TRIALS if full else SHORT_TRIALS
    groups = Groups(pool, exam.subject.event, exam.seed)
    faults = _faults(groups, exam, full)
    planted = []
    for i, (name, fault) in enumerate(faults):
        counts, whole, masses = dict.fromkeys((one.name for one in asked), 0), 0, []
        for trial in range(trials):
            if report:
                report(i * trials + trial, len(faults) * trials, f"self-test, {name}")
            rng = np.random.default_rng([exam.seed, i, trial])
            real, fake = pool.draw(rng)
            features, mass = fault(fake, trial, rng)
            tried = replace(exam, sets=pool.sets(real, features), seed=trial, regions=regions)
            found = [one.name for one in asked if _found(one, tried, levels[one.name])]
            for question in found:
                counts[question] += 1
            masses.append(mass)
            whole += bool(found)
        planted.append(Planted(name, float(np.mean(masses)), counts, whole, trials))
    n_real, n_fake = pool.n_real, len(pool.x) - pool.n_real
    enough = smallest_mode(n_real, n_fake, levels["missing"], regions)
    return SelfTest(tuple(planted), n_real, n_fake, groups.spoken, full, enough)


Fault = Callable[[np.ndarray, int, np.random.Generator], tuple[np.ndarray, float]]


def _found(question: Question, exam: Exam, level: float) -> bool:
    return any(one.verdict is Verdict.FOUND for one in question.findings(exam, level))


def _faults(groups: Groups, exam: Exam, full: bool) -> list[tuple[str, Fault]]:
    """What is planted, in order."""
    pool = groups.pool

    def left_out(size: float, kept: float) -> Fault:
        def fault(fake: np.ndarray, trial: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
            group = groups.choose(size, trial)
            stays = ~group[fake] | (rng.random(len(fake)) < kept)
            return pool.features[fake[stays]], float(group.mean()) * (1 - kept)

        return fault

    if not full:
        return [(LEFT_OUT, left_out(GROUP, 0.0))]

    def blurred(fake: np.ndarray, trial: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        return exam.features(noisy(pool.x[fake], exam.subject.event, BLUR, rng)), 1.0

    def copied(fake: np.ndarray, trial: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        count = round(COPIED * len(fake))
        originals = pool.train_x[rng.integers(0, len(pool.train_x), count)]
        features = pool.features[fake].copy()
        features[:count] = exam.features(noisy(originals, exam.subject.event, COPY_NOISE, rng))
        return features, COPIED

    faults: list[tuple[str, Fault]] = [("nothing", lambda fake, trial, rng: (pool.features[fake], 0.0))]
    faults += [(LEFT_OUT, left_out(size, 0.0)) for size in SIZES]
    faults.append((f"a group at {100 * THIN:g} % of its rate", left_out(GROUP, THIN)))
    faults.append((f"blur: noise of {BLUR:g} standard deviations", blurred))
    if exam.subject.trained:
        faults.append(("copies of training examples", copied))
    return faults


def _about(share: float) -> str:
    """A share in a sentence: 9.7 % is about 10 %."""
    return f"{100 * share:.0f} %" if share >= 0.02 else percent(share)
