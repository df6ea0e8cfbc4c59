"""Variational autoencoders."""

from __future__ import annotations

from torch import nn

from allmodes.data.transforms import Chain, Flatten, ScaleToUnit, Transform, flat
from allmodes.errors import UserError
from allmodes.event import Event, Support
from allmodes.models.vae import VAE
from allmodes.networks.likelihoods import Bernoulli, DiscretizedLogistic, Gaussian, Likelihood
from allmodes.networks.mlp import MLP
from allmodes.recipes.base import Adam, Amount, Recipe, recipe
from allmodes.schedule import Cosine

LARGE = 500
"""Numbers an example from which training is long."""


@recipe(year=2013, paper="https://arxiv.org/abs/1312.6114", family="vae")
def vae(
    event: Event,
    *,
    width: int = 200,
    latent: int | None = None,
    rate: float = 1e-3,
    batch: int = 100,
    steps: int | None = None,
) -> Recipe:
    """Variational autoencoder: two dense layers each way, trained by the evidence bound."""
    return _autoencoder(event, width, latent, rate, batch, steps or _steps(event))


@recipe(year=2015, paper="https://arxiv.org/abs/1509.00519", family="vae")
def iwae(
    event: Event,
    *,
    width: int = 200,
    latent: int | None = None,
    samples: int = 5,
    single: bool = False,
    evidence: Amount = 0.0,
    rate: float = 1e-3,
    batch: int = 100,
    steps: int | None = None,
) -> Recipe:
    """Importance weighted autoencoder: the same networks, trained by the tighter bound of several samples.

    With `single` the gradient comes from one of them, drawn by its weight: more variance, a third of the work. The
    share `evidence` of the training begins with a single sample, as a VAE, which costs a fraction.
    """
    if samples == 1 and (single or evidence):
        raise UserError("--set samples=1: single and evidence are for several samples; leave them out, or ask for more")
    return _autoencoder(event, width, latent, rate, batch, steps or _steps(event) * 3 // 5, samples, single, evidence)


def _steps(event: Event) -> int:
    """Small images are few, and learned by heart by long training."""
    if event.size >= LARGE:
        return 50_000
    return 10_000 if event.image is None else 4_000


def _autoencoder(
    event: Event,
    width: int,
    latent: int | None,
    rate: float,
    batch: int,
    steps: int,
    samples: int = 1,
    single: bool = False,
    evidence: float = 0.0,
) -> Recipe:
    transform, likelihood = _likelihood(event)
    latent = latent or min(50, max(2, event.size))
    return Recipe(
        model=VAE(
            event,
            transform,
            MLP(event.size, 2 * latent, (width, width), activation=nn.Tanh),
            MLP(latent, likelihood.parameters * event.size, (width, width), activation=nn.Tanh),
            likelihood=likelihood,
            latent=latent,
            samples=samples,
            single=single,
            evidence=evidence,
        ),
        optimizer=Adam(Cosine(rate, rate / 100)),
        batch=batch,
        steps=steps,
        half_life=0.02,
        bf16=samples > 1,  # products of many rows
    )


def _likelihood(event: Event) -> tuple[Transform, Likelihood]:
    """The units and the distribution that suit the values of an event."""
    match event.support:
        case Support.BINARY:
            return Flatten(event.shape), Bernoulli()
        case Support.LEVELS:
            return Chain(ScaleToUnit(event.levels), Flatten(event.shape)), DiscretizedLogistic(event.levels)
        case _:
            return flat(event), Gaussian()
