"""A recorded step does what the steps do one operation at a time; needs a GPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from allmodes.data.batches import Batches
from allmodes.data.dataset import load_data
from allmodes.random import Rng
from allmodes.recipes import build
from allmodes.training.trainer import Trainer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


BITS = ("rbm", "dbm", "gsn", "nade", "eonade", "made", "pixelcnn", "gated-pixelcnn", "pixelrnn-row", "vae")
SETTINGS: dict[str, dict[str, Any]] = {
    "made": {"masks": 3, "orders": 3},
    "eonade": {"orders": 2},
    "pixelcnn": {"dropped": 0.3},
    "gated-pixelcnn": {"dropped": 0.3},
}


DEVICE = "cuda"


def trained(recipe: str, data: str, recorded: bool, steps: int) -> tuple[Trainer, list[Tensor], list[dict[str, float]]]:
    """The trainer after a training, its weights and averages before it, and what each step said."""
    dataset = load_data(data, binarize="dynamic" if recipe in BITS else None)
    made = build(recipe, dataset.event, {"rate": 1e-4} | SETTINGS.get(recipe, {}), steps=steps)
    made.model.fit(dataset.to_fit())
    made.model.to(DEVICE)
    trainer = Trainer(made, Batches(dataset, made.batch, 0, device=DEVICE), Rng(0, DEVICE))
    if not recorded:
        trainer.model.__class__ = type("Unsteady", (type(made.model),), {"steady": False})
    return trainer, weights(trainer), [trainer.fetch() for _ in trainer]


def weights(trainer: Trainer) -> list[Tensor]:
    """Copies of all weights, and of their averages where there are some."""
    averages = trainer.average.mean.values() if trainer.average else ()
    return [torch.cat([t.detach().flatten() for t in some]) for some in (trainer.model.parameters(), averages) if some]


@pytest.mark.parametrize(
    ("recipe", "data"),
    [
        ("r3gan", "ring"),
        ("gan2014", "ring"),
        ("dcgan", "digits"),
        ("rbm", "digits"),
        ("dbm", "digits"),
        ("gsn", "digits"),
        ("nade", "digits"),
        ("eonade", "digits"),
        ("made", "digits"),
        ("pixelcnn", "digits"),
        ("gated-pixelcnn", "digits"),
        ("pixelrnn-row", "digits"),
        ("pixelrnn-diagonal", "digits"),
        ("vae", "digits"),
        ("nice", "digits"),
        ("realnvp", "digits"),
    ],
)
def test_a_replayed_training_is_the_plain_one(recipe: str, data: str) -> None:
    plain, before, said = trained(recipe, data, False, 20)
    fast, _, says = trained(recipe, data, True, 20)
    for one, other in zip(said, says, strict=True):
        assert one.keys() == other.keys()
        assert list(one.values()) == pytest.approx(list(other.values()), rel=0.02, abs=0.02)
    # A gradient that is nearly zero has the sign that rounding gives it, and Adam takes a whole step by it: not every
    # weight is the same, but both trainings go the same way.
    for one, other, start in zip(weights(fast), weights(plain), before, strict=True):
        assert (one - other).norm() < 0.3 * (other - start).norm()
    assert fast.rng.state.equal(plain.rng.state)
