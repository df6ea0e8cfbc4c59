"""Health: no alarm over real data, an alarm where a part of them is missing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from allmodes.data.dataset import Dataset, load_data
from allmodes.data.transforms import standard
from allmodes.training.health import SAMPLES, ModeWatch, RegionWatch, in_features, watch

SEEDS = 50


def regions(data: Dataset) -> RegionWatch:
    return RegionWatch(data, standard(data.event).fit(data.part("train").x))


def drawn(x: Tensor, seed: int) -> Tensor:
    """A perfect sampler of x."""
    return x[torch.randint(len(x), (SAMPLES,), generator=torch.Generator().manual_seed(seed))]


def test_modes_are_watched_where_they_are_known_and_regions_elsewhere(ring: Dataset, digits: Dataset) -> None:
    assert isinstance(watch(ring, standard(ring.event)), ModeWatch)
    assert isinstance(watch(digits, standard(digits.event)), RegionWatch)


def test_a_perfect_sampler_of_known_modes_is_never_called_collapsed(ring: Dataset) -> None:
    assert ring.modes is not None
    for seed in range(SEEDS):
        health = ModeWatch(ring.modes).examine(ring.modes.sample(SAMPLES, torch.Generator().manual_seed(seed)))
        assert health.verdict == "ok"
        assert health.numbers["modes"] == 8
        assert health.numbers["high_quality"] > 0.97
        assert health.numbers["reverse_kl"] < 0.01


def test_a_mode_that_is_left_out_is_a_collapse_with_its_numbers(ring: Dataset) -> None:
    assert ring.modes is not None
    samples = ring.modes.sample(SAMPLES, torch.Generator().manual_seed(0))
    left = samples[(samples - ring.modes.centres[3].float()).norm(dim=1) > 0.2]
    health = ModeWatch(ring.modes).examine(left)
    assert health.verdict == "collapsed"
    assert health.numbers["modes"] == 7
    assert "7 of 8 modes" in health.reason


@pytest.mark.parametrize("name", ["digits", "swissroll"])
def test_real_against_real_is_never_called_collapsed(name: str) -> None:
    whole = load_data(name) if name == "digits" else load_data(name, n=3000)
    for seed in range(SEEDS):
        data = load_data(name, split_seed=seed) if name == "digits" else load_data(name, n=3000, split_seed=seed)
        health = regions(data).examine(drawn(whole.x, seed))
        assert health.verdict == "ok", (seed, health.reason)
        assert health.numbers == {"missing_mass": 0, "regions_missed": 0}


def test_too_few_samples_to_tell_are_no_collapse(digits: Dataset) -> None:
    watched = regions(digits)
    few = [drawn(digits.x, seed)[:40] for seed in range(SEEDS)]
    counts = [
        watched.light.regions.count(watched.light.regions.locate(in_features(watched.transform, samples)))
        for samples in few
    ]
    assert sum((count == 0).any() for count in counts) > SEEDS / 2
    assert all(watched.examine(samples).verdict == "ok" for samples in few)


@pytest.mark.parametrize("left_out", [0, 2, 3, 4, 5, 6, 8, 9])
def test_a_digit_that_is_left_out_is_a_collapse(left_out: int, digits: Dataset) -> None:
    # The others share regions with digits that look like them, and are found in some splits of the data only.
    assert digits.labels is not None
    health = regions(digits).examine(drawn(digits.x[digits.labels != left_out], 0))
    assert health.verdict == "collapsed"
    assert 0.01 < health.numbers["missing_mass"] < 0.2
    assert f"{100 * health.numbers['missing_mass']:.1f} % of the held-out data" in health.reason


def test_one_picture_over_and_over_misses_almost_everything(digits: Dataset) -> None:
    health = regions(digits).examine(digits.x[:1].expand(SAMPLES, 8, 8))
    assert health.verdict == "collapsed"
    assert health.numbers["missing_mass"] > 0.5


def test_numbers_that_are_not_finite_are_a_collapse() -> None:
    data = load_data(np.random.default_rng(0).standard_normal((500, 3)).astype(np.float32))
    samples = drawn(data.x, 0)
    assert regions(data).examine(samples).verdict == "ok"
    samples[7, 1] = torch.nan
    health = regions(data).examine(samples)
    assert health.verdict == "collapsed"
    assert "not finite" in health.reason


def test_known_modes_take_samples_that_are_not_finite(ring: Dataset) -> None:
    assert ring.modes is not None
    health = ModeWatch(ring.modes).examine(torch.full((SAMPLES, 2), torch.nan))
    assert health.verdict == "collapsed"
    assert health.numbers == {"modes": 0.0, "high_quality": 0.0}


def test_data_with_fewer_distinct_examples_than_regions_are_watched_too() -> None:
    bits = np.random.default_rng(0).integers(0, 2, (1000, 2)).astype(np.uint8)
    data = load_data(bits)
    assert regions(data).examine(drawn(data.x, 0)).verdict == "ok"
    left = data.x[~(data.x == 1).all(1)]
    assert regions(data).examine(drawn(left, 0)).verdict == "collapsed"
