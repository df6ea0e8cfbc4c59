"""The conformance suite: it passes models that are right, and names what is wrong with models that were published."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from allmodes.data.dataset import Dataset
from allmodes.data.transforms import Dequantize, Flatten, Standardize
from allmodes.errors import UserError
from allmodes.event import Batch, Condition, Event, Layout, Support
from allmodes.models.base import DensityModel, Loss, Player
from allmodes.models.flow import Flow
from allmodes.models.nice import NICE
from allmodes.random import Rng, seeded
from allmodes.recipes import build, recipes
from allmodes.score import Score
from allmodes.testing import CheckFailed, Report, check_model

BITS = Event((4,), Support.BINARY)
X = torch.randint(2, (40, 4), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


class BeliefNet(DensityModel):
    """A fully visible belief net of four bits: right, and small enough to be broken in many ways."""

    def __init__(self, order: tuple[int, ...] = (0, 1, 2, 3)) -> None:
        super().__init__(BITS, Flatten((4,)))
        with seeded(0):
            self.weight = nn.Parameter(0.7 * torch.randn(4, 4))
        self.bias = nn.Parameter(torch.full((4,), 0.3))
        self.place = torch.tensor(order).argsort()

    def mask(self) -> Tensor:
        return (self.place[:, None] > self.place).to(self.weight)

    def logits(self, y: Tensor) -> Tensor:
        return y @ (self.weight * self.mask()).T + self.bias

    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        logits = self.logits(y)
        return (y * logits - softplus(logits)).sum(-1)

    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        y, noise = torch.zeros(n, 4).to(self.weight), rng.uniform(n, 4)
        for i in self.place.argsort():
            y[:, i] = (noise[:, i] < torch.sigmoid(self.logits(y)[:, i])).to(y)
        return y


class SigmoidTwice(BeliefNet):
    def logits(self, y: Tensor) -> Tensor:
        return torch.sigmoid(super().logits(y))


class SigmoidTwiceInTheLossOnly(SigmoidTwice):
    """The sampler takes the logits for what they are."""

    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        y, noise = torch.zeros(n, 4).to(self.weight), rng.uniform(n, 4)
        for i in self.place.argsort():
            y[:, i] = (noise[:, i] < torch.sigmoid(BeliefNet.logits(self, y)[:, i])).to(y)
        return y


class OtherInTraining(BeliefNet):
    """Its training loss is called a likelihood and is another number."""

    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        value = super().log_density(y, condition, budget=budget, rng=rng)
        return value - 100 if self.training else value


class OtherGradientInTraining(BeliefNet):
    """Three times as steep in training as it says."""

    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        value = super().log_density(y, condition, budget=budget, rng=rng)
        return value + 2 * (value - value.detach()) if self.training else value


class SeesWhatItPredicts(BeliefNet):
    def mask(self) -> Tensor:
        return torch.ones(4, 4).to(self.weight)


class AveragedLogits(BeliefNet):
    """Logits are averaged over two orderings, and the sum of their Bernoulli terms is called a likelihood."""

    def logits(self, y: Tensor) -> Tensor:
        whole = y @ (self.weight * (1 - torch.eye(4)).to(self.weight)).T
        return whole / 2 + self.bias


class MaskedInPlace(BeliefNet):
    def logits(self, y: Tensor) -> Tensor:
        with torch.no_grad():
            self.weight.mul_(self.mask())
        return y @ self.weight.T + self.bias


class PlusLogP(BeliefNet):
    def loss(self, player: Player, batch: Batch, rng: Rng) -> Loss:
        loss = super().loss(player, batch, rng)
        return Loss(-loss.value, surrogate=False)


class MixesExamples(BeliefNet):
    def logits(self, y: Tensor) -> Tensor:
        logits = super().logits(y)
        return logits - logits.mean(0)


class Unreached(BeliefNet):
    def __init__(self) -> None:
        super().__init__()
        self.forgotten = nn.Linear(3, 3)


class WrongGradient(BeliefNet):
    def logits(self, y: Tensor) -> Tensor:
        logits = super().logits(y)
        return logits + (0.5 * logits - 0.5 * logits.detach())


class Hidden(BeliefNet):
    """What it needs is in no state."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = torch.randn(4)

    def logits(self, y: Tensor) -> Tensor:
        return super().logits(y) + self.shift.to(y)


