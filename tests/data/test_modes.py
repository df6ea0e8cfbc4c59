"""Counting captured modes: the published figures of a perfect sampler, and samplers that fail in known ways."""

from __future__ import annotations

import math

import pytest
import torch

from allmodes.data.dataset import load_data
from allmodes.data.modes import Modes
from allmodes.errors import UserError

HIGH_QUALITY = -math.expm1(-4.5)


def modes_of(name: str) -> Modes:
    modes = load_data(name, n=10).modes
    assert modes is not None
    return modes


def test_the_ring_has_eight_distinct_modes() -> None:
    centres = modes_of("ring").centres
    distance = torch.cdist(centres, centres) + 9 * torch.eye(8)
    assert distance.min() == pytest.approx(2 * math.sin(math.pi / 8), abs=1e-6)
    assert centres.norm(dim=1) == pytest.approx(torch.ones(8))


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_a_perfect_sampler_has_the_figures_of_theory(name: str) -> None:
    modes, n = modes_of(name), 20_000
    report = modes.examine(modes.sample(n, torch.Generator().manual_seed(1)))
    k = len(modes.centres)
    assert report.captured == k
    assert abs(report.high_quality - HIGH_QUALITY) < 4 * math.sqrt(HIGH_QUALITY * (1 - HIGH_QUALITY) / n)
    # 2 n KL is chi-squared with K - 1 degrees of freedom.
    assert report.reverse_kl is not None
    assert abs(2 * n * report.reverse_kl - (k - 1)) < 4 * math.sqrt(2 * (k - 1))
    assert sum(report.counts) == n


def test_the_radius_is_three_sigma_in_the_plane_and_holds_as_much_in_ten_dimensions() -> None:
    assert Modes(torch.zeros(1, 2), 0.5).radius == pytest.approx(1.5)
    modes, n = Modes(30 * torch.eye(10), 0.7), 20_000
    share = modes.examine(modes.sample(n, torch.Generator().manual_seed(2))).high_quality
    assert abs(share - HIGH_QUALITY) < 4 * math.sqrt(HIGH_QUALITY * (1 - HIGH_QUALITY) / n)


def test_a_collapsed_sampler_captures_one_mode_and_misses_log_k_nats() -> None:
    modes = modes_of("ring")
    report = modes.examine(modes.centres[:1].expand(100, 2))
    assert (report.captured, report.high_quality, report.counts[0]) == (1, 1.0, 100)
    assert report.reverse_kl == pytest.approx(math.log(8))


def test_samples_between_modes_count_for_the_divergence_but_capture_nothing() -> None:
    modes = modes_of("grid")
    report = modes.examine(modes.centres + 0.5)
    assert (report.captured, report.high_quality) == (0, 0.0)
    assert report.reverse_kl == pytest.approx(0, abs=1e-12)


def test_weights_are_the_reference_of_the_divergence() -> None:
    modes = Modes(torch.tensor([[0.0], [9.0]]), 1.0, torch.tensor([3.0, 1.0]))
    drawn = torch.tensor([[0.0]] * 3 + [[9.0]])
    assert modes.examine(drawn).reverse_kl == pytest.approx(0, abs=1e-12)
    even = torch.tensor([[0.0], [9.0]])
    assert modes.examine(even).reverse_kl == pytest.approx(0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25))


def test_samples_that_are_not_finite_are_of_low_quality_and_named() -> None:
    modes = modes_of("ring")
    samples = modes.centres.float().clone()
    samples[0, 0], samples[1, 1] = math.nan, math.inf
    report = modes.examine(samples)
    assert (report.captured, report.not_finite, report.high_quality) == (6, 2, 0.75)
    assert str(report) == (
        "6 of 8 modes captured, 75.0 % of samples lie in one (perfect: 98.9 %), reverse KL 0.288, 2 samples not finite"
    )
    nothing = modes.examine(torch.full((3, 2), math.nan))
    assert nothing.reverse_kl is None
    assert nothing.high_quality == 0


def test_samples_of_another_dimension_are_a_users_mistake() -> None:
    with pytest.raises(UserError, match=r"shape \(5, 3\).*give \[n, 2\]"):
        modes_of("ring").examine(torch.zeros(5, 3))
