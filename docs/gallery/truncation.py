"""BigGAN: a row for each class, and what truncated latents trade: fidelity against diversity.

    python docs/gallery/truncation.py [--quick]

Precision (share of samples that look like data) and recall (share of data that samples reach) are of 1904.06991, in
whitened principal components.
"""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from showing import DATA, MADE, OTHER, arguments, pictures, plain, save, stops, strips, trainer_of
from torch import Tensor

from allmodes.audit.coverage import overlap
from allmodes.event import Condition
from allmodes.models.base import evaluating
from allmodes.random import Rng

THRESHOLDS = (2.0, 1.5, 1.0, 0.5, 0.25)
COMPARED = 5000
NEIGHBOURS = 5


def both(real: Tensor, fake: Tensor) -> tuple[float, float]:
    """Precision and recall of features, [n, d] each."""
    shares = overlap(real.numpy(), fake.numpy(), k=NEIGHBOURS).figures()
    return shares["precision"].value, shares["recall"].value


def main() -> None:
    asked = arguments(__doc__)
    data = pictures()
    width, steps = (8, 3) if asked.quick else (16, 2_000)
    # A small one, for a processor: the paper's batches of 2048 are not needed for ten classes of digits.
    small = {"width": width, "batch": 64, "accumulate": 1, "turns": 1, "rate": 4e-4}
    trainer = trainer_of("biggan", data, steps, device=asked.device, **small)
    list(stops(trainer, ()))
    model, device = trainer.model, trainer.device
    classes = len(data.event.classes)
    real = data.part("test").x[:COMPARED].flatten(1).float()
    mean, (_, s, axes) = real.mean(0), torch.linalg.svd(real - real.mean(0), full_matrices=False)
    kept = axes[:32] / (s[:32, None] / len(real) ** 0.5)

    def inside(x: Tensor) -> Tensor:
        return (x.flatten(1).float() - mean) @ kept.T

    with trainer.average.applied(), evaluating(model):
        labels = torch.arange(classes, device=device)
        rows = []
        for threshold in (2.0, 0.5):
            cut = model.truncated(threshold)
            asked_for = Condition(labels.repeat_interleave(12))
            rows.append(cut.sample(12 * classes, asked_for, rng=Rng(0, device)).cpu().unflatten(0, (classes, 12)))
        found = []
        for threshold in THRESHOLDS:
            wanted = Condition(labels.repeat(-(-COMPARED // classes))[:COMPARED])
            x = model.truncated(threshold).sample(COMPARED, wanted, rng=Rng(1, device)).cpu()
            found.append(both(inside(real), inside(x)))
            print(f"threshold {threshold}: precision {found[-1][0]:.3f}, recall {found[-1][1]:.3f}")

    figure = Figure(figsize=(10.5, 4.0), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 1.1))
    strips(left, rows[0], "a row for each class, latents up to 2")
    strips(middle, rows[1], "the same up to 0.5: more alike")
    precision, recall = zip(*found, strict=True)
    plain(right, "truncation: fidelity against diversity")
    right.plot(recall, precision, "o-", color=MADE)
    for threshold, (p, r) in zip(THRESHOLDS, found, strict=True):
        right.annotate(f" {threshold:g}", (r, p), fontsize=11, color=DATA)
    p, r = both(inside(real), inside(data.part("validation").x[:COMPARED]))
    right.plot(r, p, "s", color=OTHER)
    right.annotate("real against real  ", (r, p), fontsize=11, color=OTHER, ha="right", va="center")
    right.set(xlabel="recall: diversity", ylabel="precision: fidelity")
    save(figure, asked.out, "truncation")


if __name__ == "__main__":
    main()
