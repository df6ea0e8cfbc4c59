"""Means and covariances, from pieces that can be merged; the Fréchet distance of two of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

CHUNK_ROWS = 4096


@dataclass(frozen=True, eq=False)
class Moments:
    r"""Number, mean and scatter of examples: sufficient for the Fréchet distance, and additive over shards.

    .. math:: S = \sum_i (x_i - \bar x)(x_i - \bar x)^T

    Arguments:
        n: examples.
        mean: [d] float64.
        scatter: [d, d] float64.
    """

    n: int
    mean: np.ndarray
    scatter: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray) -> Moments:
        """Of rows [n, d], a chunk at a time, in float64."""
        return merged(cls._chunk(x[start : start + CHUNK_ROWS]) for start in range(0, len(x), CHUNK_ROWS))

    @classmethod
    def _chunk(cls, x: np.ndarray) -> Moments:
        mean = x.mean(0, dtype=np.float64)
        centred = x - mean
        return cls(len(x), mean, centred.T @ centred)

    @property
    def covariance(self) -> np.ndarray:
        """Without bias, [d, d]."""
        return self.scatter / (self.n - 1)

    def __add__(self, other: Moments) -> Moments:
        """Of both sets of examples together.

        References:
            Updating formulae and a pairwise algorithm for computing sample variances (Chan, Golub, LeVeque, 1979),
            equation 1.4
        """
        n = self.n + other.n
        step = other.mean - self.mean
        scatter = self.scatter + other.scatter + np.outer(step, step) * (self.n * other.n / n)
        return Moments(n, self.mean + step * (other.n / n), scatter)


def merged(shards: Iterable[Moments]) -> Moments:
    """Of all shards together.

    >>> x = np.random.default_rng(0).standard_normal((100, 3))
    >>> whole, parts = Moments.of(x), merged(Moments.of(part) for part in np.split(x, [10, 70]))
    >>> np.allclose(whole.covariance, parts.covariance), np.allclose(parts.covariance, np.cov(x.T))
    (True, True)
    """
    first, *rest = shards
    for shard in rest:
        first = first + shard
    return first


def frechet_moments(real: Moments, fake: Moments) -> tuple[float, np.ndarray]:
    r"""The squared Fréchet distance of two Gaussians and the map that carries the first onto the second.

    .. math:: |\mu - \nu|^2 + tr A + tr B - 2\, tr (A^{1/2} B A^{1/2})^{1/2}, \quad
              T = A^{-1/2} (A^{1/2} B A^{1/2})^{1/2} A^{-1/2}

    Symmetric eigenvalues throughout: no root of a matrix that is not symmetric is taken.

    References:
        The Fréchet distance between multivariate normal distributions (Dowson and Landau, 1982), equation 4
        GANs trained by a two time-scale update rule (Heusel et al., 2017), equation 6, https://arxiv.org/abs/1706.08500
    """
    a, b = real.covariance, fake.covariance
    values, vectors = np.linalg.eigh(a)
    root = np.sqrt(values.clip(min=0))
    half = vectors * root
    inner_values, inner_vectors = np.linalg.eigh(half.T @ b @ half)
    inner = np.sqrt(inner_values.clip(min=0))
    distance = np.square(real.mean - fake.mean).sum() + np.trace(a) + np.trace(b) - 2 * inner.sum()
    inverse = np.where(root > 1e-7 * max(root.max(initial=0.0), 1e-300), 1 / np.where(root > 0, root, 1.0), 0.0)
    carry = (vectors * inverse) @ inner_vectors
    return max(float(distance), 0.0), (carry * inner) @ carry.T


def frechet_few(real: np.ndarray, fake: np.ndarray) -> float:
    r"""The squared Fréchet distance of samples [n, d] and [m, d] with n < d or m < d, without any [d, d] matrix.

    .. math:: tr (A B)^{1/2} = \| X Y^T \|_* / \sqrt{(n - 1)(m - 1)}

    for centred samples X and Y: the sum of the singular values of an [n, m] matrix, found as the roots of the
    eigenvalues of the smaller of its two squares.
    """
    few, many = (real, fake) if len(real) <= len(fake) else (fake, real)
    mean_few, mean_many = few.mean(0, dtype=np.float64), many.mean(0, dtype=np.float64)
    small = few - mean_few
    square, spread = np.zeros((len(few), len(few))), 0.0
    for start in range(0, len(many), CHUNK_ROWS):
        part = many[start : start + CHUNK_ROWS] - mean_many
        spread += float(np.square(part).sum())
        product = small @ part.T
        square += product @ product.T
    traces = float(np.square(small).sum()) / (len(few) - 1) + spread / (len(many) - 1)
    nuclear = np.sqrt(np.linalg.eigvalsh(square).clip(min=0)).sum() / np.sqrt((len(few) - 1) * (len(many) - 1))
    return max(float(np.square(mean_few - mean_many).sum() + traces - 2 * nuclear), 0.0)
