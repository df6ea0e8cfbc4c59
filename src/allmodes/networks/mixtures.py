"""Mixtures as the distribution of a site: of Gaussians for real numbers, of logistics for integer levels."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from allmodes.networks.discrete import choose, pairs
from allmodes.networks.logistic import log_mass
from allmodes.networks.widths import bounded


@dataclass(frozen=True)
class Mixture(ABC):
    r"""K components with one weight for a site's C numbers together.

    .. math:: p(y) = \sum_k \pi_k \prod_c p(y_c | \mu_{kc} + \sum_{j < c} w_{kcj} f(y_j), s_{kc})

    with the features f. The network gives log pi, mu, log s and w, which a tanh keeps within 1 as in the paper.

    Arguments:
        channels: C.
        components: K.

    References:
        PixelCNN++ (Salimans et al., 2017), section 2.2, https://arxiv.org/abs/1701.05517
    """

    channels: int
    components: int

    @property
    def parameters(self) -> int:
        return self.components * (1 + 2 * self.channels + pairs(self.channels))

    @property
    def noises(self) -> int:
        return 1 + self.channels

    @abstractmethod
    def features(self, y: Tensor) -> Tensor: ...

    @abstractmethod
    def _log_prob(self, y: Tensor, f: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
        """Of numbers, [..., 1], with their features under each component, [..., K]."""

    @abstractmethod
    def _quantile(self, u: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
        """The number of one component, all [...], in the networks' units."""

    def log_prob(self, y: Tensor, parameters: Tensor) -> Tensor:
        weights, rest = self._split(parameters)
        total = log_softmax(weights, -1)
        f = self.features(y)
        for c in range(self.channels):
            mean, log_scale = self._component(rest, f, c)
            total = total + self._log_prob(y[..., c : c + 1], f[..., c : c + 1], mean, log_scale)
        return total.logsumexp(-1)

    def draw(self, parameters: Tensor, noise: Tensor) -> Tensor:
        weights, rest = self._split(parameters)
        k = choose(weights, noise[..., :1])
        rest = rest.gather(-1, k.unsqueeze(-2).expand(*rest.shape[:-1], 1))
        tiny = torch.finfo(noise.dtype).eps / 2
        u = noise.clamp(tiny, 1 - tiny)
        y = noise.new_zeros(*noise.shape[:-1], self.channels)
        for c in range(self.channels):
            mean, log_scale = self._component(rest, self.features(y), c)
            y[..., c] = self._quantile(u[..., 1 + c], mean.squeeze(-1), log_scale.squeeze(-1))
        return y

    def _split(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Weights [..., K], and means, scales and coefficients, [..., 2C + pairs, K]."""
        weights, rest = parameters.tensor_split([self.components], -1)
        return weights, rest.unflatten(-1, (-1, self.components))

    def _component(self, rest: Tensor, f: Tensor, c: int) -> tuple[Tensor, Tensor]:
        """Mean and log-scale of channel c given the features of those before it, [..., K] each."""
        mean, log_scale = rest[..., c, :], bounded(rest[..., self.channels + c, :])
        if c:
            first = 2 * self.channels + pairs(c)
            mean = mean + (rest[..., first : first + c, :].tanh() * f[..., :c, None]).sum(-2)
        return mean, log_scale


@dataclass(frozen=True)
class GaussianMixture(Mixture):
    """Real numbers: a mixture of Gaussians.

    References:
        RNADE (Uria et al., 2013), section 3, https://arxiv.org/abs/1306.0186
    """

    def features(self, y: Tensor) -> Tensor:
        return y

    def _log_prob(self, y: Tensor, f: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
        return -0.5 * ((y - mean) * (-log_scale).exp()).square() - log_scale - 0.5 * math.log(2 * math.pi)

    def _quantile(self, u: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
        return mean + log_scale.exp() * torch.special.ndtri(u)


@dataclass(frozen=True)
class LogisticMixture(Mixture):
    r"""Integer levels 0 .. levels - 1: a mixture of logistics, each level the mass of its bin, the ends open.

    .. math:: P(y) = \sigma(b) - \sigma(a) = \sigma(b) \sigma(-a) (1 - e^{a - b}),
        \quad a, b = (f(y) \mp 1 / (L - 1) - \mu) / s

    The product never cancels, so that no probability has to be clipped and all sum to 1.

    References:
        PixelCNN++ (Salimans et al., 2017), equation 2, https://arxiv.org/abs/1701.05517
    """

    levels: int

    def features(self, y: Tensor) -> Tensor:
        return 2 * y / max(1, self.levels - 1) - 1

    def _log_prob(self, y: Tensor, f: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
        half = 1 / max(1, self.levels - 1)
        inverse = (-log_scale).exp()
        a, b = (f - half - mean) * inverse, (f + half - mean) * inverse
        return log_mass(a, b, 2 * half * inverse, y < 0.5, y > self.levels - 1.5)

    def _quantile(self, u: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
        f = mean + log_scale.exp() * u.logit()
        return ((f + 1) / 2 * (self.levels - 1)).round().clamp(0, self.levels - 1)
