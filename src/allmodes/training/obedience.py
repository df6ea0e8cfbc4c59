"""Whether samples are what was asked for: their conditions, told by a judge, and their constraints."""

from __future__ import annotations

import copy
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor

from allmodes.data.dataset import Dataset
from allmodes.data.transforms import Transform
from allmodes.event import Batch, Condition, Event
from allmodes.shares import percent
from allmodes.training.health import LEVEL, Health, in_features

TRAIN_MOST = 5_000
"""Examples that a judge learns from."""
TREES = 100


class ConditionWatch:
    """A judge that has learned conditions from real training examples tells those of samples.

    Of a class it gives the share of samples in which the judge sees the class that was asked for; of a continuous
    condition the judge's estimate minus what was asked for, its mean (bias) and standard deviation (spread), in the
    user's units. The same of held-out examples stands beside them: a judge is never perfect.

    A condition has no effect where what the judge sees does not depend on what was asked for, by a chi-squared test of
    classes and Spearman's of values at level 0.001, while it does in held-out examples.

    Arguments:
        dataset: its training part teaches, its validation part is held out.
        transform: to the units in which the judge looks, fitted.
    """

    def __init__(self, dataset: Dataset, transform: Transform, seed: int = 0) -> None:
        self.event, self.transform = dataset.event, copy.deepcopy(transform).cpu()
        train = dataset.batch(dataset.split.train[:TRAIN_MOST])
        features = self._features(train.x)
        self.judges = {
            name: _judge(features, known.numpy(), name == self.event.label, seed)
            for name, known in _parts(self.event, train.condition).items()
        }
        self.real = dataset.part("validation")

    def examine(self, samples: Tensor, asked: Condition) -> Health:
        """Samples in the user's units, [n, *shape], and what was asked of each."""
        if not len(self.real.x):
            return Health("ok", "conditions cannot be judged: no example is held out")
        if not samples.isfinite().all():
            return Health("ok", "conditions cannot be judged: numbers are not finite")
        sides = [(self.real.x, self.real.condition), (samples, asked)]
        seen = [(self._features(x), _parts(self.event, condition)) for x, condition in sides]
        numbers: dict[str, float] = {}
        said, ignored = [], []
        for name, judge in self.judges.items():
            (real, real_known), (fake, fake_known) = (
                (judge.predict(features), known[name].numpy()) for features, known in seen
            )
            judged = _agreement if name == self.event.label else _bias
            words, found = judged(name, real, real_known, fake, fake_known)
            test = _depends if name == self.event.label else _ranks
            numbers |= found
            if test(real, real_known) < LEVEL <= test(fake, fake_known):
                ignored.append(name)
                words = f"{name} has no effect: {words}"
            said.append(words)
        return Health("ignores_condition" if ignored else "ok", "; ".join(said), numbers)

    def _features(self, x: Tensor) -> np.ndarray:
        return in_features(self.transform, x)


def _parts(event: Event, condition: Condition) -> dict[str, Tensor]:
    """Each class or value by its name, [n]."""
    parts: dict[str, Tensor] = {}
    if condition.labels is not None and len(event.classes) > 1:
        parts[event.label] = condition.labels
    if condition.values is not None:
        parts |= dict(zip(event.variables, condition.values.T, strict=True))
    return {name: part.cpu() for name, part in parts.items()}


def _judge(features: np.ndarray, known: np.ndarray, classes: bool, seed: int) -> Any:
    """A forest or a linear model, whichever does better on a fifth of the examples that it did not learn from."""
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    forest = ExtraTreesClassifier if classes else ExtraTreesRegressor
    linear = LogisticRegression(max_iter=300) if classes else RidgeCV(np.logspace(-3, 3, 7))
    candidates: list[Any] = [forest(TREES, random_state=seed), make_pipeline(StandardScaler(), linear)]
    kept = max(1, len(features) // 5)
    if classes and len(set(known[kept:])) < 2:
        return candidates[0].fit(features, known)
    scores = [c.fit(features[kept:], known[kept:]).score(features[:kept], known[:kept]) for c in candidates]
    return candidates[int(np.argmax(scores))].fit(features, known)


Words = tuple[str, dict[str, float]]


def _agreement(name: str, real: np.ndarray, wanted: np.ndarray, fake: np.ndarray, asked: np.ndarray) -> Words:
    ours, theirs = float((fake == asked).mean()), float((real == wanted).mean())
    return (
        f"a judge sees the {name} that was asked for in {percent(ours)} of the samples and in {percent(theirs)} of "
        "held-out examples",
        {f"{name}.agreement": ours, f"{name}.agreement_real": theirs},
    )


def _bias(name: str, real: np.ndarray, wanted: np.ndarray, fake: np.ndarray, asked: np.ndarray) -> Words:
    ours, theirs = fake - asked, real - wanted
    return (
        f"a judge sees {name} {ours.mean():+.3g} ± {ours.std():.3g} from what was asked for, in held-out examples "
        f"{theirs.mean():+.3g} ± {theirs.std():.3g}",
        {
            f"{name}.bias": float(ours.mean()),
            f"{name}.spread": float(ours.std()),
            f"{name}.bias_real": float(theirs.mean()),
            f"{name}.spread_real": float(theirs.std()),
        },
    )


def _depends(seen: np.ndarray, asked: np.ndarray) -> float:
    """The p-value of a class that is seen for not depending on the one asked for."""
    stats: Any = import_module("scipy.stats")

    table = np.zeros((seen.max() + 1, asked.max() + 1))
    np.add.at(table, (seen, asked), 1)
    table = table[table.any(1)][:, table.any(0)]
    return 1.0 if min(table.shape) < 2 else stats.chi2_contingency(table).pvalue


def _ranks(seen: np.ndarray, asked: np.ndarray) -> float:
    """The p-value of a value that is seen for not rising with the one asked for."""
    stats: Any = import_module("scipy.stats")

    if np.ptp(seen) == 0 or np.ptp(asked) == 0:
        return 1.0
    return stats.spearmanr(seen, asked, alternative="greater").pvalue


Residuals = Callable[[Tensor, Condition], dict[str, Tensor]]


def distribution(residuals: Residuals, samples: Batch, real: Batch, device: torch.device | str = "cpu") -> Words:
    """How far samples are from obeying constraints, and held-out examples beside them.

    Arguments:
        residuals: as of a model, by constraint.
        device: of the model.

    Returns:
        A sentence and the quantiles of the residuals' sizes, by name.
    """
    said, numbers = [], {}
    sides = [side.to(device) for side in (samples, real)]
    with torch.no_grad():
        ours, held_out = (residuals(side.x, side.condition) if len(side.x) else {} for side in sides)
    for name, residual in ours.items():
        size = residual.detach().double().abs().cpu()
        middle, most, largest = (float(q) for q in size.quantile(torch.tensor([0.5, 0.95, 1.0], dtype=size.dtype)))
        numbers |= {
            f"residual.{name}.median": middle,
            f"residual.{name}.q95": most,
            f"residual.{name}.largest": largest,
            f"residual.{name}.mean": float(residual.double().mean()),
        }
        beside = ""
        if name in held_out:
            usual = float(held_out[name].double().abs().median())
            numbers[f"residual.{name}.median_real"] = usual
            beside = f", median of held-out examples {usual:.2g}"
        said.append(f"residual of {name}: median {middle:.2g}, 95 % below {most:.2g}, largest {largest:.2g}{beside}")
    return "; ".join(said), numbers
