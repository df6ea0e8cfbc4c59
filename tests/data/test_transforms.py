"""Transforms: back and forth is the same number, in the units that are promised."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from allmodes.data.dataset import load_data
from allmodes.data.quantile import Quantile
from allmodes.data.transforms import (
    Asinh,
    Chain,
    ChannelsFirst,
    Dequantize,
    Flatten,
    Log1p,
    Logit,
    ScaleToUnit,
    Standardize,
    Transform,
    in_range,
    standard,
)
from allmodes.event import Event, Layout, Support
from allmodes.random import Rng, StackedRng

SHAPE = (3, 4)
CASES: dict[str, tuple[Transform, str]] = {
    "standardize": (Standardize(SHAPE), "real"),
    "standardize shared": (Standardize(SHAPE, shared=True), "real"),
    "log1p": (Log1p(), "positive"),
    "asinh": (Asinh(), "real"),
    "logit": (Logit(0.01), "unit"),
    "quantile": (Quantile(SHAPE, knots=32), "real"),
    "scale": (ScaleToUnit(), "real"),
    "scale levels": (ScaleToUnit(256), "real"),
    "channels": (ChannelsFirst(Layout.HW), "real"),
    "flatten": (Flatten(SHAPE), "real"),
    "chain": (Chain(Log1p(), Flatten(SHAPE), Standardize((12,)), Quantile((12,), knots=16)), "positive"),
}


def draw(kind: str, n: int = 500, seed: int = 0) -> Tensor:
    x = torch.randn(n, *SHAPE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    match kind:
        case "positive":
            return (3 * x).exp() * (x > -0.5)
        case "unit":
            return torch.sigmoid(x)
        case _:
            return 10 * x + 3


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 2e-5)])
def test_inverse_undoes_forward_on_new_data(case: str, dtype: torch.dtype, tolerance: float) -> None:
    transform, kind = CASES[case]
    transform.fit(draw(kind).to(dtype))
    x = draw(kind, seed=1).to(dtype)
    y = transform(x)
    assert y.dtype == dtype
    typical = x.abs().median()
    assert ((transform.inverse(y) - x).abs() / (x.abs() + typical)).max() < tolerance


@pytest.mark.parametrize("case", CASES)
def test_leading_axes_are_free(case: str) -> None:
    transform, kind = CASES[case]
    x = draw(kind)
    y = transform.fit(x)(x)
    assert torch.equal(transform(x.view(5, 100, *SHAPE)), y.view(5, 100, *y.shape[1:]))
    assert torch.equal(transform.inverse(y.view(5, 100, *y.shape[1:])), transform.inverse(y).view(5, 100, *SHAPE))


@pytest.mark.parametrize("case", CASES)
def test_the_slope_is_the_derivative_that_autograd_finds(case: str) -> None:
    transform, kind = CASES[case]
    transform.fit(draw(kind))
    x = draw(kind, n=4, seed=2).requires_grad_()
    (slope,) = torch.autograd.grad(transform(x).sum(), x)
    per_example = transform.log_slope(x.detach()).flatten(1).sum(1)
    assert torch.allclose(per_example, slope.abs().log().flatten(1).sum(1), atol=1e-10)


def test_the_slope_is_that_at_the_point_that_the_noise_chose() -> None:
    transform = Chain(Dequantize((1,), 4), Logit(0.05))
    x = torch.arange(4).repeat(50)[:, None]
    y, log_slope = transform.with_log_slope(x, Rng(3))
    assert torch.equal(y, transform(x, Rng(3)))
    p = torch.sigmoid(y)
    assert torch.allclose(log_slope, (0.9 / 4 / (p * (1 - p))).log(), atol=1e-4)
    assert torch.equal(transform.log_slope(x, Rng(3)), log_slope)
    assert log_slope.unique().numel() > 100


@pytest.mark.parametrize("case", CASES)
def test_a_copy_without_data_loads_the_state(case: str) -> None:
    transform, kind = CASES[case]
    blank = {
        "standardize": Standardize(SHAPE),
        "standardize shared": Standardize(SHAPE, shared=True),
        "quantile": Quantile(SHAPE, knots=32),
        "chain": Chain(Log1p(), Flatten(SHAPE), Standardize((12,)), Quantile((12,), knots=16)),
        "scale": ScaleToUnit(),
        "log1p": Log1p(),
        "asinh": Asinh(),
    }.get(case)
    if blank is None:
        assert not [name for name in transform.state_dict() if "levels" not in case]
        return
    x = draw(kind)
    y = transform.fit(x)(x)
    blank.load_state_dict(transform.state_dict())
    assert torch.equal(blank(x), y)


def test_standardize_gives_mean_zero_and_deviation_one_and_leaves_constants() -> None:
    x = 1e4 + 5 * torch.randn(2000, 3, generator=torch.Generator().manual_seed(0))
    x[:, 2] = 0.1
    y = Standardize((3,)).fit(x)(x.double())
    assert y.mean(0).abs().max() < 1e-3
    assert torch.allclose(y[:, :2].std(0), torch.ones(2, dtype=torch.float64), atol=1e-3)
    assert y[:, 2].abs().max() < 1e-6
    shared = Standardize((3,), shared=True).fit(x).scale
    assert float(shared) == pytest.approx(math.sqrt(2 / 3) * 5, rel=0.05)


def test_standardize_measures_large_data_a_piece_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.arange(25.0)[:, None].square()
    whole = Standardize((1,)).fit(x)
    monkeypatch.setattr("allmodes.data.chunks.CHUNK_BYTES", 40)
    pieces = Standardize((1,)).fit(x)
    torch.testing.assert_close((pieces.mean, pieces.scale), (whole.mean, whole.scale))


def test_a_shared_scale_keeps_the_ratio_of_lengths() -> None:
    x = torch.randn(1000, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 10.0])
    y = Standardize((2,), shared=True).fit(x)(x)
    assert float(y[:, 1].std() / y[:, 0].std()) == pytest.approx(float(x[:, 1].std() / x[:, 0].std()), rel=1e-4)
    assert y.square().mean() == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("transform", [Log1p(), Asinh(), Quantile((1,), knots=16)])
def test_exact_zeros_come_back_exact(transform: Transform) -> None:
    x = torch.rand(1000, 1, generator=torch.Generator().manual_seed(0)).sub(0.3).clamp(min=0)
    transform.fit(x)
    back = transform.inverse(transform(x))
    assert torch.equal(back == 0, x == 0)


@pytest.mark.parametrize("transform", [Log1p(), Asinh()])
def test_compression_does_not_depend_on_the_unit(transform: Transform) -> None:
    x = draw("positive")
    assert torch.allclose(transform.fit(x)(x), transform.fit(1000 * x)(1000 * x), rtol=1e-5)


@pytest.mark.parametrize("transform", [Log1p(), Asinh()])
def test_a_step_beyond_the_examples_is_no_exponential_one(transform: Transform) -> None:
    x = draw("positive") if isinstance(transform, Log1p) else draw("real").sinh()
    y = transform.fit(x)(x)
    at, beyond = y.max(), y.max() + torch.tensor([1.0, 20.0], dtype=y.dtype)
    outside = transform.inverse(beyond)
    slope = float((transform.inverse(at) - transform.inverse(at - 1e-6)) / 1e-6)
    assert (outside - x.max()).tolist() == pytest.approx([slope, 20 * slope], rel=1e-4)
    assert torch.allclose(transform(outside), beyond)


@given(
    levels=st.sampled_from([2, 3, 17, 100, 256, 65_536]),
    seed=st.integers(0, 2**31),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_dequantized_levels_come_back_exact(levels: int, seed: int, dtype: torch.dtype) -> None:
    x = torch.randint(levels, (2000, 2), generator=torch.Generator().manual_seed(seed)).to(dtype)
    transform = Dequantize((2,), levels)
    for rng in (None, Rng(seed)):
        y = transform(x, rng)
        assert y.min() >= 0
        assert y.max() < 1
        assert torch.equal(transform.inverse(y), x)


def test_dequantization_noise_is_uniform_and_of_each_stacked_model_its_own() -> None:
    x = torch.zeros(2, 5000, 1)
    rng = StackedRng([Rng(0), Rng(1)])
    y = Dequantize((1,), 4)(x, rng) * 4
    assert y.shape == x.shape
    assert not torch.equal(y[0], y[1])
    for row in y:
        distance = (row.flatten().sort().values - torch.linspace(0, 1, 5000)).abs().max()
        assert distance < 1.95 / math.sqrt(5000)  # Kolmogorov and Smirnov at 0.1 %
    assert torch.equal(Dequantize((1,), 4).log_slope(x), torch.full_like(x, -math.log(4)))


def test_quantile_makes_a_skewed_column_normal() -> None:
    x = torch.randn(20_000, 1, generator=torch.Generator().manual_seed(0)).exp()
    y = Quantile((1,), knots=256).fit(x)(x).flatten().sort().values
    uniform = torch.special.ndtr(y)
    assert (uniform - torch.linspace(0, 1, len(y))).abs().max() < 0.01


def test_quantile_puts_a_tie_in_the_middle_of_its_quantiles() -> None:
    x = torch.arange(-50.0, 51.0).clamp(min=0)[:, None]
    transform = Quantile((1,), knots=64).fit(x)
    low, high = torch.special.ndtri(torch.tensor([0.5 / 64, 0.5]))
    assert float(transform(x)[0]) == pytest.approx(float(low + high) / 2, abs=0.05)


@given(
    values=st.lists(st.sampled_from([0.0, 0.0, 0.0, 1e-9, 1.0, 2.0, 5.5, 1e4, -3.0]), min_size=1, max_size=60),
    knots=st.integers(2, 20),
)
def test_quantile_is_invertible_everywhere_whatever_the_ties(values: list[float], knots: int) -> None:
    transform = Quantile((1,), knots=knots).double().fit(torch.tensor(values, dtype=torch.float64)[:, None])
    assert (transform.x_knots.diff() > 0).all()
    assert (transform.y_knots.diff() > 0).all()
    x = torch.linspace(-2e4, 2e4, 501, dtype=torch.float64)[:, None]
    y = transform(x)
    assert (y.diff(dim=0) > 0).all()
    assert torch.allclose(transform.inverse(y), x, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("far", [0.0, 1.0, -1e9, 1e9, 16_777_215.0])
@pytest.mark.parametrize("spread", [0.0, 1.0, 100.0])
def test_quantile_knots_are_distinct_in_float32_far_from_zero(far: float, spread: float) -> None:
    x = far + spread * torch.randint(3, (500, 1), generator=torch.Generator().manual_seed(0))
    transform = Quantile((1,), knots=64).fit(x)
    assert (transform.x_knots.diff() > 0).all()
    assert (transform.y_knots.diff() > 0).all()
    assert torch.equal(transform.inverse(transform(x)), x)


def test_a_constant_is_scaled_without_overflow() -> None:
    x = torch.full((5, 2), 255, dtype=torch.uint8)
    transform = ScaleToUnit().fit(x)
    assert torch.equal(transform(x), torch.full((5, 2), -1.0))
    assert torch.equal(transform.inverse(transform(x)), x.float())


@pytest.mark.parametrize(
    ("event", "shape"),
    [
        (Event((8, 8), Support.LEVELS, 17, Layout.HW), (1, 8, 8)),
        (Event((8, 8), Support.BINARY, 0, Layout.HW), (1, 8, 8)),
        (Event((8, 6, 3), Support.REAL, 0, Layout.HWC), (3, 8, 6)),
        (Event((3, 8, 6), Support.NON_NEGATIVE, 0, Layout.CHW), (3, 8, 6)),
    ],
)
def test_images_reach_networks_channels_first_between_minus_one_and_one(event: Event, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    match event.support:
        case Support.REAL:
            x = rng.normal(50, 9, (40, *event.shape))
        case Support.NON_NEGATIVE:
            x = rng.exponential(1e4, (40, *event.shape)) * rng.integers(0, 2, (40, *event.shape))
        case _:
            x = rng.integers(0, max(2, event.levels), (40, *event.shape))
    x = torch.from_numpy(x).to(event.dtype)
    transform = standard(event).fit(x)
    y = transform(x)
    assert y.shape == (40, *shape)
    assert y.dtype == torch.float32
    assert y.min() == pytest.approx(-1, abs=1e-6)
    assert y.max() == pytest.approx(1, abs=1e-6)
    back = transform.inverse(y)
    if event.discrete:
        assert torch.equal(event.project(back), x)
    else:
        assert torch.allclose(back, x, rtol=1e-4, atol=1e-3)


def test_a_bright_pixel_does_not_press_noise_around_a_pedestal_into_one_number() -> None:
    x = torch.randn(40, 8, 8, generator=torch.Generator().manual_seed(0))
    x[0, 3, 3] = 1e5
    y = standard(Event((8, 8), Support.REAL, layout=Layout.HW)).fit(x)(x)
    assert y[1:].std() > 0.05
    assert y[0, 0, 3, 3] == 1


def test_counts_of_pixels_are_compressed_beyond_a_byte_and_in_proportion_up_to_one() -> None:
    x = torch.tensor([0, 1, 2, 3, 4, 200]).view(6, 1, 1).expand(6, 2, 2)
    for levels, compressed in ((256, False), (257, True)):
        event = Event((2, 2), Support.LEVELS, levels, Layout.HW)
        units = standard(event).fit(x)
        y = units(x)
        assert (y[1, 0, 0, 0] - y[0, 0, 0, 0] > 0.1) == compressed
        assert torch.equal(event.project(units.inverse(y)).long(), x)


def test_levels_keep_their_places_whichever_of_them_the_training_examples_have() -> None:
    dark = torch.randint(10, 20, (40, 4, 4), generator=torch.Generator().manual_seed(0))
    units = standard(Event((4, 4), Support.LEVELS, 256, Layout.HW)).fit(dark)
    assert units(torch.tensor([0, 255]).view(2, 1, 1).expand(2, 4, 4))[:, 0, 0, 0].tolist() == [-1, 1]


def test_energies_of_a_table_are_compressed() -> None:
    x = (3 * torch.randn(2000, 1, generator=torch.Generator().manual_seed(0))).exp() - 1e-3
    y = standard(Event((1,), Support.NON_NEGATIVE)).fit(x.clamp(min=0))(x.clamp(min=0))
    assert y.max() < 10


def test_in_range_leaves_pictures_between_minus_one_and_one_as_they_are() -> None:
    x = torch.linspace(-1, 1, 32).view(2, 4, 4)
    assert torch.allclose(in_range(Event((4, 4), Support.REAL, layout=Layout.HW)).fit(x)(x)[:, 0], x)


def test_channels_are_moved_and_not_reshaped() -> None:
    x = torch.arange(2 * 4 * 5 * 3).view(2, 4, 5, 3).float()
    y = ChannelsFirst(Layout.HWC)(x)
    assert torch.equal(y[1, 2], x[1, :, :, 2])


def test_the_ring_is_standardized_for_networks() -> None:
    data = load_data("ring", n=5000)
    y = standard(data.event).fit(data.part("train").x)(data.x)
    assert torch.allclose(y.std(0), torch.ones(2), atol=0.05)
