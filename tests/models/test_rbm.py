"""The restricted Boltzmann machine against the sums over all its states."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor

from allmodes.boltzmann.bipartite import Bipartite
from allmodes.data.dataset import Dataset, load_data
from allmodes.data.transforms import Flatten
from allmodes.errors import UserError
from allmodes.event import Batch, Event, Support
from allmodes.models.rbm import RBM
from allmodes.random import Rng, seeded
from allmodes.recipes import build
from allmodes.score import Kind
from allmodes.training.trainer import Trainer


def rbm(visible: int, hidden: int, *, scale: float = 0.6, **settings: Any) -> RBM:
    """A machine with weights of some size and offsets that are not those it was made with."""
    with seeded(0):
        model = RBM(Event((visible,), Support.BINARY), Flatten((visible,)), hidden, **settings).double()
        for p in model.parameters():
            torch.nn.init.normal_(p, 0.0, scale)
        model.visible_offset.uniform_()
        model.hidden_running_mean.uniform_()
    return model


def states(units: int) -> Tensor:
    return torch.tensor(list(itertools.product((0, 1), repeat=units)), dtype=torch.uint8)


def test_masses_sum_to_one_and_are_those_of_the_energy_with_offsets() -> None:
    model = rbm(4, 3)
    v, h = states(4).double(), states(3).double()
    energy = -(
        (v - model.visible_offset) @ model.weights @ (h - model.hidden_running_mean).T
        + (v @ model.visible)[:, None]
        + h @ model.hidden
    )
    expected = (-energy).flatten().softmax(0).reshape(16, 8).sum(1).log()
    score = model.score(states(4))
    assert score.kind is Kind.EXACT
    assert score.budget is None
    assert score.standard_error == 0
    torch.testing.assert_close(score.value, expected.detach())
    assert float(score.value.exp().sum()) == pytest.approx(1, abs=1e-9)


def gradients(model: RBM, value: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(value, list(model.parameters())))


def test_the_difference_of_free_energies_has_the_likelihoods_gradient() -> None:
    """With all states in place of the chains, each weighted by its probability; finite differences of the exact sum."""
    model, data = rbm(4, 3), states(4)[[3, 5, 5, 14]]
    everything = states(4).double()
    machine = model.machine
    chances = model.score(states(4)).value.exp()
    value = -machine.log_mass(data.double()).mean() + (chances * machine.log_mass(everything)).sum()
    for p, gradient in zip(model.parameters(), gradients(model, value), strict=True):
        flat = p.data.view(-1)
        for i in range(len(flat)):
            ends = []
            for step in (1e-5, -1e-5):
                flat[i] += step
                ends.append(-model.score(data).mean)
                flat[i] -= step
            assert float(gradient.view(-1)[i]) == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-7)


def test_the_gradient_is_the_centred_one() -> None:
    """Melchior et al. (2013): that of the weights from bits minus their offsets."""
    model = rbm(5, 4)
    data, dreamt = (states(5)[rows].double() for rows in ([1, 9, 30], [2, 17, 31]))
    machine = model.machine
    value = machine.log_mass(dreamt).mean() - machine.log_mass(data).mean()
    found = gradients(model, value)

    def moments(v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = machine.logits(v).sigmoid()
        outer = (v - model.visible_offset).T @ (h - model.hidden_running_mean) / len(v)
        return outer, v.mean(0), h.mean(0)

    for gradient, negative, positive in zip(found, moments(dreamt), moments(data), strict=True):
        torch.testing.assert_close(gradient, negative - positive)


@pytest.mark.parametrize("gibbs", [1, 2, 5])
def test_contrastive_divergence_takes_as_many_steps_as_it_is_told(gibbs: int, float64: None) -> None:
    model = rbm(5, 4, gibbs=gibbs)
    data, rng = states(5)[torch.tensor([1, 9, 30])], Rng(3)
    machine = model.machine
    dreamt = data.double()
    for _ in range(gibbs):
        dreamt = machine.sample_left(machine.sample_right(dreamt, rng), rng)
    value = machine.log_mass(dreamt).mean() - machine.log_mass(data.double()).mean()
    loss = model.loss(model.players[0], Batch(data), Rng(3)).value
    for found, expected in zip(gradients(model, loss), gradients(model, value), strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("chains", [0, 4000])
def test_the_loss_of_long_chains_has_the_likelihoods_gradient(chains: int, float64: None) -> None:
    model = rbm(4, 3, gibbs=30, chains=chains)
    data = states(4)[torch.tensor([3, 5, 5, 14]).repeat(1000)]
    everything = states(4).double()
    chances = model.score(states(4)).value.exp()
    machine = model.machine
    exact = gradients(model, -machine.log_mass(data.double()).mean() + (chances * machine.log_mass(everything)).sum())
    loss = model.loss(model.players[0], Batch(data), Rng(0))
    assert loss.surrogate
    for found, expected in zip(gradients(model, loss.value), exact, strict=True):
        assert (found - expected).abs().max() < 0.04


def test_products_in_bfloat16_give_nearly_the_same_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bits are exact in it, and what rounding does to weights and means lies far below what the chains scatter."""
    monkeypatch.setattr("allmodes.models.rbm.LARGE", 0)
    model = rbm(40, 30, scale=0.3, gibbs=2, decay=1e-3).float()
    batch = Batch((torch.rand(4000, 40, generator=torch.Generator().manual_seed(0)) < 0.3).to(torch.uint8))

    def gradient(seed: int, rounded: bool) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=rounded):
            loss = model.loss(model.players[0], batch, Rng(seed))
        return torch.cat([g.flatten() for g in gradients(model, loss.value)])

    plain = gradient(0, False)
    apart = (gradient(0, True) - plain).norm()
    assert 0 < apart < 0.5 * (gradient(1, False) - plain).norm()
    assert apart < 0.02 * plain.norm()


