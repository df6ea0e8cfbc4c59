"""The loop: whose weights move, at what rate, and what happens to a loss that is not finite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import allmodes
from allmodes.adversarial.objectives import NonSaturating
from allmodes.data.dataset import Dataset, load_data
from allmodes.random import Rng, seeded
from allmodes.schedule import Cosine
from allmodes.training import checkpoint
from allmodes.training.trainer import NotFinite, Trainer

MakeTrainer = Callable[..., Trainer]
Equal = Callable[[Any, Any], bool]


@pytest.mark.parametrize(("recipe", "data"), [("r3gan", "ring"), ("dcgan", "digits")])
def test_each_move_leaves_the_other_player_to_the_bit(
    recipe: str, data: str, make_trainer: MakeTrainer, equal: Equal, request: pytest.FixtureRequest
) -> None:
    trainer = make_trainer(recipe, request.getfixturevalue(data), steps=3)
    modules = {player.name: player.module for player in trainer.model.players}
    move, moves = trainer.move, []

    def watched(player: Any, batches: Any, rate: Any) -> Any:
        before = {name: [p.detach().clone() for p in module.parameters()] for name, module in modules.items()}
        logged = move(player, batches, rate)
        for name, module in modules.items():
            unchanged = [p.equal(old) for p, old in zip(module.parameters(), before[name], strict=True)]
            assert all(unchanged) if name != player.name else not any(unchanged[:-1])
        moves.append(player.name)
        return logged

    trainer.move = watched
    list(trainer)
    assert moves == ["discriminator", "generator"] * 3


def test_the_rate_is_the_schedules_at_every_step(make_trainer: MakeTrainer, ring: Dataset) -> None:
    trainer = make_trainer("gan2014", ring, steps=10)
    rate = Cosine(0.01, 0.0)
    trainer.recipe = replace(trainer.recipe, optimizer=replace(trainer.recipe.optimizer, rate=rate))
    weights = list(trainer.model.parameters())
    before = [p.detach().clone() for p in weights]
    for step in trainer:
        if step == 1:
            # Adam's first move is the rate times the sign of the gradient.
            largest = max(float((p - old).abs().max().detach()) for p, old in zip(weights, before, strict=True))
            assert largest == pytest.approx(rate(0.0), rel=1e-3)
        for optimizer in trainer.optimizers.values():
            assert optimizer.param_groups[0]["lr"] == rate((step - 1) / 10)


def test_the_same_seed_trains_to_the_same_bits_and_another_does_not(
    make_trainer: MakeTrainer, ring: Dataset, equal: Equal
) -> None:
    def trained(seed: int) -> dict[str, dict[str, torch.Tensor]]:
        trainer = make_trainer("r3gan", ring, steps=5, seed=seed)
        before = torch.get_rng_state()
        list(trainer)
        assert torch.get_rng_state().equal(before)
        return trainer.state()[0]

    assert equal(trained(1), trained(1))
    assert not equal(trained(1)["model"], trained(2)["model"])


def test_looking_at_samples_changes_nothing_of_the_training(
    make_trainer: MakeTrainer, digits: Dataset, equal: Equal
) -> None:
    looked, left = make_trainer("dcgan", digits, steps=4), make_trainer("dcgan", digits, steps=4)
    for _ in looked:
        looked.sample(3, Rng(0))
        looked.fetch()
    list(left)
    assert equal(looked.state()[0], left.state()[0])


@pytest.mark.parametrize(("recipe", "data"), [("r3gan", "ring"), ("dcgan", "digits")])
@pytest.mark.parametrize("stop", [1, 4, 9])
def test_a_state_that_another_trainer_loads_goes_on_to_the_same_bits(
    recipe: str, data: str, stop: int, make_trainer: MakeTrainer, equal: Equal, request: pytest.FixtureRequest
) -> None:
    def trainer() -> Trainer:
        return make_trainer(recipe, request.getfixturevalue(data), steps=10)

    straight, first, second = trainer(), trainer(), trainer()
    list(straight)
    for step in first:
        if step == stop:
            break
    second.load(*first.state())
    list(second)
    assert equal(second.state(), straight.state())


def test_fetch_gives_means_since_the_last_call(make_trainer: MakeTrainer, ring: Dataset) -> None:
    each, together = make_trainer("gan2014", ring, steps=6), make_trainer("gan2014", ring, steps=6)
    rows = [each.fetch() for _ in each]
    list(together)
    means = together.fetch()
    assert {"discriminator.loss", "generator.loss", "real", "fake"} <= set(means)
    for name, mean in means.items():
        assert mean == pytest.approx(sum(row[name] for row in rows) / 6, rel=1e-5)
    assert together.fetch() == {}


class _Diverging(NonSaturating):
    """The generator's loss is not a number at the 13th call."""

    calls = 0

    def generator(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        type(self).calls += 1
        return super().generator(real, fake) * (torch.nan if self.calls == 13 else 1.0)


def test_a_loss_that_is_not_finite_names_player_and_step_and_the_last_good_checkpoint_goes_on(
    tmp_path: Path, ring: Dataset, monkeypatch: pytest.MonkeyPatch, equal: Equal, small: Callable[[str], dict[str, Any]]
) -> None:
    asked: dict[str, Any] = {"steps": 20, "checkpoint_every": 5, "settings": small("gan2014")}
    allmodes.train("gan2014", ring, out=tmp_path / "good", **asked)
    with monkeypatch.context() as patched:
        patched.setattr("allmodes.recipes.gan2014.NonSaturating", _Diverging)
        patched.setattr(_Diverging, "calls", 0)
        with pytest.raises(NotFinite, match=r"generator\.loss is nan at step 13.*--set rate="):
            allmodes.train("gan2014", ring, out=tmp_path / "bad", **asked)
    kept = checkpoint.load(tmp_path / "bad")
    assert kept is not None
    assert kept.step == 10
    assert all(value.isfinite().all() for value in kept.tensors["model"].values())
    allmodes.train(data=ring, out=tmp_path / "bad", resume=True)
    finished = [checkpoint.load(tmp_path / name) for name in ("good", "bad")]
    assert finished[0] is not None
    assert finished[1] is not None
    assert equal(finished[0].tensors, finished[1].tensors)


def test_a_model_is_told_how_far_the_training_is(make_trainer: MakeTrainer, ring: Dataset) -> None:
    trainer = make_trainer("gan2014", ring, steps=4)
    assert [(trainer.model.t, trainer.model.step) for _ in trainer] == [(i / 4, i) for i in range(4)]


def test_samples_come_from_the_averaged_weights(make_trainer: MakeTrainer, ring: Dataset) -> None:
    trainer = make_trainer("r3gan", ring, steps=10)
    list(trainer)
    assert trainer.average is not None
    samples = trainer.sample(5, Rng(1))
    with trainer.average.applied():
        assert samples.equal(trainer.model.sample(5, rng=Rng(1)))
    assert not samples.equal(trainer.model.sample(5, rng=Rng(1)))


@pytest.mark.parametrize(("recipe", "settings"), [("dbm", {}), ("made", {"masks": 3, "orders": 3})])
def test_chains_and_the_turn_of_masks_go_on_where_they_were(
    recipe: str, settings: dict[str, Any], make_trainer: MakeTrainer, equal: Equal
) -> None:
    bits = load_data("digits", binarize="static")
    straight, first, second = (make_trainer(recipe, bits, steps=6, **settings) for _ in range(3))
    for trainer in (straight, first):
        with seeded(0):  # weights that matter
            for p in trainer.model.parameters():
                torch.nn.init.normal_(p)
    list(straight)
    next(step for step in first if step == 4)
    second.load(*first.state())
    list(second)
    assert equal(second.state(), straight.state())
