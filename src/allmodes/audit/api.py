"""An audit: what a generator misses, invents and copies, as findings with a verdict and a report."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from allmodes.atomic import write_whole
from allmodes.audit.context import hidden, in_context
from allmodes.audit.exam import Exam, prepare
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.functions import Given, named_functions
from allmodes.audit.inputs import subject_of
from allmodes.audit.lacking import lacking
from allmodes.audit.levels import levels
from allmodes.audit.maps import Features
from allmodes.audit.questions import questions
from allmodes.audit.runs import subject_of_run
from allmodes.audit.selftest import SelfTest, plant
from allmodes.audit.sets import Sets
from allmodes.audit.subject import Examples, Subject
from allmodes.audit.verdict import Said, claims
from allmodes.audit.wording import spoken
from allmodes.device import device_named
from allmodes.errors import UserError, path_of
from allmodes.event import Event
from allmodes.plain import plain
from allmodes.progress import Progress
from allmodes.random import require_seed
from allmodes.version import version

PROGRAMS = ("allmodes", "torch", "numpy", "scipy", "scikit-learn")
"""Whose versions a report names."""


@dataclass(frozen=True, eq=False)
class Audit:
    """What an audit found.

    Arguments:
        findings: one for each question that was asked.
        alpha: chance that the audit of a generator without fault fails.
        subject: what was examined, in the user's units.
        sets: the same in the features.
        features: in what numbers it was looked at.
        seed: of every draw.
        self_test: what the audit would have seen of faults that were planted in the real data; None where none were.
        name: what the generator is called in the report; where the samples come from if left out.
        seconds: that it took.
        device: where features and distances were computed.
    """

    findings: tuple[Finding, ...]
    alpha: float
    subject: Subject
    sets: Sets
    features: Features
    seed: int
    self_test: SelfTest | None = None
    name: str | None = None
    seconds: float = 0.0
    device: str = "cpu"

    @property
    def verdict(self) -> Literal["pass", "fail"]:
        """Fail where a question that decides was answered "found", else pass."""
        return "fail" if any(one.decides and one.verdict is Verdict.FOUND for one in self.findings) else "pass"

    @property
    def answer(self) -> Literal["pass", "fail", "cannot tell"]:
        """The verdict for people."""
        return "cannot tell" if self.undecided else self.verdict

    @property
    def undecided(self) -> bool:
        """Whether nothing was found and nothing could be: too few examples, or features that show no missing group."""
        return self.said.undecided

    @property
    def sentence(self) -> str:
        """The verdict in one sentence: what was found, in which features, from how many examples, what could hide."""
        return self.said.sentence

    @property
    def said(self) -> Said:
        """The verdict in parts."""
        real, fake = len(self.subject.real), len(self.subject.fake)
        return Said(
            claims(self.findings),
            lacking(self.subject),
            self.self_test is not None and self.self_test.blind,
            f"{real:,} held-out and {fake:,} generated examples in {self.features.name} features at level "
            f"{100 * self.alpha:g} %",
            self.hides,
        )

    @property
    def hides(self) -> str:
        """What could be there and not be seen, in half a sentence; empty where that was not computed."""
        return hidden(self.findings, self.self_test)

    @property
    def title(self) -> str:
        """What was audited."""
        return self.name or self.subject.title

    @property
    def event(self) -> Event:
        """What one example is."""
        return self.subject.event

    @property
    def how(self) -> dict[str, str]:
        """How it was done, so that it can be done again."""
        import platform

        subject = self.subject
        return {side: f"{source['name']} ({source['digest']})" for side, source in subject.sources.items()} | {
            "examples": f"{len(subject.real):,} held-out, {len(subject.fake):,} generated, {len(subject.train):,} "
            + ("training" if subject.trained else "real ones in place of training ones"),
            "features": f"{self.features.name}: {self.features.summary}",
            "level": f"{self.alpha:g} for all questions together: "
            + ", ".join(f"{one.name} {one.level:.4g}" for one in self.findings if one.decides),
            "seed": str(self.seed),
            "versions": ", ".join(f"{name} {version(name)}" for name in PROGRAMS)
            + f", Python {platform.python_version()}",
            "device": self.device,
            "threads": str(torch.get_num_threads()),
            "seconds": f"{self.seconds:.1f}",
        }

    def to_dict(self, report: Path | None = None) -> dict[str, Any]:
        """What other programs rely on, as plain values for JSON.

        Arguments:
            report: where `save` has written it.
        """
        return {
            "verdict": self.verdict,
            "undecided": self.undecided,
            "alpha": self.alpha,
            "n_real": len(self.subject.real),
            "n_fake": len(self.subject.fake),
            "findings": [_brief(one) for one in self.findings],
            "report": str(report) if report else None,
        }

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write report.html, which opens from disk with everything in it, and audit.json.

        audit.json holds what `to_dict` gives, and besides `sentence`, `notes`, `how`, `details` (the findings with
        their pairs and figures) and `self_test`.

        Returns:
            the path of report.html.

        Raises:
            UserError: where the folder cannot be written, or the disk is full.
        """
        from allmodes.audit.report import page

        folder = path_of(folder)
        path = folder / "report.html"
        html = page(self).encode(errors="backslashreplace")
        write_whole(path, lambda file: file.write(html))
        more = {
            "sentence": self.sentence,
            "notes": self.subject.notes,
            "how": self.how,
            "details": [one.to_dict() for one in self.findings],
            "self_test": self.self_test.to_dict() if self.self_test else None,
        }
        text = json.dumps(plain(self.to_dict(path) | more), indent=1, allow_nan=False).encode()
        write_whole(folder / "audit.json", lambda file: file.write(text))
        return path

    def real_examples(self, rows: Sequence[int]) -> np.ndarray:
        """Held-out examples by their index in the user's file."""
        return _by_row(self.subject.real, rows)

    def fake_examples(self, rows: Sequence[int]) -> np.ndarray:
        """Generated examples by their index."""
        return _by_row(self.subject.fake, rows)

    def train_examples(self, rows: Sequence[int]) -> np.ndarray:
        """Training examples by their index."""
        return _by_row(self.subject.train, rows)

    @cached_property
    def map(self) -> tuple[np.ndarray, np.ndarray, tuple[str, str]]:
        """Held-out and generated examples in the plane, [n, 2] and [m, 2], and the names of its axes.

        Points of the plane as they are; anything else by the two principal components of the held-out features.
        """
        subject, event = self.subject, self.event
        if event.shape == (2,):
            names = event.columns or ("x", "y")
            return subject.real.x, subject.fake.x, (names[0], names[1])
        mean = self.sets.real.mean(0)
        _, _, axes = np.linalg.svd(self.sets.real[:5_000] - mean, full_matrices=False)
        planes = [(side - mean) @ axes[:2].T for side in (self.sets.real, self.sets.fake)]
        if axes.shape[0] < 2:
            planes = [np.pad(plane, ((0, 0), (0, 1))) for plane in planes]
        return planes[0], planes[1], ("first principal component", "second")


