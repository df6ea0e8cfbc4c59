"""Random numbers: each model's own, shared out without loss, and nothing global."""

from __future__ import annotations

import pytest
import torch

from allmodes.random import Ambient, Rng, StackedRng, seeded


@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_a_stacks_rows_are_what_each_seed_draws_alone(kind: str) -> None:
    stacked, singles = StackedRng([Rng(seed) for seed in (3, 5, 8)]), [Rng(seed) for seed in (3, 5, 8)]
    for _ in range(3):
        drawn = getattr(stacked, kind)(4, 2)
        assert drawn.shape == (3, 4, 2)
        assert drawn.equal(torch.stack([getattr(rng, kind)(4, 2) for rng in singles]))


@pytest.mark.parametrize("kind", ["normal", "uniform"])
@pytest.mark.parametrize("world", [2, 3, 4])
def test_the_shares_of_all_processes_are_the_draw_of_one(kind: str, world: int) -> None:
    shares = [Rng(7, rank=rank, world=world) for rank in range(world)]
    whole = Rng(7)
    for _ in range(3):
        together = torch.cat([getattr(rng, kind)(5, 2) for rng in shares])
        assert together.equal(getattr(whole, kind)(5 * world, 2))


@pytest.mark.parametrize("make", [lambda: Rng(1), lambda: StackedRng([Rng(1), Rng(2)])], ids=["one", "stack"])
def test_a_state_that_is_given_back_repeats_what_followed(make: type[Rng]) -> None:
    rng = make()
    rng.normal(3)
    state = rng.state
    expected = (rng.normal(5), rng.uniform(5))
    other = make()
    other.state = state
    assert all(a.equal(b) for a, b in zip(expected, (other.normal(5), other.uniform(5)), strict=True))


def test_seeds_differ_and_repeat() -> None:
    assert Rng(1).normal(9).equal(Rng(1).normal(9))
    assert not Rng(1).normal(9).equal(Rng(2).normal(9))


def test_seeded_repeats_inside_and_leaves_no_trace_outside() -> None:
    before = torch.get_rng_state()
    with seeded(4):
        first = torch.randn(5)
    with seeded(4):
        second = torch.randn(5)
    assert first.equal(second)
    assert torch.get_rng_state().equal(before)


def test_no_draw_touches_the_global_generator() -> None:
    before = torch.get_rng_state()
    Rng(0).normal(5)
    StackedRng([Rng(0)]).uniform(5)
    assert torch.get_rng_state().equal(before)


def test_what_is_drawn_from_global_generators_in_a_block_goes_on_in_the_next_and_leaves_no_trace() -> None:
    def drawn(ambient: Ambient) -> list[torch.Tensor]:
        numbers = []
        for _ in range(2):
            torch.rand(3)
            with ambient:
                numbers.append(torch.rand(5))
        return numbers

    torch.manual_seed(1)
    first = drawn(Rng(4).ambient)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    with Rng(4).ambient:
        assert torch.rand(10).equal(torch.cat(first))
    assert torch.get_rng_state().equal(before)
    assert not Rng(4).uniform(5).equal(first[0])
    assert not drawn(Rng(5).ambient)[0].equal(first[0])
