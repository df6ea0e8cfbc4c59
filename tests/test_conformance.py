"""What every family must do with every kind of event: each recipe, on each kind, through each check."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor

from allmodes.data.dataset import Dataset
from allmodes.errors import UserError
from allmodes.event import Condition
from allmodes.models.base import GenerativeModel
from allmodes.random import Rng
from allmodes.recipes import build, recipes
from allmodes.training.trainer import Trainer

KINDS = ("points", "table", "binary", "levels", "CHW", "HWC")
PAIRS = [(recipe, kind) for recipe in recipes() for kind in KINDS]


@pytest.fixture(params=PAIRS, ids="-".join, scope="module")
def made(
    request: pytest.FixtureRequest, events: dict[str, Dataset], make_trainer: Callable[..., Trainer]
) -> tuple[str, Dataset, Trainer]:
    """A recipe's name, data of one kind, and a trainer in the middle of its training."""
    recipe, kind = request.param
    try:
        trainer = make_trainer(recipe, events[kind])
    except UserError as refusal:
        if "use --recipe" not in str(refusal):  # a refusal names a recipe that takes the event
            raise
        pytest.skip(f"{recipe} does not take {kind}")
    trainer.model.t = 0.5
    trainer.model.train()
    return recipe, events[kind], trainer


def draw(model: GenerativeModel, data: Dataset, n: int, seed: int = 0) -> Tensor:
    """Samples, of a conditional model under the conditions of the first examples in turn."""
    asked = data.condition[torch.arange(n) % len(data)] if model.conditional else None
    return model.sample(n, asked, rng=Rng(seed))


Made = tuple[str, Dataset, Trainer]
Equal = Callable[[Any, Any], bool]


def test_a_move_changes_every_parameter_of_the_player_and_nobody_elses(made: Made) -> None:
    *_, trainer = made
    model = trainer.model
    for player in model.players:
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        own = {id(p) for p in player.module.parameters()}
        for _ in range(2):  # a gate that begins at zero lets nothing through in the first
            trainer.move(player, [next(trainer.batches)], trainer.recipe.optimizer_of(player.name).rate(0.5))
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
    samples = draw(trainer.model, data, 70, seed=1)
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
    inside = model.transform(x)[0]
    monkeypatch.setattr(model, "draw", lambda n, condition, rng: inside.expand(n, *inside.shape))
    sample = draw(model, data, 1).float()[0]
    rounding = 0.0 if data.event.discrete else 1e-4
    torch.testing.assert_close(sample, x[0].float(), rtol=1e-4, atol=rounding)


def test_samples_follow_their_generator_and_not_the_training_mode(made: Made) -> None:
    _, data, trainer = made
    model = trainer.model
    first = draw(model.train(), data, 5, seed=1)
    assert model.training
    assert draw(model.eval(), data, 5, seed=1).equal(first)
    assert not model.training
    assert not draw(model, data, 5, seed=2).equal(first)
    model.train()


def test_evaluation_leaves_every_weight_and_buffer(made: Made, equal: Equal) -> None:
    _, data, trainer = made
    model = trainer.model
    before = deepcopy(model.state_dict())
    draw(model, data, 5)
    assert equal(model.state_dict(), before)


def test_many_samples_are_as_many_as_asked(made: Made) -> None:
    _, data, trainer = made
    for n in (1, 64, 65, 300):
        assert len(draw(trainer.model, data, n)) == n


def test_a_model_that_loads_anothers_state_samples_the_same(made: Made, small: Callable[[str], dict[str, Any]]) -> None:
    recipe, data, trainer = made
    other = build(recipe, data.event, small(recipe), steps=20, seed=99).model
    assert not draw(other, data, 5).equal(draw(trainer.model, data, 5))
    other.load_state_dict(trainer.model.state_dict())
    assert draw(other, data, 5).equal(draw(trainer.model, data, 5))


def test_a_condition_is_taken_exactly_if_the_model_is_conditional(made: Made) -> None:
    model = made[-1].model
    given = None if model.conditional else Condition(labels=torch.zeros(3, dtype=torch.int64))
    with pytest.raises(UserError, match="needs a condition" if model.conditional else "takes no condition"):
        model.sample(3, given)
