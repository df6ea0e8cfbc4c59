"""Variational autoencoders, trained by the evidence bound or by the tighter bound of several importance samples."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from allmodes.data.transforms import Transform
from allmodes.errors import UserError
from allmodes.event import Condition, Event
from allmodes.models.base import DensityModel
from allmodes.networks.likelihoods import Likelihood
from allmodes.networks.priors import StandardNormal
from allmodes.random import Rng
from allmodes.score import Kind


class VAE(DensityModel):
    r"""A decoder that makes x from a latent z, and an encoder that says which z may have made an x.

    With :math:`q(z|x) = N(\mu, \sigma^2)` from the encoder and :math:`p(z) = N(0, 1)` the bound is

    .. math:: \log p(x) \geq L_K = E_{z_1 \ldots z_K \sim q}
              \left[ \log \frac{1}{K} \sum_{k=1}^{K} \frac{p(x|z_k) \, p(z_k)}{q(z_k|x)} \right]

    by reparametrized samples :math:`z_k = \mu + \sigma \epsilon_k`. :math:`L_1` is the evidence bound; its divergence
    of q from the prior is taken in closed form. :math:`L_K` grows with K to :math:`\log p(x)`.

    Samples are drawn from p(x|z), they are not its means.

    Arguments:
        event: what one example is.
        transform: to vectors in the units of the likelihood, [..., size].
        encoder: [..., size] -> [..., 2 latent], mean and logarithm of the deviation.
        decoder: [..., latent] -> [..., parameters * size].
        likelihood: p(x|z).
        latent: dimensions of z.
        samples: K in training; 1 is the VAE, more the importance weighted autoencoder.
        single: whether the gradient comes from one of the K samples, drawn by its weight: equal on average, with more
            variance, for a third of the work (1509.00519, end of section 3).
        evidence: the share of the training that begins with a single sample, by the evidence bound, at a fraction of
            the work; the paper too trains a VAE's weights on with the tighter bound (1509.00519, section 5.2).
        own_budget: K of a score where none is asked for.

    References:
        Auto-Encoding Variational Bayes (Kingma and Welling, 2013), equations 3 and 10,
        https://arxiv.org/abs/1312.6114
        Importance Weighted Autoencoders (Burda et al., 2015), equation 8, https://arxiv.org/abs/1509.00519
    """

    kind = Kind.LOWER

    def __init__(
        self,
        event: Event,
        transform: Transform,
        encoder: nn.Module,
        decoder: nn.Module,
        *,
        likelihood: Likelihood,
        latent: int,
        samples: int = 1,
        single: bool = False,
        evidence: float = 0.0,
        own_budget: int = 100,
    ) -> None:
        super().__init__(event, transform)
        if samples < 1:
            raise UserError(f"samples={samples}: a VAE needs at least 1 importance sample an example")
        if not 0 <= evidence <= 1:
            raise UserError(f"evidence={evidence}: must be a share of the training, from 0 to 1")
        self.encoder, self.decoder = encoder, decoder
        self.likelihood, self.prior = likelihood, StandardNormal()
        self.latent, self.samples, self.single, self.evidence = latent, samples, single, evidence
        self._own_budget = own_budget

    @property
    def steady(self) -> bool:
        return not self.evidence

    @property
    def own_budget(self) -> int:
        return self._own_budget

    @property
    def _begins(self) -> bool:
        """Whether training is in its share by the evidence bound."""
        return self.training and self.evidence > 0 and bool(self.t < self.evidence)

    def encode(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the deviation of q(z|x), [..., size] -> [..., latent] each."""
        mean, log_deviation = self.encoder(y).to(y).chunk(2, -1)  # from bfloat16 where products run in it
        return mean, log_deviation

    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        """The bound with K = `budget`, one draw of its K samples."""
        k = budget or (1 if self._begins else self.samples)
        mean, log_deviation = self.encode(y)
        noise = rng.normal(mean.shape[-2], k * self.latent).to(mean).unflatten(-1, (k, self.latent))
        if k == 1:
            divergence = (mean.square() + (2 * log_deviation).exp() - 1) / 2 - log_deviation
            z = reparametrized(mean, log_deviation, noise)
            return self._log_likelihood(y, z).squeeze(-1) - divergence.sum(-1)
        if not (self.training and self.single):
            return self._log_weights(y, mean, log_deviation, noise).logsumexp(-1) - math.log(k)
        with torch.no_grad():
            log_weights = self._log_weights(y, mean, log_deviation, noise)
        passed = log_weights.softmax(-1).cumsum(-1) < rng.uniform(mean.shape[-2], 1).to(mean)
        drawn = passed.sum(-1).clamp(max=k - 1)[..., None, None]
        one = self._log_weights(y, mean, log_deviation, noise.take_along_dim(drawn, -2)).squeeze(-1)
        return log_weights.logsumexp(-1) - math.log(k) + one - one.detach()

    def _log_weights(self, y: Tensor, mean: Tensor, log_deviation: Tensor, noise: Tensor) -> Tensor:
        """The weights p(x|z) p(z) / q(z|x) of the samples of z, nats, [..., n, k, latent] -> [..., n, k]."""
        z = reparametrized(mean, log_deviation, noise)
        log_q = self.prior.log_density(noise) - log_deviation.sum(-1, keepdim=True)
        return self._log_likelihood(y, z) + self.prior.log_density(z) - log_q

    def _log_likelihood(self, y: Tensor, z: Tensor) -> Tensor:
        """Nats of x given each z, [..., n, size] and [..., n, k, latent] -> [..., n, k]."""
        parameters = self.decoder(z.flatten(-3, -2)).unflatten(-2, z.shape[-3:-1])
        return self.likelihood.log_density(y.unsqueeze(-2), parameters.to(y))

    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        z = self.prior.draw(n, self.latent, rng).to(next(self.parameters()))
        return self.likelihood.draw(self.decoder(z), rng)


def reparametrized(mean: Tensor, log_deviation: Tensor, noise: Tensor) -> Tensor:
    """Latents of a normal q from standard noise, [..., n, latent] and [..., n, k, latent] -> [..., n, k, latent]."""
    return mean.unsqueeze(-2) + log_deviation.exp().unsqueeze(-2) * noise
