"""What the GAN of 2014 misses of real handwritten digits, and what the default does: two audits.

    python docs/gallery/audited.py [--quick]

Each is trained on the training part, and its samples are compared with examples that it never saw, in features of a
classifier that is trained on the labels. Missed regions are shown by their most typical held-out examples, beside the
generated ones that are nearest to them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from showing import arguments, pictures, save, stops, strips, trainer_of

from allmodes.audit.api import Audit, audit
from allmodes.data.dataset import Dataset
from allmodes.random import Rng
from allmodes.shares import percents

STEPS = {"gan2014": 8_000, "r3gan": 4_000}
"""One minute and three, about, on two processor cores."""
SHOWN = 12
ROWS = 3


def audited(recipe: str, data: Dataset, asked: Any) -> Audit:
    """The audit of a recipe's samples."""
    trainer = trainer_of(recipe, data, 20 if asked.quick else STEPS[recipe], device=asked.device)
    list(stops(trainer, ()))
    held_out, count = data.batch(data.split.test[:5_000]), 500 if asked.quick else 10_000
    seen = data.batch(data.split.train[:10_000])
    made = trainer.sample(count, Rng(0, trainer.device)).cpu()
    assert held_out.condition.labels is not None
    assert seen.condition.labels is not None
    return audit(
        real=held_out.x.numpy(),
        fake=made.numpy(),
        train=seen.x.numpy(),
        labels={"real": held_out.condition.labels.numpy(), "train": seen.condition.labels.numpy()},
        self_test="none" if asked.quick else "short",
        name=recipe,
        device=asked.device,
    )


def missed(one: Audit) -> tuple[torch.Tensor, str]:
    """For each of the worst regions a row of held-out examples and one of the nearest generated ones; a sentence."""
    finding = next(finding for finding in one.findings if finding.name == "missing")
    real, fake = one.subject.real.x, one.subject.fake.x
    rows: list[np.ndarray] = []
    for region in finding.regions[:ROWS]:
        rows += [real[list(region.examples[:SHOWN])], fake[list(region.fake_examples[:SHOWN])]]
    if not rows:
        rows = [fake[:SHOWN]]
    lines = torch.zeros(len(rows), SHOWN, *real.shape[1:3])
    for line, row in zip(lines, rows, strict=True):
        line[: len(row)] = torch.from_numpy(np.asarray(row)).float()
    return lines, f"{one.name}: misses {percents(finding.estimate, finding.low, finding.high)} of the data"


def main() -> None:
    asked = arguments(__doc__)
    data = pictures()
    figure = Figure(figsize=(10.5, 3.6), layout="constrained")
    for axes, recipe in zip(figure.subplots(1, len(STEPS)), STEPS, strict=True):
        one = audited(recipe, data, asked)
        print(one.sentence)
        strips(axes, *missed(one))
    save(figure, asked.out, "audited")


if __name__ == "__main__":
    main()
