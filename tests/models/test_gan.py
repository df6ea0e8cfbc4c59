"""The GAN: two moves from one graph, samples, no density."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from allmodes.adversarial.latents import Normal
from allmodes.adversarial.objectives import Minimax, NonSaturating, RelativisticPairing, ZeroSum
from allmodes.adversarial.penalties import GP, R1, R2, Every, Penalty, ZeroCentred
from allmodes.adversarial.round import Judge, Round
from allmodes.adversarial.unrolling import Unrolling
from allmodes.adversarial.views import View
from allmodes.data.batches import Batches, StackedBatches
from allmodes.data.dataset import Dataset, load_data
from allmodes.data.transforms import flat
from allmodes.errors import UserError
from allmodes.event import Condition
from allmodes.models.gan import GAN
from allmodes.networks.conditional import Concatenated, ConditionVector
from allmodes.networks.mlp import MLP
from allmodes.networks.pure import keep, pure, written
from allmodes.networks.spectral import spectral
from allmodes.networks.stack import stack
from allmodes.random import Rng, StackedRng, seeded
from allmodes.recipes import Adam, Recipe, build
from allmodes.schedule import Constant
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


@pytest.mark.parametrize(
    ("recipe", "settings", "expected"), [("gan2014", {}, 1), ("r3gan", {}, 1), ("gan2014", {"kernels": 2}, 2)]
)
def test_the_discriminator_sees_each_batch_once_in_its_move_and_both_at_once_unless_it_compares_examples(
    recipe: str, settings: dict[str, int], expected: int, make_trainer: MakeTrainer, ring: Dataset
) -> None:
    trainer = make_trainer(recipe, ring, **settings)
    model, passes = gan(trainer), []
    model.discriminator.register_forward_hook(lambda module, inputs, output: passes.append(1))
    model.loss(model.players[0], next(trainer.batches), trainer.rng)
    assert len(passes) == expected


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


@pytest.fixture(scope="module")
def table() -> Dataset:
    """Two kinds of events whose first column is their energy, and whose sum is twice that."""
    rng = np.random.default_rng(0)
    energy = rng.exponential(1.0, 1000) + 0.2
    kind = rng.integers(0, 2, 1000)
    share = np.where(kind == 0, rng.beta(5, 2, 1000), rng.beta(2, 5, 1000))
    x = np.stack([energy, energy * share, energy * (1 - share)], 1)
    return load_data(x.astype(np.float32), labels=np.array(["gamma", "hadron"])[kind], conditions={"total": 2 * energy})


@pytest.mark.parametrize("recipe", ["cgan", "acgan", "constrained"])
def test_a_generators_move_asks_what_the_examples_beside_it_have(
    recipe: str, make_trainer: MakeTrainer, table: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(recipe, table, **({"turns": 1} if recipe == "constrained" else {}))
    model, rounds = gan(trainer), []
    make = model._round
    monkeypatch.setattr(model, "_round", lambda *given, **more: rounds.append(made := make(*given, **more)) or made)
    first, second = next(trainer.batches), next(trainer.batches)
    model.loss(model.players[0], first, trainer.rng)
    model.loss(model.players[-1], second, trainer.rng)
    for round in rounds:  # the second batch is not the one that was generated beside
        assert round.condition is first.condition
        assert round.real.equal(model.transform(first.x))
    assert rounds[1].generated.equal(rounds[0].generated)


def test_a_paired_game_with_conditions_pairs_examples_of_one_condition(table: Dataset) -> None:
    vector = ConditionVector(table.event)
    generator, discriminator = (
        Concatenated(MLP(inputs + 3, outputs, (4,)), vector) for inputs, outputs in ((2, 3), (3, 1))
    )
    model = GAN(
        table.event,
        flat(table.event),
        generator,
        discriminator,
        latent=Normal(2),
        objective=RelativisticPairing(),
        conditional=True,
    )
    batches, rng = Batches(table, 8, 0), Rng(0)
    first, second = next(batches), next(batches)
    model.loss(model.players[0], first, rng)
    assert model._kept is not None
    fake = model._kept[0]
    found = model.loss(model.players[1], second, rng).value
    on_real, on_fake = (
        discriminator(x, first.condition).squeeze(-1) for x in (model.transform(first.x), fake.detach())
    )
    assert found.item() == pytest.approx(RelativisticPairing().generator(on_real, on_fake).item(), rel=1e-6)


def test_hard_constraints_hold_for_samples_and_for_what_the_discriminator_sees(
    make_trainer: MakeTrainer, table: Dataset
) -> None:
    trainer = make_trainer("constrained", table, sum="total", bounds="0:")
    model = gan(trainer)
    asked = Condition(table.labels[:300], table.values[:300])
    samples = model.sample(300, asked)
    assert samples.min() >= 0
    relative = samples.double().sum(1) / asked.values[:, 0].double() - 1
    assert relative.abs().max() < 1e-6
    assert model.residuals(samples, asked)["sum=total"].abs().max() < 1e-6
    batch = next(trainer.batches)
    seen = model.transform.inverse(model._generate(batch, trainer.rng))
    torch.testing.assert_close(seen.sum(1), batch.condition.values[:, 0], rtol=1e-4, atol=1e-4)


def test_clipping_follows_the_critics_moves_alone(make_trainer: MakeTrainer, ring: Dataset) -> None:
    trainer = make_trainer("wgan", ring, clip=0.003)
    model = gan(trainer)
    generator, critic = model.generator, model.discriminator
    wide = max(p.abs().max().item() for p in generator.parameters())
    for player in model.players:
        trainer.move(player, [next(trainer.batches)], 1e-5)
    assert max(p.abs().max().item() for p in critic.parameters()) == pytest.approx(0.003)
    assert max(p.abs().max().item() for p in generator.parameters()) == pytest.approx(wide, rel=1e-2)


def test_a_critic_moves_as_often_as_it_has_turns_and_sees_other_examples_each_time(
    make_trainer: MakeTrainer, ring: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer("wgan-gp", ring, steps=2, turns=3)
    model, moves = gan(trainer), []
    loss = model.loss
    monkeypatch.setattr(model, "loss", lambda p, b, r: moves.append((p.name, b.x)) or loss(p, b, r))
    assert list(trainer) == [1, 2]
    assert [name for name, _ in moves] == (["discriminator"] * 3 + ["generator"]) * 2
    assert not moves[0][1].equal(moves[1][1])
    assert {"wasserstein_estimate", "gradient_penalty", "generator.loss"} <= set(trainer.fetch())


def test_views_lie_before_the_discriminator_for_real_and_generated_alike_and_heed_real_logits(
    make_trainer: MakeTrainer, digits: Dataset
) -> None:
    class Shift(View):
        def forward(self, x: torch.Tensor, axes: int, rng: Rng, t: float) -> torch.Tensor:
            return x + 100

        def heed(self, real: torch.Tensor) -> None:
            self.heard = real

    trainer = make_trainer("gan2014", digits)
    model = gan(trainer)
    model.views.append(Shift())
    seen = []
    model.discriminator.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].min().item()))
    for player in model.players:
        model.loss(player, next(trainer.batches), trainer.rng)
    assert len(seen) == 2  # real and generated together, then the generator's
    assert min(seen) > 90
    assert model.views[0].heard.shape == (16,)


def test_lazy_penalties_make_a_model_unsteady(ring: Dataset) -> None:
    def made(penalty: Penalty) -> GAN:
        networks = MLP(2, 2, (4,)), MLP(2, 1, (4,))
        return GAN(
            ring.event, flat(ring.event), *networks, latent=Normal(2), objective=Minimax(), penalties={"p": penalty}
        )

    assert made(GP()).steady
    assert not made(Every(4, GP())).steady


def test_the_unrolled_recipes_steps_ahead_do_not_diverge(ring: Dataset) -> None:
    made = build("unrolled", ring.event, steps=120)
    made.model.fit(ring.to_fit())
    trainer = Trainer(made, Batches(ring, made.batch, 0), Rng(0))
    values = [trainer.fetch()["generator.loss"] for _ in trainer]
    assert min(values) > -3  # minus the discriminator's loss, which is 1.4 where it knows nothing


def test_an_unrolled_stack_moves_as_its_members_do(make_trainer: MakeTrainer, ring: Dataset) -> None:
    trainers = [make_trainer("unrolled", ring, steps=3, seed=seed, unroll=2, look=0.1) for seed in (0, 1)]
    together = stack([trainer.model for trainer in trainers])
    together.copies = 2
    whole = Trainer(
        replace(trainers[0].recipe, model=together),
        StackedBatches([Batches(ring, 16, seed) for seed in (0, 1)]),
        StackedRng([Rng(seed) for seed in (0, 1)]),
    )
    list(whole)
    for trainer in trainers:
        list(trainer)
    samples = together.sample(20, rng=StackedRng([Rng(0), Rng(0)]))
    for row, trainer in zip(samples, trainers, strict=True):
        torch.testing.assert_close(row, trainer.model.sample(20, rng=Rng(0)), rtol=1e-3, atol=1e-4)


class Centre(nn.Module):
    """A user's layer: takes off the running mean, and that of the batch from its mean."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            self.mean.lerp_(x.mean(0), 0.1)
        return x - x.mean(0) - self.mean


