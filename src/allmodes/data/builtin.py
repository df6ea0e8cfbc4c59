"""Data that come with the package: made from a fixed seed, or shipped with scikit-learn. Nothing is downloaded."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from allmodes.data.contents import Contents
from allmodes.data.modes import Modes
from allmodes.errors import UserError, unknown

COUNT = (int, np.integer)


@dataclass(frozen=True)
class Builtin:
    """One data set that comes with the package.

    Arguments:
        name: what `--data` takes.
        build: makes it; its keyword arguments are the data set's options.
        summary: one line.
        paper: where it was introduced, or its source.
        shape: of one example.
        n: examples by default.
    """

    name: str
    build: Callable[..., Contents]
    summary: str
    paper: str
    shape: tuple[int, ...]
    n: int

    @property
    def options(self) -> dict[str, Any]:
        """Names of the options and their defaults."""
        return {name: option.default for name, option in inspect.signature(self.build).parameters.items()}

    def make(self, **options: Any) -> Contents:
        """Build it.

        Raises:
            UserError: for an option that it does not have, or a number out of range.
        """
        for name, value in options.items():
            if name not in self.options:
                raise unknown(f"option of {self.name}", name, self.options)
            counts = isinstance(self.options[name], int)
            least, kind = int(counts and name != "seed"), COUNT if counts else (*COUNT, float, np.floating)
            what = "whole number" if counts else "finite number"
            if not isinstance(value, kind) or isinstance(value, bool) or not least <= value < math.inf:
                raise UserError(f"{self.name} with {name}={value!r}: give a {what} of at least {least}")
        return self.build(**options)


BUILTINS: dict[str, Builtin] = {}


def builtin(
    *, summary: str, paper: str, shape: tuple[int, ...], n: int = 50_000
) -> Callable[[Callable[..., Contents]], Callable[..., Contents]]:
    """Register a function that makes data; its name with dashes is the data's name."""

    def register(build: Callable[..., Contents]) -> Callable[..., Contents]:
        name = build.__name__.replace("_", "-")
        BUILTINS[name] = Builtin(name, build, summary, paper, shape, n)
        return build

    return register


def datasets() -> list[dict[str, Any]]:
    """What there is, as plain values: {name, summary, paper, shape, n, options}. Builds nothing."""
    return [
        {
            "name": entry.name,
            "summary": entry.summary,
            "paper": entry.paper,
            "shape": list(entry.shape),
            "n": entry.n,
            "options": entry.options,
        }
        for entry in BUILTINS.values()
    ]


def _mixture(modes: Modes, n: int, seed: int) -> Contents:
    return Contents(x=modes.sample(n, torch.Generator().manual_seed(seed)).numpy(), modes=modes)


@builtin(summary="8 narrow Gaussians on a circle", paper="https://arxiv.org/abs/1611.02163", shape=(2,))
def ring(*, modes: int = 8, radius: float = 1.0, sigma: float = 0.01, n: int = 50_000, seed: int = 0) -> Contents:
    """A GAN that collapses misses some of them (Unrolled GAN, Metz et al., 2016; sizes as in VEEGAN, 1705.07761)."""
    angle = 2 * math.pi * torch.arange(modes, dtype=torch.float64) / modes
    return _mixture(Modes(radius * torch.stack([angle.cos(), angle.sin()], 1), sigma), n, seed)


@builtin(summary="25 narrow Gaussians on a 5 x 5 grid", paper="https://arxiv.org/abs/1705.07761", shape=(2,))
def grid(*, sigma: float = 0.05, n: int = 50_000, seed: int = 0) -> Contents:
    """Centres at {-4, -2, 0, 2, 4} squared (VEEGAN, Srivastava et al., 2017; PacGAN, 1712.04086)."""
    ticks = torch.tensor([-4.0, -2.0, 0.0, 2.0, 4.0], dtype=torch.float64)
    return _mixture(Modes(torch.cartesian_prod(ticks, ticks), sigma), n, seed)


@builtin(summary="3 Gaussians of unequal weight on a line", paper="https://arxiv.org/abs/1701.00160", shape=(1,))
def mixture1d(*, sigma: float = 0.5, n: int = 50_000, seed: int = 0) -> Contents:
    """Weights 0.6, 0.3 and 0.1 at -4, 0 and 4: what each divergence gives up first (Goodfellow, 2016)."""
    centres = torch.tensor([[-4.0], [0.0], [4.0]], dtype=torch.float64)
    return _mixture(Modes(centres, sigma, torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)), n, seed)


@builtin(summary="a spiral in the plane", paper="https://arxiv.org/abs/1503.03585", shape=(2,))
def swissroll(*, noise: float = 0.02, n: int = 50_000, seed: int = 0) -> Contents:
    """(t cos t, t sin t) / (4.5 pi) for t uniform in 1.5 pi to 4.5 pi: radius 1/3 to 1, plus Gaussian noise."""
    rng = np.random.default_rng(seed)
    t = 1.5 * np.pi * (1 + 2 * rng.random(n))
    spiral = np.stack([t * np.cos(t), t * np.sin(t)], 1) / (4.5 * np.pi)
    return Contents(x=(spiral + noise * rng.standard_normal((n, 2))).astype(np.float32))


_DIGITS = "https://archive.ics.uci.edu/dataset/80"


@builtin(summary="1797 real handwritten digits, 8 x 8, 17 grey levels, 10 classes", paper=_DIGITS, shape=(8, 8), n=1797)
def digits() -> Contents:
    """The test part of UCI's optical recognition of handwritten digits, as scikit-learn ships it."""
    from sklearn.datasets import load_digits

    x, labels = load_digits(return_X_y=True)
    return Contents(
        x=np.asarray(x, np.uint8).reshape(-1, 8, 8),
        labels=np.asarray(labels, np.int64),
        classes=tuple("0123456789"),
        levels=17,
    )


@builtin(summary="3 digits in 3 channels, 1000 classes", paper="https://arxiv.org/abs/1611.02163", shape=(3, 8, 8))
def stacked_digits(*, n: int = 50_000, seed: int = 0) -> Contents:
    """Stacked MNIST's construction (Unrolled GAN, Metz et al., 2016) on the 8 x 8 digits."""
    single = digits()
    assert single.labels is not None
    drawn = np.random.default_rng(seed).integers(len(single.x), size=(n, 3))
    return Contents(
        x=single.x[drawn],
        labels=single.labels[drawn] @ np.array([100, 10, 1]),
        classes=tuple(f"{number:03d}" for number in range(1000)),
        levels=17,
    )
