"""Known modes: mixtures of Gaussians, where what a sample misses can be counted."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from allmodes.errors import UserError
from allmodes.shares import percent

INSIDE = -math.expm1(-4.5)
"""Share of a mode within its radius of high quality."""


@dataclass(frozen=True)
class ModeReport:
    """What a sample captures of the modes that are there.

    Arguments:
        n: samples examined.
        counts: samples nearest to each mode, [K].
        high_quality_counts: those of them within the radius of high quality, [K].
        reverse_kl: KL(share of samples nearest to each mode || weights), nats, over the finite samples; None where no
            sample is finite. A perfect sampler has about (K - 1) / (2 n).
        not_finite: samples with a NaN or an infinite coordinate; they belong to no mode.
    """

    n: int
    counts: tuple[int, ...]
    high_quality_counts: tuple[int, ...]
    reverse_kl: float | None
    not_finite: int = 0

    @property
    def captured(self) -> int:
        """How many modes have at least one high-quality sample."""
        return sum(count > 0 for count in self.high_quality_counts)

    @property
    def high_quality(self) -> float:
        """Share of all samples that are of high quality; 0.989 for a perfect sampler."""
        return sum(self.high_quality_counts) / self.n

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return asdict(self) | {"captured": self.captured, "high_quality": self.high_quality}

    def __str__(self) -> str:
        kl = "undefined" if self.reverse_kl is None else f"{self.reverse_kl:.3f}"
        lost = f", {self.not_finite} samples not finite" if self.not_finite else ""
        return (
            f"{self.captured} of {len(self.counts)} modes captured, {percent(self.high_quality)} of samples lie in "
            f"one (perfect: {percent(INSIDE)}), reverse KL {kl}{lost}"
        )


@dataclass(frozen=True, eq=False)
class Modes:
    """A mixture of K isotropic Gaussians of one width.

    Arguments:
        centres: [K, d], in the user's units.
        sigma: standard deviation of each mode along each axis.
        weights: [K], positive; scaled to sum to one. Default: equal.

    References:
        VEEGAN (Srivastava et al., 2017), section 4.1, https://arxiv.org/abs/1705.07761
        PacGAN (Lin et al., 2017), section 4.1, https://arxiv.org/abs/1712.04086
    """

    centres: Tensor
    sigma: float
    weights: Tensor | None = None

    @property
    def shares(self) -> Tensor:
        """True probability of each mode, [K] float64."""
        weights = torch.ones(len(self.centres)) if self.weights is None else self.weights
        return weights.double() / weights.double().sum()

    @property
    def radius(self) -> float:
        """How far from its mode a sample may lie and be of high quality.

        3 sigma in two dimensions, which holds 1 - exp(-4.5) = 98.9 % of a mode; in d dimensions the radius that holds
        as much.
        """
        from scipy.stats import chi2

        return self.sigma * math.sqrt(chi2.ppf(INSIDE, self.centres.shape[1]))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """The perfect sampler: n draws, [n, d] float32."""
        mode = torch.multinomial(self.shares, n, replacement=True, generator=generator)
        # In float64: torch's vectorized float32 normals differ between processors, and so would the data's digest.
        noise = torch.randn(n, self.centres.shape[1], generator=generator, dtype=torch.float64)
        return (self.centres.double()[mode] + self.sigma * noise).float()

    def examine(self, samples: Tensor) -> ModeReport:
        """Count what a sample [n, d] captures.

        Raises:
            UserError: for samples of another dimension, or none.
        """
        if samples.dim() != 2 or samples.shape[1] != self.centres.shape[1] or not len(samples):
            raise UserError(
                f"samples of shape {tuple(samples.shape)} cannot be examined; "
                f"give [n, {self.centres.shape[1]}] with n >= 1"
            )
        finite = samples[samples.isfinite().all(1)].detach().cpu().double()
        exact = "donot_use_mm_for_euclid_dist"
        distance, mode = torch.cdist(finite, self.centres.double(), compute_mode=exact).min(1)
        counts = mode.bincount(minlength=len(self.centres))
        near = mode[distance <= self.radius].bincount(minlength=len(self.centres))
        return ModeReport(
            n=len(samples),
            counts=tuple(counts.tolist()),
            high_quality_counts=tuple(near.tolist()),
            reverse_kl=self._reverse_kl(counts) if len(finite) else None,
            not_finite=len(samples) - len(finite),
        )

    def _reverse_kl(self, counts: Tensor) -> float:
        shares = counts.double() / counts.sum()
        return float((torch.special.xlogy(shares, shares) - torch.xlogy(shares, self.shares)).sum())