class GlobalRandomness(BeliefNet):
    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        return torch.randint(2, (n, 4)).to(self.weight)


class Mean(BeliefNet):
    """Gives the probabilities of a step for samples."""

    def sample(self, n: int, condition: Condition | None = None, *, rng: Rng | None = None) -> Tensor:
        return torch.sigmoid(self.logits(super().sample(n, condition, rng=rng).to(self.weight))).detach()


class Silent(BeliefNet):
    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        return super().log_density(y, condition, budget=budget, rng=rng) / 0


class MoreThanAsked(BeliefNet):
    def sample(self, n: int, condition: Condition | None = None, *, rng: Rng | None = None) -> Tensor:
        return super().sample(n + 1, condition, rng=rng)


class RealNumbers(BeliefNet):
    def sample(self, n: int, condition: Condition | None = None, *, rng: Rng | None = None) -> Tensor:
        return super().sample(n, condition, rng=rng).float()


class Twos(BeliefNet):
    def sample(self, n: int, condition: Condition | None = None, *, rng: Rng | None = None) -> Tensor:
        return 2 * super().sample(n, condition, rng=rng)


class AlwaysTheSame(BeliefNet):
    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        return super().draw(n, condition, Rng(0))


class TurnedRoundInTraining(BeliefNet):
    def sample(self, n: int, condition: Condition | None = None, *, rng: Rng | None = None) -> Tensor:
        x = super().sample(n, condition, rng=rng)
        return 1 - x if self.training else x


class LeavesTraining(BeliefNet):
    def sample(self, n: int, condition: Condition | None = None, *, rng: Rng | None = None) -> Tensor:
        self.eval()
        return super().sample(n, condition, rng=rng)


class MovesInTraining(BeliefNet):
    def sample(self, n: int, condition: Condition | None = None, *, rng: Rng | None = None) -> Tensor:
        with torch.no_grad():
            self.bias.add_(0.001 * self.training)
        return super().sample(n, condition, rng=rng)


class MovesWhenScored(BeliefNet):
    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        with torch.no_grad():
            self.bias.add_(0.001)
        return super().log_density(y, condition, budget=budget, rng=rng)


class LoadsNothing(BeliefNet):
    def load_state_dict(self, *_: Any, **__: Any) -> Any: ...


class HiddenInTheScore(BeliefNet):
    def __init__(self) -> None:
        super().__init__()
        self.shift = float(torch.randn(()))

    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        return super().log_density(y, condition, budget=budget, rng=rng) + self.shift


class RandomScore(BeliefNet):
    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        return super().log_density(y, condition, budget=budget, rng=rng) - rng.uniform(len(y)).to(y)


class AboveOne(BeliefNet):
    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        return super().log_density(y, condition, budget=budget, rng=rng) + 9


class Lost(BeliefNet):
    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        return super().log_density(y, condition, budget=budget, rng=rng) - 0.5


class Ranked(BeliefNet):
    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        return super().log_density(y, condition, budget=budget, rng=rng) - 0.01 * torch.arange(len(y))


class Raises(BeliefNet):
    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        raise ValueError("no")


class OtherMeasure(BeliefNet):
    def score(self, *given: Any, **named: Any) -> Score:
        return replace(super().score(*given, **named), measure="lebesgue")


class ErrorOfAnExactScore(BeliefNet):
    def score(self, *given: Any, **named: Any) -> Score:
        return replace(super().score(*given, **named), standard_error=0.1)


