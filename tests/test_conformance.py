"""What every family must do with every kind of event: each recipe, on each kind, through each check."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch

from allmodes.data.dataset import Dataset
from allmodes.errors import UserError
from allmodes.event import Condition
from allmodes.random import Rng
from allmodes.recipes import build, recipes
from allmodes.training.trainer import Trainer

KINDS = ("points", "levels", "CHW", "HWC")
REFUSED = {("dcgan", "points")}


PAIRS = [(recipe, kind) for recipe in recipes() for kind in KINDS if (recipe, kind) not in REFUSED]


@pytest.fixture(params=PAIRS, ids="-".join, scope="module")
def made(
    request: pytest.FixtureRequest, events: dict[str, Dataset], make_trainer: Callable[..., Trainer]
) -> tuple[str, Dataset, Trainer]:
    """A recipe's name, data of one kind, and a trainer in the middle of its training."""
    recipe, kind = request.param
    trainer = make_trainer(recipe, events[kind])
    trainer.model.t = 0.5
    trainer.model.train()
    return recipe, events[kind], trainer


Made = tuple[str, Dataset, Trainer]
Equal = Callable[[Any, Any], bool]


@pytest.mark.parametrize(("recipe", "kind"), sorted(REFUSED))
def test_a_recipe_that_refuses_an_event_names_one_that_takes_it(
    recipe: str, kind: str, events: dict[str, Dataset], make_trainer: Callable[..., Trainer]
) -> None:
    with pytest.raises(UserError, match="use --recipe"):
        make_trainer(recipe, events[kind])


def test_a_move_changes_every_parameter_of_the_player_and_nobody_elses(made: Made) -> None:
    *_, trainer = made
    model = trainer.model
    trainer._parts.append({})
    for player in model.players:
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        own = {id(p) for p in player.module.parameters()}
        trainer.move(player, model.loss(player, next(trainer.batches), trainer.rng))
        for name, p in model.named_parameters():
            # One number alone may cancel, as the bias of a logit does where only differences of logits count.
            if id(p) not in own or p.numel() > 1:
                assert p.equal(before[name]) == (id(p) not in own), name


def test_losses_and_what_is_logged_of_them_are_finite_scalars(made: Made) -> None:
    *_, trainer = made
    for player in trainer.model.players:
        loss = trainer.model.loss(player, next(trainer.batches), trainer.rng)
        assert loss.value.requires_grad
        for value in (loss.value, *loss.parts.values()):
            assert value.shape == ()
            assert value.isfinite()
        assert not any(part.requires_grad for part in loss.parts.values())


def test_samples_are_examples_in_the_users_units(made: Made) -> None:
    _, data, trainer = made
    samples = trainer.model.sample(70, rng=Rng(1))
    assert samples.shape == (70, *data.event.shape) == (70, *data.x.shape[1:])
    assert samples.dtype == data.event.dtype == data.x.dtype
    assert samples.float().isfinite().all()
    assert data.event.project(samples.float()).equal(samples)
    assert samples.float().std() > 0


def test_what_the_networks_draw_is_turned_back_into_the_users_units(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, data, trainer = made
    model, x = trainer.model, data.part("train").x
    inside = model.transform(x).mean(0)  # every transform here is affine
    monkeypatch.setattr(model, "draw", lambda n, condition, rng: inside.expand(n, *inside.shape))
    sample = model.sample(1).float()[0]
    rounding = 1.0 if data.event.discrete else 1e-4
    torch.testing.assert_close(sample, x.float().mean(0), rtol=1e-4, atol=rounding)


def test_samples_follow_their_generator_and_not_the_training_mode(made: Made) -> None:
    model = made[-1].model
    first = model.train().sample(5, rng=Rng(1))
    assert model.training
    assert model.eval().sample(5, rng=Rng(1)).equal(first)
    assert not model.training
    assert not model.sample(5, rng=Rng(2)).equal(first)
    model.train()


def test_evaluation_leaves_every_weight_and_buffer(made: Made, equal: Equal) -> None:
    model = made[-1].model
    before = deepcopy(model.state_dict())
    model.sample(5, rng=Rng(1))
    assert equal(model.state_dict(), before)


def test_many_samples_are_as_many_as_asked(made: Made) -> None:
    model = made[-1].model
    for n in (1, 64, 65, 300):
        assert len(model.sample(n)) == n


def test_a_model_that_loads_anothers_state_samples_the_same(made: Made, small: Callable[[str], dict[str, Any]]) -> None:
    recipe, data, trainer = made
    other = build(recipe, data.event, small(recipe), steps=20, seed=99).model
    assert not other.sample(5, rng=Rng(1)).equal(trainer.model.sample(5, rng=Rng(1)))
    other.load_state_dict(trainer.model.state_dict())
    assert other.sample(5, rng=Rng(1)).equal(trainer.model.sample(5, rng=Rng(1)))


def test_a_condition_is_taken_exactly_if_the_model_is_conditional(made: Made) -> None:
    model = made[-1].model
    given = None if model.conditional else Condition(labels=torch.zeros(3, dtype=torch.int64))
    with pytest.raises(UserError, match="needs a condition" if model.conditional else "takes no condition"):
        model.sample(3, given)
