"""The VAE against a model whose density is known, and against itself by quadrature."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from allmodes.data.dataset import Dataset, load_data
from allmodes.data.transforms import Flatten
from allmodes.errors import UserError
from allmodes.event import Batch, Condition, Event, Support
from allmodes.models.vae import VAE
from allmodes.networks.likelihoods import BEGIN, Bernoulli, Gaussian
from allmodes.networks.mlp import MLP
from allmodes.networks.widths import NARROWEST
from allmodes.random import Rng, seeded
from allmodes.recipes import build
from allmodes.score import Kind
from allmodes.training.trainer import Trainer

NONE = Condition()
DEVIATION = 0.6


class Constant(nn.Module):
    """A linear map beside a constant: mean and logarithm of the deviation."""

    def __init__(self, weight: Tensor, log_deviation: Tensor) -> None:
        super().__init__()
        self.weight, self.log_deviation = nn.Parameter(weight), nn.Parameter(log_deviation)

    def forward(self, x: Tensor) -> Tensor:
        mean = x @ self.weight.T
        return torch.cat([mean, self.log_deviation.expand_as(mean)], -1)


def linear_gaussian(*, exact_posterior: bool) -> tuple[VAE, Tensor, Tensor]:
    """x = W z + noise: the model, examples of it, and their exact log-density."""
    generator = torch.Generator().manual_seed(0)
    w = torch.randn(4, 1, generator=generator, dtype=torch.float64)
    covariance = w @ w.T + DEVIATION**2 * torch.eye(4, dtype=torch.float64)
    variance = 1 / (1 + (w.T @ w).item() / DEVIATION**2)
    posterior = variance * w.T / DEVIATION**2
    narrow = torch.tensor([math.log(variance) / 2], dtype=torch.float64)
    encoder = Constant(posterior, narrow) if exact_posterior else Constant(0.7 * posterior, narrow + 0.4)
    log_deviation = torch.full((4,), math.log(DEVIATION), dtype=torch.float64)
    # Gaussian() bounds widths from below by a softplus and begins narrow, which has to be undone.
    raw = torch.log(torch.expm1(log_deviation - NARROWEST)) + NARROWEST - BEGIN
    model = VAE(
        Event((4,)), Flatten((4,)), encoder, Constant(w, raw), likelihood=Gaussian(), latent=1, own_budget=1
    ).double()
    x = torch.linalg.cholesky(covariance) @ torch.randn(4, 400, generator=generator, dtype=torch.float64)
    exact = torch.distributions.MultivariateNormal(torch.zeros(4, dtype=torch.float64), covariance).log_prob(x.T)
    return model, x.T, exact


def test_with_the_exact_posterior_every_bound_is_the_exact_density() -> None:
    model, x, exact = linear_gaussian(exact_posterior=True)
    for budget in (2, 5):  # all weights are equal: no draw scatters
        torch.testing.assert_close(model.score(x, budget=budget).value, exact)
    # The evidence bound is exact on average over its one sample.
    score = model.score(x, budget=1)
    assert score.mean == pytest.approx(exact.mean().item(), abs=4 * score.standard_error)


def test_the_evidence_bound_lies_below_the_importance_bounds_and_they_below_the_density_to_which_they_converge() -> (
    None
):
    model, x, exact = linear_gaussian(exact_posterior=False)
    many = x.repeat(20, 1)
    means = [model.score(many, budget=budget).mean for budget in (1, 5, 50)]
    means.append(model.score(x, budget=5000).mean)
    truth = exact.mean().item()
    assert means[0] < means[1] - 0.01 < means[2] - 0.02
    assert means[2] < means[3] + 0.005
    assert means[1] < truth - 0.005
    assert means[3] == pytest.approx(truth, abs=0.003)


def test_the_weights_estimate_the_density_without_bias() -> None:
    model, x, exact = linear_gaussian(exact_posterior=False)
    repeated = x[:20].repeat_interleave(5000, 0)
    for budget in (2, 7):
        with torch.no_grad():
            drawn = model.log_density(repeated, NONE, budget=budget, rng=Rng(1)).exp().view(20, 5000)
        error = drawn.std(1) / math.sqrt(5000)
        assert ((drawn.mean(1) - exact[:20].exp()).abs() < 4.5 * error).all()


def test_the_gradient_of_one_sample_drawn_by_its_weight_is_that_of_all_on_average() -> None:
    model, x, _ = linear_gaussian(exact_posterior=False)
    model.samples = 5

    def moves(single: bool) -> tuple[Tensor, Tensor]:
        model.single = single
        bounds = [model.log_density(x[:50], NONE, budget=None, rng=Rng(seed)).mean() for seed in range(400)]
        slopes = [torch.autograd.grad(bound, list(model.parameters())) for bound in bounds]
        return torch.stack(bounds).detach(), torch.stack([torch.cat([g.flatten() for g in row]) for row in slopes])

    (bounds, all_of_them), (same, one) = moves(False), moves(True)
    torch.testing.assert_close(same, bounds)
    apart = one - all_of_them
    assert (apart.mean(0).abs() < 4.5 * apart.std(0) / 20).all()
    assert (one.std(0) > all_of_them.std(0)).all()


def test_the_closed_form_of_the_divergence_is_the_mean_of_the_sampled_one() -> None:
    model, x, _ = linear_gaussian(exact_posterior=False)
    repeated = x[:5].repeat_interleave(20_000, 0)
    with torch.no_grad():
        closed = model.log_density(repeated, NONE, budget=1, rng=Rng(0))
        mean, log_deviation = model.encode(repeated)
        noise = Rng(0).normal(*mean.shape).double()  # the same, so that only the divergences differ
        z = mean + log_deviation.exp() * noise
        normal = torch.distributions.Normal(0.0, 1.0)
        weight = (normal.log_prob(z) - normal.log_prob(noise) + log_deviation).sum(-1)
        sampled = model.likelihood.log_density(repeated, model.decoder(z)) + weight
    apart = (closed - sampled).view(5, -1)
    assert (apart.mean(1).abs() < 4.5 * apart.std(1) / math.sqrt(20_000)).all()
    assert apart.std() > 0.1


STATES = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 3).double()


def small_binary() -> tuple[VAE, Tensor]:
    """A VAE of three bits, and the masses of all eight states by quadrature over its one latent variable."""
    with seeded(3):
        encoder, decoder = MLP(3, 2, (5,)), MLP(1, 3, (5,))
        with torch.no_grad():
            for p in decoder.parameters():
                p.mul_(4)
    model = VAE(Event((3,), Support.BINARY), Flatten((3,)), encoder, decoder, likelihood=Bernoulli(), latent=1).double()
    z = torch.linspace(-9, 9, 4001, dtype=torch.float64)
    with torch.no_grad():
        inside = Bernoulli().log_density(STATES[:, None], model.decoder(z[:, None])[None]).exp()
        mass = torch.trapezoid(inside * torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi), z)
    return model, mass


def test_masses_sum_to_one_and_the_estimate_finds_them() -> None:
    model, mass = small_binary()
    assert mass.sum().item() == pytest.approx(1, abs=1e-9)
    score = model.score(STATES, budget=20_000)
    torch.testing.assert_close(score.value, mass.log(), rtol=0, atol=0.05)
    assert (score.kind, score.measure, score.budget) == (Kind.LOWER, "counting", 20_000)


def test_samples_are_drawn_and_follow_the_masses(follow: Callable[..., None]) -> None:
    """Means of p(x|z) instead of samples would put far too much mass on few states."""
    model, mass = small_binary()
    assert model.sample(1).dtype == torch.uint8
    follow(model, mass)


def test_the_loss_of_several_samples_is_the_tighter_bound_and_is_what_is_logged() -> None:
    model, x, _ = linear_gaussian(exact_posterior=False)
    (player,) = model.players
    batch = Batch(x.repeat(50, 1))
    losses = []
    for model.samples in (1, 50):
        loss = model.loss(player, batch, Rng(0))
        assert not loss.surrogate
        losses.append(loss.value.item())
    assert losses[1] < losses[0] - 0.02


@pytest.mark.parametrize(
    ("recipe", "kind"), [("vae", "binary"), ("vae", "digits"), ("iwae", "binary"), ("vae", "points")]
)
def test_a_trained_vae_is_better_than_independent_numbers(
    recipe: str, kind: str, events: dict[str, Dataset], digits: Dataset, make_trainer: Callable[..., Trainer]
) -> None:
    data = digits if kind == "digits" else events["binary"]
    if kind == "points":  # a ring: the two numbers are uncorrelated and not independent
        angle = 2 * np.pi * np.random.default_rng(0).random(2000)
        noise = 0.05 * np.random.default_rng(1).standard_normal((2000, 2))
        data = load_data((np.stack([np.cos(angle), np.sin(angle)], 1) + noise).astype(np.float32))
    trainer = make_trainer(recipe, data, steps=700, width=64, latent=8, batch=64, rate=3e-3)
    for _ in trainer:
        pass
    assert trainer.average is not None
    test = data.part("test").x
    with trainer.average.applied():
        nats = trainer.model.score(test, budget=200).mean
    train = data.part("train").x.flatten(1).double()
    held = test.flatten(1).double()
    if data.event.discrete:
        levels = max(2, data.event.levels)
        counts = torch.stack([(train == level).sum(0) for level in range(levels)]) + 0.1
        independent = (counts / counts.sum(0)).log().gather(0, held.long()).sum(1).mean().item()
    else:
        normal = torch.distributions.Normal(train.mean(0), train.std(0))
        independent = normal.log_prob(held).sum(1).mean().item()
    assert nats > independent + (0.3 if kind == "points" else 3)


def test_iwae_is_the_vae_with_more_samples() -> None:
    event = Event((5,), Support.BINARY)
    made = [build(name, event).model for name in ("vae", "iwae")]
    assert all(isinstance(model, VAE) for model in made)
    assert [model.samples for model in made] == [1, 5]  # type: ignore[union-attr]
    assert {n: p.shape for n, p in made[0].named_parameters()} == {n: p.shape for n, p in made[1].named_parameters()}


def test_training_begins_with_a_single_sample_for_a_share_of_its_steps() -> None:
    model, x, _ = linear_gaussian(exact_posterior=False)
    model.samples, model.evidence = 5, 0.5

    def bound(budget: int | None) -> Tensor:
        with torch.no_grad():
            return model.log_density(x[:50], NONE, budget=budget, rng=Rng(0))

    for model.t, k in ((0.0, 1), (0.49, 1), (0.5, 5), (1.0, 5)):
        torch.testing.assert_close(bound(None), bound(k), rtol=0, atol=0)
    model.t = 0.0
    model.eval()
    torch.testing.assert_close(bound(None), bound(5), rtol=0, atol=0)


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_of_the_training_is_one(share: float) -> None:
    ends = nn.Identity(), nn.Identity()
    with pytest.raises(UserError, match=f"evidence={share}: must be a share"):
        VAE(Event((1,)), Flatten((1,)), *ends, likelihood=Gaussian(), latent=1, evidence=share)


def test_no_importance_sample_is_refused() -> None:
    with pytest.raises(UserError, match="samples=0"):
        VAE(Event((1,)), Flatten((1,)), nn.Identity(), nn.Identity(), likelihood=Gaussian(), latent=1, samples=0)