def audit(
    run: Any = None,
    *,
    real: Any = None,
    fake: Any = None,
    train: Any = None,
    labels: Any = None,
    conditions: Any = None,
    features: Any = None,
    observables: Mapping[str, Given] | Iterable[Given] | Given | None = None,
    constraints: Mapping[str, Given] | Iterable[Given] | Given | None = None,
    alpha: float = 0.05,
    seed: int = 0,
    n_fake: int | None = None,
    self_test: Literal["none", "short", "full"] = "short",
    name: str | None = None,
    label: str | None = None,
    condition: str | Sequence[str] = (),
    resize: int | tuple[int, int] | None = None,
    device: str | None = None,
    neighbours: Literal["exact", "approximate"] = "exact",
    report: Progress | None = None,
) -> Audit:
    """Examine what a generator makes: what it misses, invents and copies.

    Either a run of ours, whose own held-out examples are compared with samples that are drawn for it; or `real` and
    `fake` from any source.

    Arguments:
        run: as `allmodes.load` and `allmodes.train` give it.
        real: examples that the generator was not trained on: an array [n, *shape], a path in any format that
            `load_data` reads, or a `Dataset`. With a run: the data it was trained on, where they were an array.
        fake: generated examples.
        train: what it was trained on; without it copies cannot be told.
        labels, conditions: of real, as `load_data` takes them; or {"real": ..., "fake": ..., "train": ...}.
        features: in what numbers examples are compared: a name (`allmodes features`), "module:function", a function or
            a torch module; what suits the data if left out.
        observables: functions of examples [n, *shape], or of examples and their `Condition`, that give one number each;
            or "module:function". A mapping names them, and so does "name=module:function".
        constraints: the same; 0 where an example obeys.
        alpha: chance that a generator without fault fails.
        seed: of samples and of every draw.
        n_fake: samples to draw from a run; 5 to 10 times the held-out examples if left out.
        self_test: whether faults are planted in the real data to see what would be found: "short" takes seconds, "full"
            minutes.
        name: what to call the generator in the report.
        label, condition: columns or arrays of files, or columns of data frames, that hold labels and conditions.
        resize: rows and columns to scale images of real, fake and train to; one number for both.
        device: where features are computed and samples drawn, "cpu" or "cuda"; a GPU if there is one.
        neighbours: "approximate" makes precision, recall, density and coverage of very many examples faster and says
            what that does to them; needs the extra `approximate`. Tests always have exact neighbours.
        report: told of progress.

    Raises:
        UserError: for sets that cannot be compared, features or functions that fail, or an alpha that is no chance.
    """
    begun = time.perf_counter()
    levels(alpha, [])
    seed = require_seed(seed, bits=32)  # as scikit-learn takes them
    _known_neighbours(neighbours)
    device = str(device_named(device))
    functions = named_functions(observables, "observable")
    obeyed = named_functions(constraints, "constraint")
    if run is not None:
        if fake is not None or train is not None:
            raise UserError("give a run, or real= and fake=, not both: a run has its own held-out data and samples")
        if label is not None or condition or resize is not None:
            raise UserError("label, condition and resize are of files; leave them out: a run knows its own")
        subject = subject_of_run(
            run, real, labels=labels, conditions=conditions, n_fake=n_fake, seed=seed, device=device
        )
    else:
        if n_fake is not None:
            raise UserError(f"n_fake={n_fake}: samples are drawn from a run alone; leave it out")
        subject = subject_of(
            real,
            fake,
            train,
            labels=labels,
            conditions=conditions,
            label=label,
            condition=condition,
            resize=resize,
            seed=seed,
        )
    subject, sets, made = prepare(subject, features, seed, device)
    exam = Exam(subject, sets, made, functions, obeyed, seed, device, neighbours)
    findings: list[Finding] = []
    asked = questions(exam)
    parts = levels(alpha, asked)
    for done, question in enumerate(asked.values()):
        if report:
            report(done, len(asked) + 1, spoken(question.name))
        findings += question.findings(exam, parts[question.name])
    if report:
        report(len(asked), len(asked) + 1, "self-test")
    tested = (
        plant(exam, parts, full=self_test == "full", report=report) if self_test != "none" and subject.enough else None
    )
    return Audit(
        findings=in_context(findings, subject, tested),
        alpha=alpha,
        subject=subject,
        sets=sets,
        features=made,
        seed=seed,
        self_test=tested,
        name=name,
        seconds=time.perf_counter() - begun,
        device=device,
    )


def _known_neighbours(neighbours: str) -> None:
    """Said before the work, not after it."""
    if neighbours not in ("exact", "approximate"):
        raise UserError(f'neighbours={neighbours!r}: give "exact" or "approximate"')
    if neighbours == "approximate":
        from allmodes.audit.approximate import library

        library()


def _brief(finding: Finding) -> dict[str, Any]:
    """A finding in the keys that other programs rely on."""
    brief: dict[str, Any] = {
        "name": finding.name,
        "verdict": str(finding.verdict),
        "estimate": finding.estimate,
        "low": finding.low,
        "high": finding.high,
        "p_value": finding.p_value,
        "floor": finding.floor,
    }
    if finding.regions:
        keys = ("real_mass", "fake_mass", "low", "high", "examples", "fake_examples")
        brief["regions"] = [{key: getattr(region, key) for key in keys} for region in finding.regions]
    return brief


def _by_row(examples: Examples, rows: Sequence[int]) -> np.ndarray:
    order = np.argsort(examples.rows)
    return examples.x[order[np.searchsorted(examples.rows[order], np.asarray(rows, np.int64))]]
