"""Image recipes, each trained for the same time on MNIST and Fashion-MNIST at 32 x 32.

    python benchmarks/images.py [--recipes dcgan,sngan,r3gan,r3gan+width=64] [--data mnist,fashion] [--minutes 5]
                                [--device cpu] [--samples 10000] [--quick] [--out benchmarks/results/images.md]

The files are those of MNIST, under ALLMODES_DATA; a margin of zeros makes 32 x 32 of 28 x 28.
A recipe's number of steps is what its pace, measured first, gives in the time. Samples are held against the official
test set, in the 128 features of a classifier that was trained on the training set: Frechet distance, and precision and
recall by nearest neighbours (1904.06991). The floor is what the held-out fifth of the training files, which no GAN
here was trained on, has in the place of samples.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from common import arguments, markdown, publish, say, surroundings, write_json
from digits import Judge, pictures, sample, train_judge, trainer_for, variant
from torch import Tensor

from allmodes.audit.coverage import overlap
from allmodes.audit.distances import frechet
from allmodes.data.dataset import Dataset, load_data
from allmodes.device import device_named
from allmodes.figures import save_samples
from allmodes.recipes import recipes
from allmodes.training.budget import steps_within
from allmodes.training.hardware import threads, threads_for

SIDE = 32
NEIGHBOURS = 5


def scores(judge: Judge, real: Tensor, fake: Tensor) -> dict[str, float]:
    """Of fake pictures against real ones, [n, rows, columns] each; the distance with its standard error."""
    a, b = (judge.features(x).numpy() for x in (real, fake))
    distance = frechet(a, b)
    shares = overlap(a, b, k=NEIGHBOURS, device=judge.device).figures()
    return {
        "frechet": distance.value,
        "frechet_error": distance.error,
        "precision": shares["precision"].value,
        "recall": shares["recall"].value,
    }


def trained(
    word: str, data: Dataset, seconds: float, device: torch.device, n: int, picture: Path | None
) -> tuple[Tensor, dict[str, float]]:
    """N samples of a recipe after so many seconds, and what the training was."""
    name, settings = variant(word)
    steps = steps_within(name, data, seconds, settings=settings, device=device)
    trainer = trainer_for(name, data, settings, steps, 0, device)
    with threads(threads_for(trainer.model)):
        begun = time.perf_counter()
        for done in trainer:
            if done % 100 == 0:
                trainer.fetch()
        trainer.fetch()
        spent = time.perf_counter() - begun
        samples = sample(trainer, data, n)
    if picture:
        save_samples(picture, samples, data.event, samples)
    parameters = sum(p.numel() for p in trainer.model.parameters())
    return samples, {"parameters": parameters, "steps": trainer.step, "seconds": spent}


def row(data: str, recipe: str, found: dict[str, float]) -> dict[str, str]:
    trained = "steps" in found
    return {
        "data": data,
        "recipe": recipe,
        "weights": f"{found['parameters']:,.0f}" if trained else "",
        "steps": f"{found['steps']:,.0f}" if trained else "",
        "seconds": f"{found['seconds']:.0f}" if trained else "",
        "Fréchet distance": f"{found['frechet']:.2f} ± {found['frechet_error']:.2f}",
        "precision": f"{found['precision']:.3f}",
        "recall": f"{found['recall']:.3f}",
    }


def main() -> None:
    parser = arguments(__doc__)
    known = [name for name in ("gan2014", "dcgan", "wgan-gp", "sngan", "biggan", "r3gan") if name in recipes()]
    parser.add_argument("--recipes", default=",".join(known), help="each with +NAME=VALUE for other settings")
    parser.add_argument("--data", default="mnist,fashion")
    parser.add_argument("--minutes", type=float, default=5.0, help="that each recipe is trained")
    parser.add_argument("--device", help="a GPU if there is one")
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--epochs", type=float, default=4, help="of the classifier")
    parser.add_argument("--quick", action="store_true", help="six seconds and 1000 samples each: does it run?")
    asked = parser.parse_args()
    minutes, epochs, n = (0.1, 0.1, 1000) if asked.quick else (asked.minutes, asked.epochs, asked.samples)
    device = device_named(asked.device)
    where = surroundings(f"as the package chooses, of {torch.get_num_threads()}") + f" Device: {device}."
    rows: list[dict[str, str]] = []
    raw: list[dict[str, Any]] = []
    for name in asked.data.split(","):
        x, y = pictures(name, "train", SIDE)
        data = load_data(x, labels=y)
        judge = train_judge(name, SIDE, device, epochs)
        test = torch.from_numpy(pictures(name, "t10k", SIDE)[0][:n])
        held_out = data.x[torch.cat([data.split.validation, data.split.test])[:n]]
        for recipe in asked.recipes.split(","):
            picture = asked.out.with_name(f"{asked.out.stem}-{name}-{recipe}.png") if asked.out else None
            samples, spent = trained(recipe, data, 60 * minutes, device, n, picture)
            found = scores(judge, test, samples) | spent
            raw.append({"data": name, "recipe": recipe} | found)
            rows.append(row(name, f"**{recipe}**", found))
            say(markdown([rows[-1]]))
        floor = scores(judge, test, held_out)
        raw.append({"data": name, "recipe": "real examples", "accuracy": judge.accuracy} | floor)
        rows.append(row(name, "real examples", floor))
        if asked.out:
            write_json(asked.out.with_suffix(".json"), {"where": where, "rows": raw})
    publish(
        asked.out,
        "Image recipes after the same time",
        where,
        f"{minutes:.3g} minutes of training each, at 32 x 32. {n:,} samples, held against "
        f"the official test set in the features of a classifier trained here; precision and recall by {NEIGHBOURS} "
        "neighbours.",
        markdown(rows),
    )


if __name__ == "__main__":
    main()
