"""Grey pixels to bits: with the right chances, recorded, and the same again when asked for again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import allmodes
from allmodes.data.batches import Batches
from allmodes.data.binarize import Binarize
from allmodes.data.dataset import Dataset, load_data
from allmodes.errors import UserError
from allmodes.event import Support

LEVELS = np.tile(np.arange(17, dtype=np.int64), (5000, 2))


def frequencies_fit(bits: Tensor, probability: Tensor, draws: int) -> bool:
    """Whether the share of ones of each column is within 5 standard errors, and exact where it is certain."""
    error = (probability * (1 - probability) / draws).sqrt()
    return bool(((bits - probability).abs() <= 5 * error).all())


def test_a_pixel_is_one_with_the_probability_that_its_grey_says() -> None:
    data = load_data(LEVELS, binarize="static")
    assert data.event.support is Support.BINARY
    assert data.event.levels == 0
    assert data.x.dtype == torch.uint8 == data.event.dtype
    assert frequencies_fit(data.x.double().mean(0), torch.arange(34.0).double() % 17 / 16, 5000)
    real = load_data(LEVELS / 16, binarize="static")
    assert real.x.equal(data.x)


def test_the_static_draw_follows_its_seed_alone() -> None:
    first = load_data("digits", binarize="static")
    assert load_data("digits", binarize="static", split_seed=5).x.equal(first.x)
    other = load_data("digits", binarize="static", binarize_seed=1)
    assert not other.x.equal(first.x)
    assert other.digest != first.digest
    assert load_data(**other.source).digest == other.digest
    assert other.source == {"data": "digits", "binarize": "static", "binarize_seed": 1}
    certain = (load_data("digits").x % 16) == 0
    assert other.x[certain].equal(first.x[certain])


def test_a_threshold_at_one_half() -> None:
    grey = load_data("digits")
    assert load_data("digits", binarize="threshold").x.equal((grey.x > 8).to(torch.uint8))


def test_white_is_the_last_level_whether_or_not_a_pixel_has_it() -> None:
    dull = np.full((20, 4, 4), 110, np.uint8)
    dull[0, 0, 0] = 200
    assert int(load_data(dull, binarize="threshold").x.sum()) == 1


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_threshold_of_all_levels_that_a_type_holds(kind: type[np.unsignedinteger[Any]]) -> None:
    white = np.iinfo(kind).max
    grey = np.array([0, 1, white // 2, white // 2 + 1, white - 1, white], kind)
    assert Binarize("threshold").bits(grey[:, None], white)[:, 0].tolist() == [0, 0, 0, 1, 1, 1]


def test_bits_of_a_file_replace_the_draw(tmp_path: Path) -> None:
    drawn = load_data("digits", binarize="static", binarize_seed=7)
    np.save(tmp_path / "bits.npy", drawn.x.reshape(-1, 64).numpy())
    data = load_data("digits", binarize=tmp_path / "bits.npy")
    assert data.digest == drawn.digest
    assert data.labels is not None
    assert load_data(**data.source).digest == data.digest


def gather(batches: Batches, count: int) -> Tensor:
    return torch.cat([next(batches).x for _ in range(count)])


def test_dynamic_batches_draw_anew_and_everything_else_is_one_draw() -> None:
    data, static = (load_data("digits", binarize=way) for way in ("dynamic", "static"))
    for part in ("train", "validation", "test"):
        assert data.part(part).x.equal(static.part(part).x)
    assert data.digest != static.digest
    data = load_data(LEVELS, binarize="dynamic")
    size = len(data.split.train)
    batches = Batches(data, size, seed=0)
    first, second = next(batches).x, next(batches).x
    assert first.dtype == torch.uint8
    both = torch.cat([first, second]).double()
    assert frequencies_fit(both.mean(0), torch.arange(34.0).double() % 17 / 16, 2 * size)
    assert not first.equal(second)


def test_dynamic_draws_go_on_where_they_were_read() -> None:
    data = load_data("digits", binarize="dynamic")
    batches = Batches(data, 100, seed=3)
    gather(batches, 20)
    state = batches.state
    expected = gather(batches, 20)
    again = Batches(data, 100, seed=3)
    again.state = state
    assert gather(again, 20).equal(expected)
    assert not gather(Batches(data, 100, seed=4), 20).equal(gather(Batches(data, 100, seed=3), 20))


def test_processes_share_the_bits_that_one_would_draw() -> None:
    data = load_data("digits", binarize="dynamic")
    whole = next(Batches(data, 64, seed=0)).x
    shares = [next(Batches(data, 64, seed=0, rank=rank, world=2)).x for rank in range(2)]
    assert torch.cat(shares).equal(whole)


def test_a_run_records_how_its_bits_were_made(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"settings": {"width": 8, "batch": 16}, "steps": 4, "out": tmp_path / "run"}
    data = load_data("digits", binarize="dynamic", binarize_seed=2)
    run = allmodes.train("r3gan", data, **asked)
    assert run.plan.data["source"] == {"data": "digits", "binarize": "dynamic", "binarize_seed": 2}
    assert run.plan.data["digest"] == data.digest
    assert allmodes.train(out=tmp_path / "run", resume=True).step == 4


@pytest.mark.parametrize(
    ("data", "options", "said"),
    [
        ("ring", {"binarize": "static"}, r"ring has values from .* no probabilities of a one; scale them to \[0, 1\]"),
        (LEVELS / 15.5, {"binarize": "static"}, r"array has values from 0 to 1\.03226, which are no probabilities"),
        (LEVELS > 3, {"binarize": "static"}, "array is binary already; leave binarize out"),
        ("digits", {"binarize": "statik"}, "binarize='statik': give static, dynamic, threshold, or the path of a file"),
        ("digits", {"binarize_seed": 1}, "binarize_seed=1 without binarize"),
        ("digits", {"binarize": "static", "binarize_seed": -1}, "binarization seed -1: must be at least 0"),
        ("digits", {"binarize": "/nowhere/bits.npy"}, "/nowhere/bits.npy is not there"),
    ],
)
def test_what_cannot_be_bits_is_one_line(data: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said) as refusal:
        load_data(data, **options)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda bits: bits[:-1], "for data of shape"),
        (lambda bits: bits * 2, "neither 0 nor 1"),
        (lambda bits: bits[::-1], "a black pixel is 1 or a white one 0; check the order"),
        (np.ones_like, "a black pixel is 1 or a white one 0"),
        (np.zeros_like, "a black pixel is 1 or a white one 0"),
    ],
)
def test_bits_of_other_data_are_refused(change: Any, said: str, digits: Dataset, tmp_path: Path) -> None:
    bits = load_data("digits", binarize="static").x.numpy()
    np.save(tmp_path / "bits.npy", change(bits))
    with pytest.raises(UserError, match=said):
        load_data("digits", binarize=tmp_path / "bits.npy")
