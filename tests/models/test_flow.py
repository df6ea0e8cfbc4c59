"""NICE, RealNVP and splines: densities that integrate to one, samples that follow them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from scipy.stats import kstest
from torch import Tensor

from allmodes.data.dataset import Dataset, load_data
from allmodes.data.transforms import Chain, Dequantize, Flatten, Logit
from allmodes.errors import UserError
from allmodes.event import Condition, Event, Layout, Support
from allmodes.models.flow import Flow
from allmodes.models.nice import NICE
from allmodes.networks.coupling import ActNorm, AffineCoupling, Leaving
from allmodes.random import Rng, seeded
from allmodes.recipes import build
from allmodes.score import Kind
from allmodes.training.trainer import Trainer

MakeTrainer = Callable[..., Trainer]
FLOWS = ("nice", "realnvp", "spline")
SMALL = {"nice": {"width": 16, "depth": 2}, "realnvp": {"width": 8, "depth": 1}, "spline": {"width": 8, "bins": 6}}


def flow(recipe: str, x: Tensor, event: Event, **settings: Any) -> Flow:
    """A flow with weights far from their beginning, in double precision."""
    if recipe == "spline":
        pytest.importorskip("zuko")
    model = build(recipe, event, SMALL[recipe] | settings).model.double()
    assert isinstance(model, Flow)
    model.fit(x)
    with seeded(1), torch.no_grad():
        for p in model.parameters():
            p.add_(0.2 * torch.randn(p.shape))
    return model.eval()


def points(size: int, n: int = 500) -> Tensor:
    return 5 + 3 * torch.randn(n, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("recipe", FLOWS)
def test_the_density_in_the_plane_integrates_to_one_in_the_users_units(recipe: str) -> None:
    model = flow(recipe, points(2), Event((2,)))
    line = 5 + torch.linspace(-60, 60, 401, dtype=torch.float64)
    density = model.score(torch.cartesian_prod(line, line)).value.exp().view(401, 401)
    mass = torch.trapezoid(torch.trapezoid(density, line), line)
    assert mass.item() == pytest.approx(1, abs=2e-3)


def test_the_density_on_a_line_integrates_to_one_in_the_users_units() -> None:
    model = flow("spline", points(1), Event((1,)))
    line = 5 + torch.linspace(-100, 100, 200_001, dtype=torch.float64)
    assert torch.trapezoid(model.score(line[:, None]).value.exp(), line).item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("recipe", FLOWS)
def test_samples_follow_the_density_that_is_reported(recipe: str) -> None:
    """Their latent variables have the prior's own distribution, which a flow that samples from another prior misses."""
    model = flow(recipe, points(2), Event((2,)))
    p_values = []
    for seed in range(20):
        z = model(model.transform(model.sample(2000, rng=Rng(seed)).double()))[0]
        uniform = torch.sigmoid(z) if isinstance(model, NICE) else torch.special.ndtr(z)
        p_values.append([kstest(column, "uniform").pvalue for column in uniform.detach().T])
    assert all(kstest(column, "uniform").pvalue > 0.001 for column in zip(*p_values, strict=True))


@pytest.mark.parametrize(
    ("recipe", "event"),
    [
        *((recipe, Event((4,))) for recipe in FLOWS),
        ("nice", Event((4, 4), Support.LEVELS, 17, layout="HW")),  # type: ignore[arg-type]
        ("realnvp", Event((4, 4), Support.LEVELS, 17, layout="HW")),  # type: ignore[arg-type]
        ("realnvp", Event((3, 4, 6), layout="CHW")),  # type: ignore[arg-type]
        ("realnvp", Event((5, 4, 2), layout="HWC")),  # type: ignore[arg-type]
    ],
)
def test_the_whole_flow_is_invertible_and_its_log_determinant_is_autograds(recipe: str, event: Event) -> None:
    x = torch.rand(300, *event.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 16
    model = flow(recipe, x.round().to(event.dtype) if event.discrete else x, event)
    y = model.transform(x[:3].round() if event.discrete else x[:3], Rng(0))
    z, log_det = model(y)
    assert z.shape == (3, event.size)
    assert (model.inverse(z) - y).abs().max() < 1e-6
    for row in range(3):
        jacobian = torch.autograd.functional.jacobian(lambda one: model(one[None])[0][0], y[row])
        expected = torch.linalg.slogdet(jacobian.reshape(event.size, event.size)).logabsdet
        torch.testing.assert_close(log_det[row], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("recipe", FLOWS)
def test_a_trained_flow_finds_what_is_to_be_found(recipe: str, make_trainer: MakeTrainer) -> None:
    """A bent Gaussian, whose density is known: y = x^2 / 2 + noise. A flow must come close to its entropy."""
    if recipe == "spline":
        pytest.importorskip("zuko")
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6000, 1, generator=generator)
    y = x.square() / 2 + 0.3 * torch.randn(6000, 1, generator=generator)
    data = load_data(torch.cat([x, y], 1).numpy())
    settings = {"nice": {"depth": 2}, "realnvp": {"couplings": 4}, "spline": {"layers": 2}}[recipe]
    trainer = make_trainer(recipe, data, steps=400, width=32, batch=256, rate=5e-3, **settings)
    for _ in trainer:
        pass
    with trainer.average.applied():  # type: ignore[union-attr]
        nats = trainer.model.score(data.part("test").x).mean
    held = data.part("test").x.double()
    residual = (held[:, 1] - held[:, 0].square() / 2) / 0.3
    truth = (-(held[:, 0].square() + residual.square()) / 2).mean() - torch.log(torch.tensor(2 * torch.pi * 0.3))
    # Logistic tails cost NICE about 0.1 nats; a Gaussian with the data's covariance is 0.5 nats away.
    assert float(truth) - 0.2 < nats < float(truth) + 0.02


@pytest.mark.parametrize("recipe", ["nice", "realnvp"])
def test_on_levels_the_score_bounds_masses_by_counting_measure(recipe: str, digits: Dataset) -> None:
    model = flow(recipe, digits.x, digits.event)
    score = model.score(digits.x[:40])
    assert (score.kind, score.measure, score.budget) == (Kind.LOWER, "counting", 1)
    assert score.standard_error > 0
    assert score.bits_per_dim > 0
    more = model.score(digits.x[:40], budget=20)
    assert more.mean > score.mean - 3 * score.standard_error


@pytest.mark.parametrize("recipe", FLOWS)
def test_the_mean_over_noise_is_the_density_integrated_over_bins(recipe: str) -> None:
    """Over all 3 x 3 states: what a slope at another point than the noise's would break."""
    event = Event((2,), Support.LEVELS, 3)
    states = torch.cartesian_prod(torch.arange(3), torch.arange(3)).to(torch.uint8)
    model = flow(recipe, states.repeat(50, 1), event)
    grid = torch.linspace(0, 1, 301, dtype=torch.float64)[:-1] + 1 / 600
    unit = torch.cartesian_prod(grid, grid)
    y, log_slope = Chain(*list(model.transform.parts)[1:]).with_log_slope(unit)  # type: ignore[arg-type]
    z, log_det = model(y)
    inside = (model.prior.log_density(z) + log_det + log_slope.sum(1)).exp().mean()
    with torch.no_grad():
        drawn = model._log_density(states.repeat_interleave(2000, 0), Condition(), None, Rng(0)).exp()
    error = drawn.view(9, 2000).std(1).square().sum().sqrt() / 2000**0.5
    assert inside.item() < 1
    assert 9 * drawn.mean().item() == pytest.approx(inside.item(), abs=4 * float(error))
    assert float(error) < 0.05 * inside.item()


@pytest.mark.parametrize("recipe", ["nice", "realnvp"])
def test_one_number_has_nothing_to_be_coupled_with(recipe: str) -> None:
    with pytest.raises(UserError, match="one number; use --recipe vae"):
        build(recipe, Event((1,)))


def test_a_missing_zuko_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "zuko.flows", None)
    with pytest.raises(UserError, match=r"pip install 'allmodes\[flows\]', or use --recipe realnvp"):
        build("spline", Event((2,)))


