"""What makes a product of conditionals a density: sums, causality, samples, gradients, for every such family."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from allmodes.data.transforms import Flatten, Transform
from allmodes.errors import UserError
from allmodes.event import Batch, Condition, Event, Support
from allmodes.models.base import DensityModel
from allmodes.models.eonade import EoNADE
from allmodes.models.made import MADE
from allmodes.models.nade import NADE
from allmodes.networks import made
from allmodes.networks.conditionals import Conditional, conditional_for
from allmodes.networks.discrete import Bernoulli, Categorical
from allmodes.networks.made import FULL_RATE, MADENetwork, MaskedLinear
from allmodes.networks.mixtures import GaussianMixture, LogisticMixture
from allmodes.random import Rng, seeded

Build = Callable[[Event, Transform, Conditional], DensityModel]

VECTORS: dict[str, Build] = {
    "nade": lambda e, t, c: NADE(e, t, c, 7),
    "nade, another order": lambda e, t, c: NADE(e, t, c, 7, torch.arange(e.size).flip(0)),
    "eonade": lambda e, t, c: EoNADE(e, t, c, 7, layers=2, orders=3),
    "eonade, one order": lambda e, t, c: EoNADE(e, t, c, 7, layers=1, orders=1),
    "made": lambda e, t, c: MADE(e, t, c, (9,)),
    "made, two layers": lambda e, t, c: MADE(e, t, c, (9, 11)),
    "made, several masks": lambda e, t, c: MADE(e, t, c, (9, 8), masks=3),
    "made, several orders": lambda e, t, c: MADE(e, t, c, (9,), masks=4, orders=3),
    "made, orders and units left out": lambda e, t, c: MADE(e, t, c, (9,), masks=3, orders=2, dropped=0.4),
    "made, units left out": lambda e, t, c: MADE(e, t, c, (9, 8), masks=3, dropped=0.4),
}
ONE_ORDER = ("nade", "nade, another order", "made", "made, two layers")


def vector(name: str, event: Event, seed: int = 0, scale: float = 2.0) -> DensityModel:
    """A model of that family whose weights are random and large enough for dependence."""
    with seeded(seed):
        model = VECTORS[name](event, Flatten(event.shape), conditional_for(event, 1))
        for p in model.parameters():
            p.data.copy_(scale * torch.randn(p.shape) / max(1, p.shape[-1]) ** 0.5)
    return model


def binary(*shape: int) -> Event:
    return Event(shape, Support.BINARY)


def states(levels: int, size: int) -> Tensor:
    return torch.tensor(list(itertools.product(range(levels), repeat=size)))


def test_masks_of_made_leave_out_other_units_of_the_same_degrees() -> None:
    network = MADENetwork(20, 1, (30, 40), masks=3, dropped=0.4)
    for layer, count in zip(network.degrees.split((30, 40), 1), (12, 16), strict=True):
        absent = layer == 20
        assert (absent.sum(1) == count).all()
        assert len(absent.unique(dim=0)) == 3
        shared = torch.where(absent, -1, layer)
        assert ((shared == shared.max(0).values) | absent).all()
    assert [round(layer.root**2) for layer in (*network.layers, network.output)] == [20, 18, 24]
    assert network.output.informant is None, "which units are left out need not be known"
    assert MADENetwork(20, 1, (30,), masks=3, orders=3, dropped=0.4).output.informant is not None, "an order must be"


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("size", [1, 2, 10])
@pytest.mark.parametrize("name", VECTORS)
def test_probabilities_of_all_states_sum_to_one(name: str, size: int) -> None:
    log_p = vector(name, binary(size)).score(states(2, size)).value
    assert float(log_p.exp().sum()) == pytest.approx(1, abs=1e-9)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.parametrize("event", [Event((4,), Support.LEVELS, 5), Event((2,), Support.LEVELS, 40)], ids=str)
def test_probabilities_of_all_levels_sum_to_one(name: str, event: Event) -> None:
    log_p = vector(name, event).score(states(event.levels, event.size)).value
    assert float(log_p.exp().sum()) == pytest.approx(1, abs=1e-9)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", VECTORS)
def test_a_density_of_real_numbers_integrates_to_one(name: str) -> None:
    model = vector(name, Event((2,)), scale=0.3)
    axis = torch.linspace(-25, 25, 401)
    grid = torch.cartesian_prod(axis, axis)
    mass = model.score(grid).value.exp().sum() * (axis[1] - axis[0]) ** 2
    assert float(mass) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", VECTORS)
def test_samples_follow_the_density(name: str, follow: Callable[..., None]) -> None:
    model = vector(name, binary(5), scale=1.0)
    follow(model, model.score(states(2, 5)).value.exp())


@pytest.mark.parametrize("name", VECTORS)
def test_a_model_in_double_precision_draws(name: str) -> None:
    assert vector(name, binary(5)).double().sample(20).shape == (20, 5)


@pytest.mark.parametrize("name", VECTORS)
def test_samples_of_levels_and_real_numbers_have_the_densitys_moments(name: str) -> None:
    for event in (Event((2,), Support.LEVELS, 6), Event((2,), Support.LEVELS, 40)):
        model = vector(name, event, scale=1.0)
        every = states(event.levels, 2)
        p = model.score(every).value.exp()
        drawn = model.sample(20_000, rng=Rng(1)).double()
        for moment in (lambda x: x, lambda x: x**2, lambda x: x.prod(-1, keepdim=True)):
            true = (p[:, None] * moment(every.double())).sum(0)
            error = moment(drawn).std(0) / 20_000**0.5
            assert ((moment(drawn).mean(0) - true).abs() < 4.5 * error).all()


@pytest.mark.parametrize("name", ONE_ORDER)
def test_a_conditional_depends_on_earlier_numbers_alone(name: str) -> None:
    model = vector(name, Event((6,)), scale=1.0)
    order = model.order if isinstance(model, NADE) else model.network.positions[0].argsort()

    def conditionals(y: Tensor) -> Tensor:
        if isinstance(model, NADE):
            return model.conditionals(y[None])[0].sum(-1)
        return model.network(y[None], torch.tensor(0))[0, order].sum(-1)

    jacobian = torch.autograd.functional.jacobian(
        conditionals, torch.randn(6, generator=torch.Generator().manual_seed(0))
    )
    dependence = jacobian[:, order]
    assert dependence.triu().abs().max() == 0
    assert (dependence.tril(-1)[1:].abs().sum(1) > 0).all()


@pytest.mark.parametrize("name", ["nade", "eonade", "made", "made, several masks"])
def test_a_model_trained_on_few_points_reaches_their_entropy(name: str) -> None:
    points = torch.randint(2, (8, 9), generator=torch.Generator().manual_seed(0))
    event, flatten = binary(9), Flatten((9,))
    models: dict[str, Callable[[], DensityModel]] = {
        "nade": lambda: NADE(event, flatten, Bernoulli(), 64),
        "eonade": lambda: EoNADE(event, flatten, Bernoulli(), 64, 2, 2),
        "made": lambda: MADE(event, flatten, Bernoulli(), (64,)),
        "made, several masks": lambda: MADE(event, flatten, Bernoulli(), (64,), masks=2),
    }
    with seeded(0):
        model = models[name]()
    # An order-agnostic loss is noisy, even on all the points: many copies, more steps.
    copies, steps, rate = {"nade": (1, 400, 0.06), "eonade": (16, 1600, 0.02)}.get(name, (1, 800, 0.02))
    optimizer, draws = torch.optim.Adam(model.parameters(), rate), Rng(0)
    for step in range(steps):
        optimizer.zero_grad()
        model.loss(model.players[0], Batch(points.repeat(copies, 1)), draws).value.backward()
        optimizer.param_groups[0]["lr"] = rate * (1 - step / steps)
        optimizer.step()
    assert -float(model.score(points).value.mean()) == pytest.approx(math.log(8), abs=0.05)


@pytest.mark.parametrize("name", VECTORS)
def test_scoring_and_drawing_leave_weights_and_buffers(name: str, snapshot: Callable[..., dict[str, Tensor]]) -> None:
    model = vector(name, binary(6))
    before = snapshot(model)
    first = model.score(states(2, 6)).value
    model.sample(50)
    assert all(value.equal(before[key]) for key, value in model.state_dict().items())
    shuffled = torch.randperm(64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model.score(states(2, 6)[shuffled]).value, first[shuffled], atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.parametrize("event", [binary(5), Event((5,), Support.LEVELS, 4), Event((5,))], ids=lambda e: e.support)
def test_gradients_are_finite_differences(name: str, event: Event) -> None:
    model = vector(name, event, scale=1.0)
    generator = torch.Generator().manual_seed(0)
    y = (
        torch.randn(6, 5, generator=generator)
        if not event.discrete
        else torch.randint(event.levels or 2, (6, 5), generator=generator)
    )
    player = model.players[0]

    model.eval()

    def loss() -> Tensor:
        return -model.log_density(model.transform(y), Condition(), budget=None, rng=Rng(0)).mean()

    assert not model.loss(player, Batch(y), Rng(0)).surrogate
    loss().backward()
    for p in model.parameters():
        direction = torch.randn(p.shape, generator=generator)
        slope = float((p.grad * direction).sum())
        with torch.no_grad():
            p += 1e-6 * direction
            above = float(loss())
            p -= 2e-6 * direction
            below = float(loss())
            p += 1e-6 * direction
        assert (above - below) / 2e-6 == pytest.approx(slope, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize(
    ("event", "conditional", "said"),
    [
        (Event((3,)), Bernoulli(), "Bernoulli is a distribution of 2 levels, and the data have real values"),
        (Event((3,), Support.LEVELS, 9), Bernoulli(), "the data have 9 levels"),
        (Event((3,), Support.LEVELS, 9), Categorical(8), "distribution of 8 levels, and the data have 9 levels"),
        (Event((3,), Support.LEVELS, 9), GaussianMixture(1, 2), "distribution of real numbers"),
        (Event((3,)), LogisticMixture(1, 2, 9), "distribution of 9 levels, and the data have real values"),
    ],
    ids=str,
)
def test_a_conditional_that_does_not_suit_the_data_is_named(event: Event, conditional: Conditional, said: str) -> None:
    for name in ("nade", "made"):
        with pytest.raises(UserError, match=said):
            VECTORS[name](event, Flatten(event.shape), conditional)


def test_parameter_counts_are_the_papers() -> None:
    nade = NADE(binary(784), Flatten((784,)), Bernoulli(), 500)
    assert sum(p.numel() for p in nade.parameters()) == 785_284
    masked = MADE(binary(784), Flatten((784,)), Bernoulli(), (500,))
    assert sum(p.numel() for p in masked.parameters()) == 784 * 500 * 2 + 500 + 784 + 784**2


@torch.no_grad()
def test_a_wide_layer_begins_like_any_and_learns_in_proportion_to_one_over_its_inputs() -> None:
    with seeded(0):
        wide, narrow = (MaskedLinear(n, 200, informed=False) for n in (4 * FULL_RATE, FULL_RATE))
    for layer in (wide, narrow):
        x = torch.eye(layer.weight.shape[1])
        weights = layer(x, torch.ones_like(layer.weight)).T - layer.bias[:, None]
        assert weights.abs().max() * len(x) ** 0.5 == pytest.approx(1, abs=0.01)
        layer.weight += 1
        moved = layer(torch.ones(1, len(x)), torch.ones_like(layer.weight)) - layer.bias - weights.sum(1)
        assert moved.squeeze() == pytest.approx(FULL_RATE, abs=0.1)


@pytest.mark.parametrize("full_rate", [FULL_RATE, 10])
@pytest.mark.parametrize("masks", [1, 3])
@pytest.mark.parametrize("widths", [(50,), (40, 30), (3,)])
@pytest.mark.parametrize("event", [binary(30), Event((30,), Support.LEVELS, 5), Event((30,))], ids=lambda e: e.support)
def test_the_fast_sampler_of_made_sees_the_logits_of_a_full_pass(
    event: Event, widths: tuple[int, ...], masks: int, full_rate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made, "FULL_RATE", full_rate)
    with seeded(0):
        model = MADE(event, Flatten(event.shape), conditional_for(event, 1), widths, masks, masks)
        for p in model.parameters():
            p.data.copy_((1.0 if event.discrete else 0.2) * torch.randn(p.shape) / max(1, p.shape[-1]) ** 0.5)
    noise = Rng(0).uniform(16, 30, model.site.noises)
    for mask in range(masks):
        y, numbers = model.network.draw(mask, noise, model.site)
        full = model.network(model.site.features(y), torch.tensor(mask))
        assert (full - numbers).abs().max() < 1e-5
        again = model.site.draw(full, noise).squeeze(-1)
        assert (again - y).abs().median() < 1e-4


@pytest.mark.usefixtures("float64")
def test_the_order_agnostic_loss_is_the_mean_over_all_orders() -> None:
    with seeded(0):
        model = EoNADE(binary(3), Flatten((3,)), Bernoulli(), 6, 2, 1)
    y = states(2, 3).double()
    every = torch.tensor(list(itertools.permutations(range(3))))
    draws = Rng(0)
    with torch.no_grad():
        mean = model.log_joints(y, every).mean()
        estimates = torch.stack([model.log_density(y, Condition(), budget=None, rng=draws).mean() for _ in range(4000)])
    assert float(estimates.mean()) == pytest.approx(float(mean), abs=5 * float(estimates.std()) / 4000**0.5)
    assert float(estimates.std()) / 4000**0.5 < 0.01


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", ["eonade", "made, several orders"])
def test_the_mean_of_logarithms_over_orders_would_be_no_density(name: str) -> None:
    """The published bug that the sum over all states catches."""
    model, y = vector(name, binary(6)).eval(), states(2, 6).double()
    with torch.no_grad():
        if isinstance(model, EoNADE):
            joints = model.log_joints(y, model.orders)
        else:
            assert isinstance(model, MADE)
            joints = torch.stack([model.log_joint(y, mask) for mask in torch.arange(model.masks)])
    assert float(joints.exp().sum(1).max()) == pytest.approx(1, abs=1e-9)
    assert float(joints.mean(0).exp().sum()) < 0.99


class SigmoidTwice(Bernoulli):
    """The published bug: probabilities as logits."""

    def log_prob(self, y: Tensor, parameters: Tensor) -> Tensor:
        return super().log_prob(y, parameters.sigmoid())


@pytest.mark.parametrize(("site", "learns"), [(Bernoulli(), True), (SigmoidTwice(), False)], ids=["right", "twice"])
def test_a_sigmoid_applied_twice_cannot_learn_what_the_right_one_does(site: Bernoulli, learns: bool) -> None:
    points = torch.randint(2, (8, 9), generator=torch.Generator().manual_seed(0))
    with seeded(0):
        model = NADE(binary(9), Flatten((9,)), site, 32)
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    for _ in range(150):
        optimizer.zero_grad()
        model.loss(model.players[0], Batch(points), Rng(0)).value.backward()
        optimizer.step()
    assert (-float(model.score(points).value.mean()) < math.log(8) + 0.1) is learns


def test_a_map_that_knows_its_mask_has_a_bias_for_it() -> None:
    layer, mask = MaskedLinear(9, 4, informed=True), torch.ones(4, 9)
    mask[0] = 0
    with torch.no_grad():
        assert layer.informant is not None
        layer.informant.fill_(0.5)
        assert (layer.masked_bias(mask) - layer.bias).tolist() == pytest.approx([0, 1.5, 1.5, 1.5])
