"""Random numbers from an explicit generator, never from global state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import SupportsIndex

import torch
from torch import Tensor

from allmodes.errors import UserError, whole


def require_seed(given: SupportsIndex, flag: str = "--seed", *, bits: int = 63) -> int:
    """A seed of so many bits, as a number of Python's own.

    Raises:
        UserError: for what is no whole number, below 0 or from 2^bits on.
    """
    seed = whole(given, flag)
    if not 0 <= seed < 2**bits:
        raise UserError(f"{flag} {seed}: must be at least 0 and below 2^{bits}")
    return seed


class Rng:
    """The random numbers of one model.

    Arguments:
        seed: the same seed gives the same numbers on the same kind of device.
        device: where the numbers are drawn.
        rank, world: under distributed training each process asks for its share of a draw; all processes hold the same
            generator, draw the whole and keep their rows, so that N processes see the numbers that one would.
    """

    def __init__(self, seed: int, device: torch.device | str = "cpu", *, rank: int = 0, world: int = 1) -> None:
        self.generator = torch.Generator(device).manual_seed(seed)
        self.rank, self.world = rank, world

    @property
    def generators(self) -> tuple[torch.Generator, ...]:
        """What is drawn from."""
        return (self.generator,)

    def normal(self, n: int, *shape: int) -> Tensor:
        """Standard normal numbers, [n, *shape]."""
        return self._share(torch.randn(n * self.world, *shape, generator=self.generator, device=self.generator.device))

    def uniform(self, n: int, *shape: int) -> Tensor:
        """Numbers uniform on [0, 1), [n, *shape]."""
        return self._share(torch.rand(n * self.world, *shape, generator=self.generator, device=self.generator.device))

    def _share(self, drawn: Tensor) -> Tensor:
        return drawn if self.world == 1 else drawn.chunk(self.world)[self.rank]

    @property
    def state(self) -> Tensor:
        """The generator's state, a byte tensor; assign it to continue where it was read."""
        return self.generator.get_state()

    @state.setter
    def state(self, state: Tensor) -> None:
        self.generator.set_state(state)


class StackedRng(Rng):
    """The random numbers of S stacked models: each row of a draw, [S, n, *shape], is what its own `Rng` would give."""

    def __init__(self, rngs: Sequence[Rng]) -> None:
        self.rngs, self.rank, self.world = tuple(rngs), 0, 1

    @property
    def generators(self) -> tuple[torch.Generator, ...]:
        return tuple(rng.generator for rng in self.rngs)

    def normal(self, n: int, *shape: int) -> Tensor:
        return torch.stack([rng.normal(n, *shape) for rng in self.rngs])

    def uniform(self, n: int, *shape: int) -> Tensor:
        return torch.stack([rng.uniform(n, *shape) for rng in self.rngs])

    @property
    def state(self) -> Tensor:
        """The states of all generators, [S, bytes]."""
        return torch.stack([rng.state for rng in self.rngs])

    @state.setter
    def state(self, state: Tensor) -> None:
        for rng, row in zip(self.rngs, state, strict=True):
            rng.state = row.clone()  # torch crashes on a state that is a view into a larger tensor


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Run a block that draws from torch's global generator (module constructors do) from a seed, and leave no trace."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