def test_the_decay_adds_its_own_gradient() -> None:
    plain, decaying = rbm(5, 4), rbm(5, 4, decay=0.1)
    batch = Batch(states(5)[[1, 9, 30]].double())
    (without, *rest), (with_it, *others) = (
        gradients(model, model.loss(model.players[0], batch, Rng(0)).value) for model in (plain, decaying)
    )
    torch.testing.assert_close(with_it, without + 0.1 * plain.weights)
    torch.testing.assert_close(others, rest)


def test_an_offset_that_moves_leaves_the_distribution() -> None:
    model = rbm(4, 3)
    before = model.score(states(4)).value
    offset = model.hidden_running_mean.clone()
    model.hidden_mean.copy_(torch.tensor([0.9, 0.1, 0.4]))
    model.moved(model.players[0])
    assert not model.hidden_running_mean.equal(offset)
    torch.testing.assert_close(model.score(states(4)).value, before)


def test_at_the_truth_the_gradient_is_zero(float64: None) -> None:
    """Data of the machine's own distribution: contrastive divergence stays where it is, within chance."""
    model = rbm(4, 3, gibbs=1)
    chances = model.score(states(4)).value.exp()
    rows = torch.multinomial(chances, 40_000, replacement=True, generator=torch.Generator().manual_seed(0))
    loss = model.loss(model.players[0], Batch(states(4)[rows]), Rng(0))
    for gradient in gradients(model, loss.value):
        assert gradient.abs().max() < 0.02


def test_it_learns_the_distribution_of_another_machine(make_trainer: Callable[..., Trainer]) -> None:
    """The exact negative log-likelihood of the data comes within 0.03 nats of their entropy, from 0.4 above."""
    teacher = rbm(6, 2, scale=2.5)
    for offset, bias in ((teacher.visible_offset, teacher.visible), (teacher.hidden_running_mean, teacher.hidden)):
        offset.fill_(0.5)  # bits that are one as often as not, and hang together
        torch.nn.init.zeros_(bias)
    truth = teacher.score(states(6)).value
    generator = torch.Generator().manual_seed(0)
    data = load_data(states(6)[torch.multinomial(truth.exp(), 5000, replacement=True, generator=generator)].bool())
    trainer = make_trainer("rbm", data, steps=800, width=8, batch=100, rate=0.5)
    entropy = -float(truth.exp() @ truth)

    def distance() -> float:
        score = trainer.model.score(states(6))
        assert score.kind is Kind.EXACT
        return -float(truth.exp() @ score.value) - entropy

    before = distance()
    for _ in trainer:
        pass
    assert before > 0.4
    assert 0 <= distance() < 0.03, (before, distance())


