"""A round of the game on small tensors, and a discriminator whose gradient is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from allmodes.adversarial.round import Judge, Round
from allmodes.event import Condition
from allmodes.random import Rng


class Quadratic(nn.Module):
    """D(x) = x A x / 2 + b x with a symmetric A, so that its gradient is A x + b; it counts its passes."""

    def __init__(self) -> None:
        super().__init__()
        square, self.b = torch.randn(3, 3), torch.randn(3)
        self.a = square + square.T
        self.passes = 0

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        return ((x @ self.a) * x).sum(-1, keepdim=True) / 2 + (x @ self.b)[..., None]

    def gradient(self, x: Tensor) -> Tensor:
        return x @ self.a + self.b


@pytest.fixture
def quadratic(float64: None) -> Quadratic:
    torch.manual_seed(1)
    return Quadratic()


@pytest.fixture
def points(float64: None) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(7, 3), torch.randn(7, 3)


RoundOf = Callable[..., Round]


@pytest.fixture(scope="session")
def round_of() -> RoundOf:
    """A round with the given discriminator and examples."""

    def make(
        discriminator: Callable[[Tensor], Tensor],
        real: Tensor,
        fake: Tensor,
        *,
        networks: Mapping[str, nn.Module] | None = None,
        condition: Condition | None = None,
        axes: int = 1,
        seed: int = 0,
        t: float = 0.0,
        step: int = 0,
        users: Callable[[Tensor], Tensor] = lambda y: y,
        **changed: Any,
    ) -> Round:
        return Round(
            networks=networks or {},
            judge=Judge(discriminator),
            real=real,
            fake=fake,
            generated=changed.get("generated", fake),
            users=users,
            condition=condition or Condition(),
            axes=axes,
            rng=Rng(seed),
            t=t,
            step=step,
        )

    return make
