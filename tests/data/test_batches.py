"""Batches: every example once an epoch, the same after a restart, shared out without loss."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from allmodes.data.batches import Batches, StackedBatches
from allmodes.data.dataset import Dataset, load_data
from allmodes.errors import UserError


def numbered(n: int) -> Dataset:
    """Examples whose number is their index in the data, labels and values too."""
    number = np.arange(n, dtype=np.float32)
    return load_data(number[:, None], labels=np.arange(n), conditions={"number": number})


def numbers(batches: Batches, count: int) -> list[int]:
    return [int(number) for _ in range(count) for number in next(batches).x]


def test_an_epoch_visits_training_examples_once_and_drops_what_is_left() -> None:
    data = numbered(100)
    seen = numbers(Batches(data, 30, seed=0), 2)
    assert len(set(seen)) == 60
    assert set(seen) <= set(data.split.train.tolist())


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    data = numbered(100)
    batches = Batches(data, 80, seed=0)
    first, second = numbers(batches, 1), numbers(batches, 1)
    assert sorted(first) == sorted(second) == sorted(data.split.train.tolist())
    assert first != second
    assert batches.epoch == 1
    # seed + epoch would give seed 1 at once what seed 0 gives in its second epoch
    assert numbers(Batches(data, 80, seed=1), 1) not in (first, second)


def test_no_two_epochs_draw_the_same_bits() -> None:
    batches = Batches(numbered(100), 40, seed=0)
    seeds = set()
    for _ in range(6):
        seeds.add(batches.seed_of_bits)
        next(batches)
    assert len(seeds) == 6


@given(n=st.integers(10, 60), size=st.integers(1, 100), before=st.integers(0, 12))
def test_a_restart_goes_on_where_it_stopped(n: int, size: int, before: int) -> None:
    data = numbered(n)
    straight = Batches(data, size, seed=3)
    numbers(straight, before)
    resumed = Batches(data, size, seed=3)
    resumed.state = straight.state
    assert numbers(straight, 5) == numbers(resumed, 5)


def test_a_batch_larger_than_the_training_part_goes_round() -> None:
    data = numbered(12)
    train = len(data.split.train)
    seen = Counter(numbers(Batches(data, 4 * train + 1, seed=0), 1))
    assert set(seen) == set(data.split.train.tolist())
    assert set(seen.values()) == {4, 5}


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_a_batch_in_order(world: int) -> None:
    data = numbered(100)
    whole = Batches(data, 12, seed=5)
    shares = [Batches(data, 12, seed=5, rank=rank, world=world) for rank in range(world)]
    for _ in range(10):
        parts = [next(share) for share in shares]
        assert {len(part.x) for part in parts} == {12 // world}
        assert torch.equal(torch.cat([part.x for part in parts]), next(whole).x)


def test_conditions_stay_with_their_examples() -> None:
    batch = next(Batches(numbered(100), 20, seed=0))
    labels, values = batch.condition.labels, batch.condition.values
    assert labels is not None
    assert values is not None
    assert torch.equal(batch.x, values)
    assert torch.equal(batch.x[:, 0], labels.float())


def test_stacked_batches_are_the_single_ones_and_resume() -> None:
    data = numbered(50)
    stacked = StackedBatches([Batches(data, 8, seed=seed) for seed in range(3)])
    singles = [Batches(data, 8, seed=seed) for seed in range(3)]
    for _ in range(7):
        batch = next(stacked)
        assert torch.equal(batch.x, torch.stack([next(single).x for single in singles]))
        assert batch.condition.labels is not None
        assert batch.condition.labels.shape == (3, 8)
    resumed = StackedBatches([Batches(data, 8, seed=seed) for seed in range(3)])
    resumed.state = stacked.state
    assert torch.equal(next(resumed).x, next(stacked).x)


def test_all_orders_read_the_same_memory() -> None:
    data = numbered(50)
    device = torch.device("cpu")
    assert data.resident(device) is data.resident(device)
    assert data.resident(device).x.data_ptr() == data.x.data_ptr()


def test_sizes_that_cannot_be_shared_are_named() -> None:
    with pytest.raises(UserError, match="batch size 10 cannot be shared by 4 processes"):
        Batches(numbered(50), 10, seed=0, world=4)
    with pytest.raises(UserError, match="batch size 0"):
        Batches(numbered(50), 0, seed=0)
