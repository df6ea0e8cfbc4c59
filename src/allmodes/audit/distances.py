"""Distances between two samples: Fréchet, kernel, sliced Wasserstein, each with its error and its floor."""

from __future__ import annotations

import math

import numpy as np
import torch

from allmodes.audit.finding import Finding
from allmodes.audit.floors import Figure, drawn, informed
from allmodes.audit.moments import CHUNK_ROWS, Moments, frechet_few, frechet_moments
from allmodes.audit.question import Question
from allmodes.audit.sets import Sets
from allmodes.audit.tiles import full_precision

SLICES = 128
"""Directions of the sliced Wasserstein distance."""
BLOCKS = 10
"""Of the jackknife of the Fréchet distance where there are fewer examples than features."""
TILE_BYTES = 2**22
"""Of one tile of kernel values."""
DEGREE = 3
"""Of the polynomial kernel."""
NEGLIGIBLE = 0.01
"""Share of its standard error that rounding may have in a kernel distance before float64 is used."""
WITHIN = {"frechet": (0.0, math.inf), "sliced_wasserstein": (0.0, math.inf)}
TITLES = {
    "frechet": "Fréchet distance",
    "kernel": "kernel distance",
    "sliced_wasserstein": "sliced Wasserstein distance",
}


def distances(sets: Sets, seed: int = 0, *, device: torch.device | str = "cpu") -> tuple[Finding, ...]:
    """Fréchet, kernel and sliced Wasserstein distance with their intervals and floors.

    They inform and do not decide: a mode of 7 % that is never generated moves a Fréchet distance by less than its noise
    in four of five cases.

    Arguments:
        sets: features.
        seed: draws the halves of the held-out examples that make the floor, and the slices.
        device: where kernels are computed.

    Returns:
        three findings.
    """

    def measure(real: np.ndarray, fake: np.ndarray) -> dict[str, Figure]:
        return {
            "frechet": frechet(real, fake),
            "kernel": kernel_distance(real, fake, device=device),
            "sliced_wasserstein": sliced_wasserstein(real, fake, seed=seed),
        }

    kernel = {"kernel": f"(x.y / {sets.real.shape[1]} + 1)^{DEGREE}"}
    return informed(sets, seed, measure, TITLES, {"kernel": kernel, "sliced_wasserstein": {"slices": SLICES}}, WITHIN)


def frechet(real: np.ndarray, fake: np.ndarray) -> Figure:
    r"""The squared Fréchet distance of Gaussians with the samples' means and covariances.

    It is biased: the truth against itself has about (d^2 / 4 + d) (1/n + 1/m) for d features of variance 1. Its
    standard error is that of its first-order influences

    .. math:: 2 (\mu - \nu)^T (x - \mu) + (x - \mu)^T (1 - T) (x - \mu)

    with the map T of `frechet_moments`, of both samples; where there are fewer examples than features, T does not
    exist and blocks are left out in turn.

    Arguments:
        real, fake: [n, d] and [m, d].
    """
    d = real.shape[1]
    if min(len(real), len(fake)) <= d:
        return _by_blocks(real, fake)
    a, b = Moments.of(real), Moments.of(fake)
    value, forth = frechet_moments(a, b)
    _, back = frechet_moments(b, a)
    one = np.eye(d)
    error = math.hypot(
        _influence(real, a.mean, a.mean - b.mean, one - forth),
        _influence(fake, b.mean, b.mean - a.mean, one - back),
    )
    return Figure(value, error)


def _influence(x: np.ndarray, mean: np.ndarray, shift: np.ndarray, form: np.ndarray) -> float:
    """Standard error of the mean influence of examples [n, d]."""
    parts = []
    for start in range(0, len(x), CHUNK_ROWS):
        centred = x[start : start + CHUNK_ROWS] - mean
        parts.append(2 * centred @ shift + np.einsum("nd,nd->n", centred @ form, centred))
    return float(np.concatenate(parts).std(ddof=1)) / math.sqrt(len(x))


def _by_blocks(real: np.ndarray, fake: np.ndarray) -> Figure:
    value = frechet_few(real, fake)
    left = [
        frechet_few(*(np.delete(x, slice(block, None, BLOCKS), axis=0) for x in (real, fake)))
        for block in range(BLOCKS)
    ]
    return Figure(value, math.sqrt((BLOCKS - 1) * float(np.var(left))))


def kernel_distance(real: np.ndarray, fake: np.ndarray, *, device: torch.device | str = "cpu") -> Figure:
    r"""The unbiased squared maximum mean discrepancy over all pairs, with a jackknife standard error.

    .. math:: \frac{1}{n(n-1)} \sum_{i \ne j} k(x_i, x_j) + \frac{1}{m(m-1)} \sum_{i \ne j} k(y_i, y_j)
              - \frac{2}{nm} \sum_{ij} k(x_i, y_j), \quad k(x, y) = (x \cdot y / d + 1)^3

    All pairs once, instead of the mean over random subsets, whose standard deviation is often printed as an error and
    is none. Products are taken in float32, and in float64 where rounding would count beside the standard error.

    Arguments:
        real, fake: [n, d] and [m, d].

    References:
        Demystifying MMD GANs (Bińkowski et al., 2018), section 4, https://arxiv.org/abs/1801.01401
        A kernel two-sample test (Gretton et al., 2012), equation 3
    """
    for dtype in (torch.float32, torch.float64):
        x, y = (torch.as_tensor(np.ascontiguousarray(part), dtype=dtype, device=device) for part in (real, fake))
        n, m = len(x), len(y)
        among_x, among_y, (of_x, of_y) = _within(x), _within(y), _between(x, y)
        influence_x, influence_y = among_x / (n - 1) - of_x / m, among_y / (m - 1) - of_y / n
        value = float(influence_x.mean() + influence_y.mean())
        error = 2 * math.hypot(influence_x.std() / math.sqrt(n), influence_y.std() / math.sqrt(m))
        size = float(np.abs(of_x).mean() / m)
        if torch.finfo(dtype).eps * size < NEGLIGIBLE * error:
            break
    return Figure(value, error)