BROKEN = {
    MoreThanAsked: r"samples are examples \(shape \(71, 4\)",
    RealNumbers: r"samples are examples \(dtype",
    Twos: r"samples are examples \(.* hold the value 2",
    AlwaysTheSame: r"samples follow their generator \(every generator gives the same",
    TurnedRoundInTraining: r"samples follow their generator \(two draws from one",
    LeavesTraining: r"evaluation changes nothing \(the training mode changed",
    MovesInTraining: r"evaluation changes nothing \(bias changed",
    MovesWhenScored: r"evaluation changes nothing \(bias changed",
    LoadsNothing: r"state loads \(samples differ",
    HiddenInTheScore: r"state loads \(scores differ",
    RandomScore: r"score says what it claims \(an exact score changes",
    AboveOne: r"score says what it claims \(a probability of",
    Lost: r"probabilities sum to one \(they sum to 0\.606",
    Ranked: r"batch does not matter \(the order matters",
    Raises: r"score says what it claims \(raised ValueError: no",
    OtherMeasure: r"score says what it claims \(measure lebesgue",
    ErrorOfAnExactScore: r"score says what it claims \(an exact score has a standard error",
    SigmoidTwice: "a few examples are learned by heart",
    SigmoidTwiceInTheLossOnly: "samples follow the density",
    AveragedLogits: "probabilities sum to one",
    MaskedInPlace: "evaluation changes nothing",
    PlusLogP: "loss is minus the score",
    OtherInTraining: "loss is minus the score",
    OtherGradientInTraining: "gradients are right",
    MixesExamples: "batch does not matter",
    Unreached: "gradients are right",
    WrongGradient: "gradients are right",
    Hidden: "state loads",
    GlobalRandomness: "samples follow their generator",
    Mean: "samples are examples",
    Silent: "score says what it claims",
    SeesWhatItPredicts: r"a few examples are learned by heart \(.*no probability has less than 0\.693",
}


def failed(report: Report) -> set[str]:
    return {check.name for check in report.having("failed")}


def test_a_right_model_passes_and_every_check_says_what_it_did() -> None:
    model = BeliefNet((2, 0, 3, 1))
    report = check_model(model, X, rebuild=lambda: BeliefNet((2, 0, 3, 1)))
    assert report.passed
    assert len(report.having("not applicable")) == 3  # quadrature, and two of flows
    assert "1 over 16 states" in str(report)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_what_is_wrong_is_named(broken: type[BeliefNet]) -> None:
    steps = 200 if "by heart" in BROKEN[broken] else 0
    with pytest.raises(CheckFailed, match=f"failed: {BROKEN[broken]}"):
        check_model(broken(), X, rebuild=broken, steps=steps)


class OtherPrior(NICE):
    """Trained with logistic latent variables, samples from normal ones."""

    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        return self.inverse(rng.normal(n, self.event.size).to(next(self.parameters())))


class WrongLogDeterminant(NICE):
    def forward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        z, log_det = super().forward(y)
        return z, log_det / 2


class WrongInverse(NICE):
    def inverse(self, z: Tensor) -> Tensor:
        return super().inverse(z) * 1.01


def plane(make: type[NICE]) -> tuple[Flow, Tensor]:
    x = 5 + 3 * torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
    with seeded(0):
        model = make(Event((2,)), Standardize((2,)), couplings=3, widths=(8,))
    model.fit(x)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3)
    return model, x


@pytest.mark.parametrize(
    ("broken", "names"),
    [
        (NICE, set()),
        (OtherPrior, {"samples follow the density"}),
        (WrongLogDeterminant, {"density integrates to one", "log determinant is that of the jacobian"}),
        (WrongInverse, {"inverse undoes forward"}),
    ],
)
def test_flows_are_integrated_and_their_samples_held_against_them(broken: type[NICE], names: set[str]) -> None:
    model, x = plane(broken)
    assert failed(check_model(model, x, raises=False)) >= names
    if broken is NICE:
        assert check_model(model, x).passed


