"""A recorded step does what the steps do one operation at a time; needs a GPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from allmodes.data.batches import Batches
from allmodes.data.dataset import load_data
from allmodes.random import Rng
from allmodes.recipes import build
from allmodes.training.trainer import Trainer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


BITS = ("rbm", "dbm", "gsn", "nade", "eonade", "made", "pixelcnn", "gated-pixelcnn", "pixelrnn-row", "vae")
SETTINGS: dict[str, dict[str, Any]] = {"made": {"masks": 3, "orders": 3}, "eonade": {"orders": 2}}


def trained(recipe: str, data: str, recorded: bool, steps: int) -> tuple[Trainer, list[dict[str, float]]]:
    dataset = load_data(data, binarize="dynamic" if recipe in BITS else None)
    made = build(recipe, dataset.event, {"rate": 1e-4} | SETTINGS.get(recipe, {}), steps=steps)
    made.model.fit(dataset.to_fit())
    made.model.to("cuda")
    trainer = Trainer(made, Batches(dataset, made.batch, 0, device="cuda"), Rng(0, "cuda"))
    if not recorded:
        trainer.model.__class__ = type("Unsteady", (type(made.model),), {"steady": False})
    return trainer, [trainer.fetch() for _ in trainer]


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
    plain, said = trained(recipe, data, False, 20)
    fast, says = trained(recipe, data, True, 20)
    for one, other in zip(said, says, strict=True):
        assert one.keys() == other.keys()
        assert list(one.values()) == pytest.approx(list(other.values()), rel=0.02, abs=0.02)
    weights = dict(plain.model.named_parameters())
    for name, p in fast.model.named_parameters():
        torch.testing.assert_close(p, weights[name], rtol=1e-2, atol=1e-3)
    assert fast.rng.state.equal(plain.rng.state)
    if plain.average and fast.average:
        for name, mean in fast.average.mean.items():
            torch.testing.assert_close(mean, plain.average.mean[name], rtol=1e-2, atol=1e-3)