def _kernel(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    with full_precision():
        base = torch.addmm(torch.ones((), dtype=x.dtype, device=x.device), x, y.T, alpha=1 / x.shape[1])
    return base.pow_(DEGREE)


def _within(x: torch.Tensor) -> np.ndarray:
    """Kernel values of each example summed over all others, [n] float64. Each pair is computed once."""
    sums = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    step = _step(x)
    for start in range(0, len(x), step):
        rows = x[start : start + step]
        for at in range(start, len(x), step):
            values = _kernel(rows, x[at : at + step])
            if at == start:
                values.fill_diagonal_(0)
            else:
                sums[at : at + step] += values.sum(0)
            sums[start : start + step] += values.sum(1)
    return sums.cpu().numpy()


def _between(x: torch.Tensor, y: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Kernel values of each example summed over the other sample, [n] and [m] float64."""
    sums_x, sums_y = (torch.zeros(len(part), dtype=torch.float64, device=x.device) for part in (x, y))
    step = _step(x)
    for start in range(0, len(x), step):
        for at in range(0, len(y), step):
            values = _kernel(x[start : start + step], y[at : at + step])
            sums_x[start : start + step] += values.sum(1)
            sums_y[at : at + step] += values.sum(0)
    return sums_x.cpu().numpy(), sums_y.cpu().numpy()


def _step(x: torch.Tensor) -> int:
    return math.isqrt(TILE_BYTES // x.dtype.itemsize)


def sliced_wasserstein(real: np.ndarray, fake: np.ndarray, *, slices: int = SLICES, seed: int = 0) -> Figure:
    r"""The sliced Wasserstein distance: the root of the mean squared distance along random directions.

    .. math:: SW^2 = E_\theta \int_0^1 (F_\theta^{-1}(u) - G_\theta^{-1}(u))^2 du

    Exact along each direction for any two sizes. Its standard error is that of Kantorovich's potentials, the
    first-order influences of the examples, averaged over the directions.

    Arguments:
        real, fake: [n, d] and [m, d].
        slices: how many directions.
        seed: draws them; the same for any two samples of d features.

    References:
        Sliced and Radon Wasserstein barycenters (Bonneel et al., 2015), definition 8
        Central limit theorems for empirical transportation cost (del Barrio and Loubes, 2019), theorem 4.1,
        https://arxiv.org/abs/1705.01299
    """
    directions = np.random.default_rng(seed).standard_normal((real.shape[1], slices))
    directions /= np.linalg.norm(directions, axis=0)
    centre = real.mean(0, dtype=np.float64)
    x, y = (_projected(part, centre, directions) for part in (real, fake))
    total = 0.0
    influence_x, influence_y = np.zeros(len(x)), np.zeros(len(y))
    pieces = _pieces(len(x), len(y))
    for a, b in zip(x.T, y.T, strict=True):
        order_a, order_b = np.argsort(a), np.argsort(b)
        a, b = a[order_a], b[order_b]
        i, j, weight = pieces
        total += float(weight @ np.square(a[i] - b[j]))
        influence_x[order_a] += _potential(a, np.bincount(i, weight * b[j], len(a)) * len(a))
        influence_y[order_b] += _potential(b, np.bincount(j, weight * a[i], len(b)) * len(b))
    value = math.sqrt(total / slices)
    error = math.hypot(*(v.std() / slices / math.sqrt(len(v)) for v in (influence_x, influence_y)))
    # From the square to the distance; near zero, where the slope is infinite, the error of the square itself.
    return Figure(value, error / max(2 * value, math.sqrt(error))) if error else Figure(value, 0.0)


def _projected(x: np.ndarray, centre: np.ndarray, directions: np.ndarray) -> np.ndarray:
    parts = [(x[start : start + CHUNK_ROWS] - centre) @ directions for start in range(0, len(x), CHUNK_ROWS)]
    return np.concatenate(parts)


def _pieces(n: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where two quantile functions of n and m steps are both constant: the steps of each, and the widths."""
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)  # in units of 1 / (n m): no rounding
    starts = np.append(0, ends[:-1])
    return starts // m, starts // n, (ends - starts) / (n * m)


def _potential(x: np.ndarray, partner: np.ndarray) -> np.ndarray:
    """Kantorovich's potential at sorted x: its slope is twice the way to the partner."""
    slope = 2 * (x - partner)
    return np.append(0.0, np.cumsum((slope[1:] + slope[:-1]) / 2 * np.diff(x)))


QUESTION = Question(
    name="distances",
    figures=TITLES,
    ask=lambda exam, level: distances(drawn(exam.sets, exam.seed), exam.seed, device=exam.device),
)