class SaidCentre(Centre):
    mixes = writes = True


def normalized(layer: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 16), layer, nn.ReLU(), nn.Linear(16, 1))


NORMS: dict[str, Callable[[], nn.Module]] = {
    "spectral": lambda: spectral(MLP(2, 1, (16, 16))),
    "batch": lambda: normalized(nn.BatchNorm1d(16)),
    "batches of many processes": lambda: normalized(nn.SyncBatchNorm(16)),
    "a user's": lambda: normalized(SaidCentre()),
}


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(16), nn.SyncBatchNorm(16), SaidCentre(), nn.Identity()])
def test_real_and_generated_examples_share_a_pass_unless_a_layer_compares_them(layer: nn.Module, ring: Dataset) -> None:
    passes: list[int] = []
    layer.register_forward_pre_hook(lambda module, inputs: passes.append(len(inputs[0])))
    networks = MLP(4, 2, (16,)), normalized(layer)
    model = GAN(ring.event, flat(ring.event), *networks, latent=Normal(4), objective=NonSaturating())
    model.loss(model.players[0], next(Batches(ring, 64, 0)), Rng(0))
    assert passes == ([128] if isinstance(layer, nn.Identity) else [64, 64])


def test_a_layer_that_writes_and_does_not_say_so_is_refused_under_a_gradient_penalty(ring: Dataset) -> None:
    networks = MLP(4, 2, (16,)), normalized(Centre())
    penalties = {"r1": R1(Constant(1.0))}
    model = GAN(
        ring.event, flat(ring.event), *networks, latent=Normal(4), objective=NonSaturating(), penalties=penalties
    )
    with pytest.raises(UserError, match="attribute writes = True"):
        model.loss(model.players[0], next(Batches(ring, 64, 0)), Rng(0))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    "rules",
    [
        {"penalties": {"r1": R1(Constant(1.0)), "r2": R2(Constant(1.0))}},
        {"penalties": {"gp": GP()}},
        {"penalties": {"r1": Every(2, R1(Constant(1.0)))}},
        {"unrolling": Unrolling(2, 0.1)},
    ],
    ids=["R1, R2", "GP", "Every", "unrolling"],
)
def test_norms_that_write_into_buffers_go_with_every_penalty(rules: dict[str, Any], norm: str, ring: Dataset) -> None:
    with seeded(0):
        networks = MLP(4, 2, (16,)), NORMS[norm]()
    model = GAN(ring.event, flat(ring.event), *networks, latent=Normal(4), objective=NonSaturating(), **rules)
    model.fit(ring.to_fit())
    trainer = Trainer(Recipe(model, Adam(Constant(1e-3)), batch=64, steps=6), Batches(ring, 64, 0), Rng(0))
    before = {name: buffer.clone() for name, buffer in written(model.discriminator).items()}
    assert before
    list(trainer)
    assert any(not buffer.equal(before[name]) for name, buffer in written(model.discriminator).items())
    assert all(math.isfinite(value) for value in trainer.fetch().values())