def test_narrow_modes_are_integrated() -> None:
    """Where a grid would step over them."""

    class Modes(DensityModel):
        def __init__(self) -> None:
            super().__init__(Event((2,)), Flatten((2,)))
            self.centre = nn.Parameter(torch.tensor([[-100.0, 0.0], [70.0, 1.0], [0.0, 100.0]]))
            self.scale = 0.01

        def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
            z = (y.unsqueeze(-2) - self.centre) / self.scale
            each = -z.square().sum(-1) / 2 - math.log(2 * math.pi * self.scale**2 * 3)
            return each.logsumexp(-1)

        def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
            which = (3 * rng.uniform(n)).long()
            return self.centre[which] + self.scale * rng.normal(n, 2)

    model = Modes()
    report = check_model(model, model.sample(100, rng=Rng(3)), raises=False)
    assert failed(report) == set()


def test_a_gan_passes_with_the_checks_that_apply() -> None:
    model = build("gan2014", Event((2,)), {"width": 8}, steps=10).model
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    model.fit(x)
    report = check_model(model, x)
    assert len(report.having("passed")) == 5
    assert {check.name for check in report.having("passed")} == {
        "samples are examples",
        "samples follow their generator",
        "evaluation changes nothing",
        "state loads",
        "gradients are right",
    }
    assert "has no density" in str(report)


OURS = ("nade", "made", "eonade", "rbm", "vae", "iwae", "nice", "realnvp", "spline")
SMALL: dict[str, Any] = {"width": 8, "latent": 4}


@pytest.mark.parametrize("event", [BITS, Event((2,))], ids=["bits", "plane"])
@pytest.mark.parametrize("recipe", OURS)
def test_ours_pass(recipe: str, event: Event) -> None:
    settings = {name: value for name, value in SMALL.items() if name in recipes()[recipe].settings}
    x = X if event is BITS else 5 + 3 * torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
    try:
        model = build(recipe, event, settings, steps=10).model
    except UserError as refusal:
        pytest.skip(str(refusal))
    model.fit(x)
    steps = 500 if recipe in ("nade", "made") else 0
    check_model(model, x, rebuild=lambda: build(recipe, event, settings, steps=10, seed=1).model, steps=steps)


@pytest.mark.parametrize("recipe", ["pixelcnn", "gated-pixelcnn", "pixelrnn-row", "pixelrnn-diagonal", "gsn"])
def test_ours_of_images_pass(recipe: str) -> None:
    event = Event((2, 2), Support.BINARY, layout=Layout.HW)
    settings = {name: value for name, value in SMALL.items() if name in recipes()[recipe].settings}
    model = build(recipe, event, settings, steps=10).model
    x = X.reshape(-1, 2, 2)
    model.fit(x)
    another = build(recipe, event, settings, steps=10, seed=1).model
    check_model(model, x, rebuild=lambda: another, steps=0, budget=30)


def test_levels_of_an_image_pass() -> None:
    event = Event((2, 2), Support.LEVELS, 3, Layout.HW)
    x = torch.randint(3, (40, 2, 2), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    for recipe in ("vae", "realnvp"):
        model = build(recipe, event, {"width": 8}).model
        model.fit(x)
        assert any(isinstance(part, Dequantize) for part in model.modules()) == (recipe == "realnvp")
        check_model(model, x)


def test_a_condition_too_few_or_of_another_length_is_refused(digits: Dataset) -> None:
    model = build("cgan", digits.event, {"width": 8}).model
    x, condition = digits.x[:20], digits.condition[torch.arange(20)]
    model.fit(x)
    with pytest.raises(UserError, match="needs the condition of each example"):
        check_model(model, x)
    with pytest.raises(UserError, match=r"has shape \(19,\); 20 examples need \(20,\)"):
        check_model(model, x, condition[torch.arange(19)])


def test_examples_that_the_model_cannot_have_are_refused() -> None:
    with pytest.raises(UserError, match=r"0\.5"):
        check_model(BeliefNet(), X + 0.5)
    with pytest.raises(UserError, match="at least 2 examples"):
        check_model(BeliefNet(), X[:1])


def test_the_model_is_left_as_it_was() -> None:
    model = BeliefNet().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    check_model(model, X, steps=10, raises=False)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.get_default_dtype() == torch.float32
