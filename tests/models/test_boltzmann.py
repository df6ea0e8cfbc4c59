"""What both Boltzmann machines have: chains that go on, and offsets that are the data's means."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from allmodes.boltzmann.bipartite import bernoulli_logits
from allmodes.data.transforms import Flatten
from allmodes.event import Batch, Event, Support
from allmodes.models.dbm import DBM
from allmodes.models.rbm import RBM
from allmodes.random import Rng, seeded

BITS = (torch.rand(64, 6, generator=torch.Generator().manual_seed(0)) < 0.3).to(torch.uint8)


def machine(kind: str, **settings: Any) -> RBM | DBM:
    """Of six visible bits, with weights that matter."""
    event = Event((6,), Support.BINARY)
    with seeded(0):
        made = (
            RBM(event, Flatten((6,)), 4, **settings) if kind == "rbm" else DBM(event, Flatten((6,)), (4, 3), **settings)
        )
        for p in made.parameters():
            nn.init.normal_(p, 0.0, 1.5)
    return made


@pytest.mark.parametrize("kind", ["rbm", "dbm"])
def test_where_persistent_chains_go_depends_on_where_they_were_and_not_on_the_batch(kind: str) -> None:
    def after(start: float, data: Tensor) -> Tensor:
        model = machine(kind, gibbs=1, chains=64)
        model.chains.fill_(start)
        model.loss(model.players[0], Batch(data), Rng(0))
        return model.chains

    assert after(0.0, BITS).equal(after(0.0, 1 - BITS))
    assert not after(0.0, BITS).equal(after(1.0, BITS))


@pytest.mark.parametrize("kind", ["rbm", "dbm"])
def test_the_offset_of_visible_bits_and_their_bias_are_those_of_the_data(kind: str) -> None:
    model = machine(kind)
    model.fit(BITS)
    mean = BITS.float().mean(0)
    torch.testing.assert_close(model.visible_offset, mean)
    torch.testing.assert_close(model.visible.detach(), bernoulli_logits(mean))


def test_the_offset_of_hidden_bits_follows_the_data_and_not_the_chains() -> None:
    model = machine("rbm", chains=64)
    assert isinstance(model, RBM)
    expected = model.machine.logits(BITS.float()).sigmoid().mean(0)
    model.loss(model.players[0], Batch(BITS), Rng(0))
    torch.testing.assert_close(model.hidden_mean, expected)


def test_the_error_of_the_bound_from_below_is_that_of_repetitions() -> None:
    model = machine("rbm").double()
    assert isinstance(model, RBM)
    found = [model.bracket(BITS.repeat(4, 1), chains=20, temperatures=5, seed=seed) for seed in range(0, 60, 2)]
    spread = torch.tensor([bracket.low for bracket in found]).std()
    said = torch.tensor([bracket.low_error for bracket in found]).square().mean().sqrt()
    assert 0.5 < float(said / spread) < 2