def test_a_penalty_on_a_normalized_discriminator_is_that_of_autograd(float64: None) -> None:
    with seeded(0):
        network = spectral(MLP(2, 1, (8, 8)))
    x = torch.randn(7, 2, generator=torch.Generator().manual_seed(0))
    known = copy.deepcopy(network)
    judge = Judge(network, trace=lambda x: pure(network, {}, x), keep=lambda buffers: keep(network, buffers))
    gradient = judge.gradient(x)
    (expected,) = torch.autograd.grad(known(x.requires_grad_()).sum(), x)
    torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=1e-14)
    for name, buffer in written(network).items():
        torch.testing.assert_close(buffer, written(known)[name], rtol=1e-12, atol=1e-14)


def small_gan(ring: Dataset, **rules: Any) -> GAN:
    with seeded(0):
        networks = MLP(4, 2, (8,)), MLP(2, 1, (8,))
    model = GAN(ring.event, flat(ring.event), *networks, latent=Normal(4), **({"objective": NonSaturating()} | rules))
    model.fit(ring.to_fit())
    return model


def move(model: GAN, player: int, ring: Dataset) -> torch.Tensor:
    return model.loss(model.players[player], next(Batches(ring, 16, 0)), Rng(0)).value


def test_penalties_and_views_know_how_far_the_training_is(ring: Dataset) -> None:
    class Seen(Penalty):
        def discriminator(self, round: Round) -> None:
            told.append((round.t, round.step))

    class Look(View):
        def forward(self, x: torch.Tensor, axes: int, rng: Rng, t: float) -> torch.Tensor:
            told.append((t, 7))
            return x

    told: list[tuple[Any, int]] = []
    model = small_gan(ring, penalties={"seen": Seen()}, views=[Look()])
    model.t, model.step = 0.25, 7
    move(model, 0, ring)
    assert told == [(0.25, 7)] * 3  # real and generated examples are looked at, then comes the penalty


