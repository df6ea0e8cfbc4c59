"""The GAN: two moves from one graph, samples, no density."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from allmodes.adversarial.penalties import ZeroCentred
from allmodes.data.dataset import Dataset
from allmodes.models.gan import GAN
from allmodes.random import Rng
from allmodes.score import NoDensity
from allmodes.training.trainer import Trainer

MakeTrainer = Callable[..., Trainer]


def gan(trainer: Trainer) -> GAN:
    assert isinstance(trainer.model, GAN)
    return trainer.model


def test_the_fake_graph_of_the_first_move_serves_the_second(make_trainer: MakeTrainer, ring: Dataset) -> None:
    gradients = []
    for rebuild in (False, True):
        trainer = make_trainer("gan2014", ring)
        model = gan(trainer).double()
        first, second = model.players
        batch = next(trainer.batches)
        state = trainer.rng.state
        model.latent = _DoubleDraws(model.latent)
        model.loss(first, batch, trainer.rng)
        with torch.no_grad():
            for p in model.discriminator.parameters():  # the discriminator's move
                p.add_(0.01)
        if rebuild:
            model._kept = None
            trainer.rng.state = state
        loss = model.loss(second, batch, trainer.rng)
        gradients.append(torch.autograd.grad(loss.value, list(model.generator.parameters())))
        assert model._kept is None
    for reused, rebuilt in zip(*gradients, strict=True):
        assert reused.any()
        torch.testing.assert_close(reused, rebuilt, rtol=1e-12, atol=1e-14)


class _DoubleDraws:
    def __init__(self, latent: object) -> None:
        self.latent = latent
        self.size = latent.size

    def draw(self, n: int, rng: Rng) -> torch.Tensor:
        return self.latent.draw(n, rng).double()


@pytest.mark.parametrize("recipe", ["gan2014", "r3gan"])
def test_the_discriminator_sees_each_batch_once_in_its_move(
    recipe: str, make_trainer: MakeTrainer, ring: Dataset
) -> None:
    trainer = make_trainer(recipe, ring)
    model, passes = gan(trainer), []
    model.discriminator.register_forward_hook(lambda module, inputs, output: passes.append(1))
    model.loss(model.players[0], next(trainer.batches), trainer.rng)
    assert len(passes) == 2


def test_the_discriminators_loss_holds_its_objective_and_each_penalty(make_trainer: MakeTrainer, ring: Dataset) -> None:
    trainer = make_trainer("r3gan", ring)
    model = gan(trainer)
    batch, state = next(trainer.batches), trainer.rng.state
    loss = model.loss(model.players[0], batch, trainer.rng)
    trainer.rng.state = state
    real = model.transform(batch.x)
    fake = model.draw(len(real), batch.condition, trainer.rng)
    logits = {"real": model.discriminator(real).squeeze(-1), "fake": model.discriminator(fake).squeeze(-1)}
    game = model.objective.discriminator(*logits.values())
    expected = {name: value.mean() for name, value in logits.items()}
    for name, penalty in model.penalties.items():
        assert isinstance(penalty, ZeroCentred)
        where = (real if name == "r1" else fake).detach().requires_grad_()
        (gradient,) = torch.autograd.grad(model.discriminator(where).sum(), where)
        expected[name] = penalty.gamma(model.t) / 2 * gradient.square().sum(1).mean()
    assert set(model.penalties) == {"r1", "r2"}
    for name, value in expected.items():
        assert loss.parts[name].item() == pytest.approx(value.item(), rel=1e-5)
    penalties = sum(expected[name].item() for name in model.penalties)
    assert loss.value.item() == pytest.approx(game.item() + penalties, rel=1e-5)


def test_a_gan_has_no_density_and_says_what_to_do_instead(make_trainer: MakeTrainer, ring: Dataset) -> None:
    with pytest.raises(NoDensity, match=r"GAN has no density.*audit"):
        make_trainer("gan2014", ring).model.score(ring.x[:3])


@pytest.mark.parametrize("recipe", ["gan2014", "dcgan", "r3gan"])
def test_digits_come_out_as_bytes_within_their_levels(recipe: str, make_trainer: MakeTrainer, digits: Dataset) -> None:
    samples = make_trainer(recipe, digits).model.sample(200, rng=Rng(0))
    assert samples.dtype == torch.uint8
    assert samples.shape == (200, 8, 8)
    assert samples.max() <= 16
