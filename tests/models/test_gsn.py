"""The generative stochastic network against its exact transition matrix on a small state space."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from allmodes.data.dataset import Dataset, load_data
from allmodes.data.transforms import Flatten
from allmodes.errors import UserError
from allmodes.event import Batch, Event, Support
from allmodes.models.gsn import GSN, STEPS
from allmodes.networks.noisy import NoisyMLP
from allmodes.random import Rng, seeded
from allmodes.recipes import build
from allmodes.score import Kind
from allmodes.training.trainer import Trainer

SIZE, CORRUPTION = 5, 0.6
STATES = torch.tensor(list(itertools.product((0, 1), repeat=SIZE)), dtype=torch.uint8)


@pytest.fixture
def gsn(float64: None) -> GSN:
    """Without noise inside the network, so that one step is a sum over corrupted states."""
    with seeded(1):
        network = NoisyMLP(SIZE, SIZE, (8,), noise=0.0)
        for p in network.parameters():
            torch.nn.init.normal_(p, 0.0, 1.0)
    return GSN(Event((SIZE,), Support.BINARY), Flatten((SIZE,)), network, corruption=CORRUPTION, walkback=3)


def masses(logits: Tensor) -> Tensor:
    """Of all states under independent bits, [n, size] -> [n, 2^size]."""
    signs = 2 * STATES.to(logits) - 1
    return torch.nn.functional.logsigmoid(logits[:, None] * signs).sum(2).exp()


def transition(model: GSN) -> Tensor:
    """P(next | state), by a sum over all states that salt and pepper can make."""
    x = STATES.double()
    flips = (x[:, None] != x).sum(2)
    corrupted = (CORRUPTION / 2) ** flips * (1 - CORRUPTION / 2) ** (SIZE - flips)
    with torch.no_grad():
        return corrupted @ masses(model.network(x, Rng(0)))


def stationary(matrix: Tensor) -> Tensor:
    return torch.linalg.matrix_power(matrix, 4096)[0]


def test_salt_and_pepper_replace_the_share_they_should(gsn: GSN) -> None:
    seen: list[Tensor] = []
    gsn.network.forward = lambda x, rng: seen.append(x) or x  # type: ignore[method-assign, func-returns-value]
    start = torch.tensor([0.0, 1.0, 0.0, 1.0, 1.0]).expand(20_000, SIZE)
    gsn.advance(start, Rng(0))
    assert ((seen[0] != start).double().mean(0) - CORRUPTION / 2).abs().max() < 0.015


def test_samples_follow_the_exact_stationary_distribution(gsn: GSN, follow: Callable[..., None]) -> None:
    exact = stationary(transition(gsn))
    torch.testing.assert_close(exact @ transition(gsn), exact)
    follow(gsn, exact)


def test_the_bound_is_below_the_exact_log_probability_and_rises_to_it(gsn: GSN) -> None:
    exact = stationary(transition(gsn)).log()
    gaps = []
    for budget in (2, 20, 2000):
        values = torch.stack([gsn.score(STATES, budget=budget, rng=Rng(seed)).value for seed in range(20)])
        error = values.std(0) / 20**0.5
        assert (values.mean(0) < exact + 4 * error).all()
        gaps.append(float((exact - values.mean(0)).mean()))
    assert gaps[0] > gaps[1] > gaps[2] > -0.01
    assert gaps[0] > 0.05
    assert gaps[2] < 0.01


def test_a_score_says_what_it_is(gsn: GSN) -> None:
    score = gsn.score(STATES)
    assert score.kind is Kind.LOWER
    assert score.budget == 10_000
    assert 0 < score.standard_error < 0.05
    assert float(score.value.exp().sum()) == pytest.approx(1, abs=0.01)
    scattered = torch.tensor([gsn.score(STATES, budget=200, rng=Rng(seed)).mean for seed in range(30)]).std()
    said = torch.tensor([gsn.score(STATES, budget=200, rng=Rng(seed)).standard_error for seed in range(30)])
    assert 0.5 < float(said.square().mean().sqrt() / scattered) < 2


def test_the_loss_is_the_cost_of_finding_the_example_again(gsn: GSN) -> None:
    """Against the exact mean of -log P(x_0 | h_t) over three steps from one state."""
    batch = Batch(STATES[[9]].expand(20_000, SIZE))
    loss = gsn.loss(gsn.players[0], batch, Rng(0))
    assert loss.surrogate
    matrix, x = transition(gsn), STATES.double()
    flips = (x[:, None] != x).sum(2)
    corrupted = (CORRUPTION / 2) ** flips * (1 - CORRUPTION / 2) ** (SIZE - flips)
    with torch.no_grad():
        costs = -masses(gsn.network(x, Rng(0)))[:, 9].log()
    at = torch.zeros(len(STATES))
    at[9] = 1
    expected = 0.0
    for _ in range(3):
        expected += float(at @ corrupted @ costs) / 3
        at = at @ matrix
    assert loss.value.item() == pytest.approx(expected, abs=0.05)


def test_the_walk_goes_on_from_what_was_found(gsn: GSN, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []

    def turned(x: Tensor, rng: Rng) -> Tensor:
        """All bits the other way round, for sure."""
        seen.append(x)
        return 100 - 200 * x

    monkeypatch.setattr(gsn, "advance", turned)
    gsn.loss(gsn.players[0], Batch(STATES), Rng(0))
    clean = STATES.to(seen[0])
    assert [x.equal(expected) for x, expected in zip(seen, (clean, 1 - clean, clean), strict=True)] == [True] * 3


def test_noise_inside_the_network_has_its_size() -> None:
    network = NoisyMLP(2, 3, (4,), noise=0.7).requires_grad_(False)
    torch.nn.init.zeros_(network.layers[0].weight)  # type: ignore[arg-type]
    torch.nn.init.zeros_(network.layers[0].bias)  # type: ignore[arg-type]
    torch.nn.init.eye_(network.layers[1].weight)  # type: ignore[arg-type]
    torch.nn.init.zeros_(network.layers[1].bias)  # type: ignore[arg-type]
    out = network(torch.zeros(50_000, 2), Rng(0))
    inner = (0.7 * torch.randn(50_000, generator=torch.Generator().manual_seed(1))).tanh()
    expected = float(inner.square().mean() + 0.49) ** 0.5
    assert out.std(0).tolist() == pytest.approx([expected] * 3, rel=0.02)


def test_it_learns_a_distribution(make_trainer: Callable[..., Trainer]) -> None:
    """Four patterns that differ in 8 of 16 bits: the bound comes near log 4, from the base rates' 16 log 2."""
    halves = torch.arange(16)[None] // torch.tensor([[16], [8], [4], [2]]) % 2
    points = halves.to(torch.uint8)
    data = load_data(points.repeat(100, 1).bool())
    settings = {"width": 32, "batch": 50, "rate": 1e-2, "corruption": 0.3, "noise": 0.1, "walkback": 2}
    trainer = make_trainer("gsn", data, steps=400, **settings)
    before = -trainer.model.score(points, budget=1000).mean
    for _ in trainer:
        pass
    after = -trainer.model.score(points, budget=1000).mean
    assert before > 8
    assert math.log(4) < after < 1.9


def test_what_is_no_chain_of_bits_is_one_line(events: dict[str, Dataset], gsn: GSN) -> None:
    with pytest.raises(UserError, match="gsn models bits, and the values here are real; make bits"):
        build("gsn", events["points"].event)
    with pytest.raises(UserError, match="budget 1: must be at least 2 chains"):
        gsn.score(STATES, budget=1)
    with pytest.raises(UserError, match=r"--set corruption=1.5: a share of the bits, at most 1"):
        build("gsn", events["binary"].event, {"corruption": 1.5})
    assert STEPS == 100