def test_views_heed_the_logits_of_real_examples(ring: Dataset) -> None:
    class Heed(View):
        def forward(self, x: torch.Tensor, axes: int, rng: Rng, t: float) -> torch.Tensor:
            return x

        def heed(self, real: torch.Tensor) -> None:
            self.heard = real

    model = small_gan(ring, views=[Heed()])
    batch = next(Batches(ring, 16, 0))
    move(model, 0, ring)
    expected = model.discriminator(model.transform(batch.x)).detach()[:, 0]
    torch.testing.assert_close(model.views[0].heard, expected)


def test_the_generator_pays_its_penalties(ring: Dataset) -> None:
    class Pay(Penalty):
        def generator(self, round: Round) -> torch.Tensor:
            return 1000 + 0 * round.generated.sum()

    assert move(small_gan(ring, penalties={"pay": Pay()}), 1, ring).item() > 900


def test_the_generator_pays_the_constrainer(make_trainer: MakeTrainer) -> None:
    x = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    trainer = make_trainer("constrained", load_data(x, labels=np.arange(100) % 2))
    loss = trainer.model.loss(trainer.model.players[-1], next(trainer.batches), trainer.rng)
    assert "generator.constrainer" in loss.parts


def test_looking_ahead_lets_a_gradient_through_what_the_discriminator_says_of_real_examples(ring: Dataset) -> None:
    class OfReal(Minimax):
        paired = True

        def generator(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
            return real.mean()

    model = small_gan(ring, objective=OfReal(), unrolling=Unrolling(1, 0.1))
    (gradient,) = torch.autograd.grad(move(model, 1, ring), [next(model.generator.parameters())])
    assert gradient.any()


def test_looking_ahead_raises_what_the_generator_pays_in_a_game_of_zero_sum(ring: Dataset) -> None:
    at_once, ahead = (
        move(small_gan(ring, objective=ZeroSum(), unrolling=Unrolling(k, 0.5)), 1, ring).item() for k in (0, 3)
    )
    assert ahead > at_once