def test_a_flow_on_a_discrete_event_must_dequantize() -> None:
    event = Event((4,), Support.BINARY)
    with pytest.raises(ValueError, match="must dequantize"):
        NICE(event, Flatten((4,)), couplings=2, widths=(3,))
    NICE(event, Chain(Dequantize((4,), 2), Logit()), couplings=2, widths=(3,))


@pytest.mark.parametrize(
    ("recipe", "event"),
    [
        ("nice", Event((5,))),
        ("realnvp", Event((5,))),
        ("realnvp", Event((8, 8), layout=Layout.HW)),
        ("realnvp", Event((3, 4, 4), layout=Layout.CHW)),
    ],
)
def test_every_number_is_moved_by_others_and_moves_others(recipe: str, event: Event, float64: None) -> None:
    """A mask that is the same in all couplings would leave half of the numbers as they are."""
    model = build(recipe, event, {"width": 8}, steps=1).model.double()
    generator = torch.Generator().manual_seed(0)
    model.fit(torch.randn(200, *event.shape, generator=generator))
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn(p.shape, generator=generator))
    y = model.transform(torch.randn(1, *event.shape, generator=generator).double())
    jacobian = torch.autograd.functional.jacobian(lambda y: model.forward(y)[0].flatten(), y).flatten(1)
    moves = jacobian != 0
    assert (moves.sum(0) > 1).all()
    assert (moves.sum(1) > 1).all()


def test_couplings_take_turns_in_what_they_move() -> None:
    model = build("realnvp", Event((8, 8), layout=Layout.HW), {"scales": 2, "couplings": 3}, steps=1).model
    masks = [layer.mask for layer in model.modules() if isinstance(layer, AffineCoupling)]
    turns = [(one + other).unique().tolist() for one, other in pairwise(masks) if one.shape == other.shape]
    assert turns == [[1.0]] * (2 + 2 + 3)


def test_half_of_the_numbers_are_done_at_each_scale() -> None:
    model = build("realnvp", Event((8, 8), layout=Layout.HW), {"scales": 3}, steps=1).model
    assert [tuple(layer.shape) for layer in model.modules() if isinstance(layer, Leaving)] == [
        (4, 4, 4),
        (8, 2, 2),
        (4, 2, 2),
    ]


def test_activations_begin_with_mean_0_and_deviation_1() -> None:
    model = build("realnvp", Event((8, 8), layout=Layout.HW), {"width": 8, "scales": 2}).model
    x = 7 + 3 * torch.randn(500, 8, 8, generator=torch.Generator().manual_seed(0))
    model.fit(x)
    seen: list[Tensor] = []
    for layer in model.modules():
        if isinstance(layer, ActNorm):
            layer.register_forward_hook(lambda layer, inputs, outputs: seen.append(outputs[0]))
    model(model.transform(x, Rng(0)))
    assert seen
    for y in seen:
        assert (y.mean((0, 2, 3)).abs() < 0.05).all()
        assert ((y.std((0, 2, 3)) - 1).abs() < 0.05).all()


@pytest.mark.parametrize("recipe", ["nice", "realnvp"])
def test_a_column_that_never_changes_has_a_finite_density(recipe: str) -> None:
    x = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))
    x[:, 1] = 4.0
    model = build(recipe, Event((3,)), {"width": 8}).model
    model.fit(x)
    assert model.score(x[:10]).value.isfinite().all()