def test_persistent_chains_go_on_and_others_start_at_the_data(float64: None) -> None:
    model = rbm(6, 4, chains=5)
    before = model.chains.clone()
    model.loss(model.players[0], Batch(states(6)[:5]), Rng(0))
    assert not model.chains.equal(before)
    assert model.chains.unique().tolist() == [0, 1]


def test_annealed_scores_flatter_and_reverse_ones_do_not(monkeypatch: pytest.MonkeyPatch, float64: None) -> None:
    model = rbm(12, 10, scale=0.5)
    chances = model.score(states(12)).value.exp()
    x = states(12)[torch.multinomial(chances, 500, replacement=True, generator=torch.Generator().manual_seed(0))]
    exact = model.score(x)
    model.base.copy_(torch.logit(x.double().mean(0).clamp(0.05, 0.95)))
    monkeypatch.setattr(Bipartite, "enumerable", False)
    monkeypatch.setattr("allmodes.boltzmann.annealing.TEMPERATURES", 500)
    score = model.score(x, budget=50)
    assert score.kind is Kind.UPPER
    assert score.budget == 50
    assert 0 < score.standard_error < 0.05
    assert abs(score.mean - exact.mean) < 0.1
    bracket = model.bracket(x, chains=300, temperatures=500)
    assert bracket.low - 3 * bracket.low_error < exact.mean < bracket.high + 3 * bracket.high_error
    assert bracket.high - bracket.low < 0.2


def test_annealing_is_from_the_base_rates_of_the_data(monkeypatch: pytest.MonkeyPatch, float64: None) -> None:
    """Without weights the machine that was fitted is the base-rate model: one temperature is exact, of every chain."""
    with seeded(0):
        x = (torch.rand(400, 30) < torch.linspace(0.05, 0.95, 30)).to(torch.uint8)
    model = rbm(30, 25)
    torch.nn.init.zeros_(model.weights)
    torch.nn.init.zeros_(model.hidden)
    model.fit(x)
    monkeypatch.setattr("allmodes.boltzmann.annealing.TEMPERATURES", 1)
    score = model.score(x, budget=10)
    assert score.kind is Kind.UPPER
    assert score.standard_error == pytest.approx(0, abs=1e-9)
    truth = torch.distributions.Bernoulli(x.double().mean(0)).log_prob(x.double()).sum(1)
    torch.testing.assert_close(score.value, truth)


def test_samples_follow_the_exact_distribution(float64: None, follow: Callable[..., None]) -> None:
    model = rbm(4, 3)
    follow(model, model.score(states(4)).value.exp())


def test_evaluation_leaves_weights_chains_and_offsets(equal: Callable[..., bool]) -> None:
    model = rbm(6, 4, chains=5).float()
    before = deepcopy(model.state_dict())
    model.sample(10)
    model.score(states(6))
    model.bracket(states(6), chains=5, temperatures=20)
    assert equal(model.state_dict(), before)


def test_what_is_no_machine_of_bits_is_one_line(events: dict[str, Dataset]) -> None:
    with pytest.raises(UserError, match=r"rbm models bits, and the values here are levels; make bits .* --binarize"):
        build("rbm", events["levels"].event)
    model = rbm(6, 4)
    with pytest.raises(UserError, match=r"0 and 1|0 or 1"):
        model.score(states(6).double() / 2)
    with pytest.raises(UserError, match="budget -3: must be at least 1 chain"):
        model.score(states(6), budget=-3)
    with pytest.raises(UserError, match="without torchrun"):
        model.loss(model.players[0], Batch(states(6)), Rng(0, world=2))


def test_averaged_weights_come_with_the_offsets_average(make_trainer: Callable[..., Trainer]) -> None:
    trainer = make_trainer("rbm", load_data("digits", binarize="static"))
    assert trainer.average is not None
    assert set(trainer.average.mean) == {"weights", "visible", "hidden", "hidden_running_mean"}


@pytest.mark.parametrize("asked", [{"chains": -1}, {"chains": 1}, {"temperatures": 0}, {"temperatures": -5}])
def test_a_bracket_of_too_few_chains_or_temperatures_is_refused(asked: dict[str, int]) -> None:
    (name,) = asked
    with pytest.raises(UserError, match=f"{name}={asked[name]}"):
        build("rbm", Event((6,), Support.BINARY), {"width": 4}).model.bracket(states(6), **asked)  # type: ignore[operator]
