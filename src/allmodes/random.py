"""Random numbers from an explicit generator, never from global state but for networks that know no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
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


AMBIENT = 0x9E3779B9
"""Turns a model's seed into that of what its networks draw from global generators: other numbers than its own."""


class Ambient:
    """What networks draw from torch's global generators, as `torch.nn.Dropout` does, kept apart from all other draws.

    Inside its block the global generators, of the CPU and of the device, go on from where its last block left them;
    outside they are as if there had been none.

    Arguments:
        seed: the same seed gives the same numbers.
        device: where networks compute.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._generators = {"cpu": torch.default_generator}
        if device.type == "cuda":
            torch.cuda.init()  # there are no default generators before
            index = torch.cuda.current_device() if device.index is None else device.index
            self._generators["cuda"] = torch.cuda.default_generators[index]
        self.state = {
            kind: torch.Generator(generator.device).manual_seed(seed ^ AMBIENT).get_state()
            for kind, generator in self._generators.items()
        }
        """By kind of device, the state of its generator, a byte tensor; assign to it to continue where it was read."""
        self._outside: list[dict[str, Tensor]] = []

    def __enter__(self) -> None:
        self._outside.append(self._exchange(self.state))

    def __exit__(self, *_: object) -> None:
        self.state = self._exchange(self._outside.pop())

    def _exchange(self, states: dict[str, Tensor]) -> dict[str, Tensor]:
        """Give the global generators these states; those that they had."""
        before = {kind: generator.get_state() for kind, generator in self._generators.items()}
        for kind, generator in self._generators.items():
            generator.set_state(states[kind])
        return before


class Rng:
    """The random numbers of one model.

    Arguments:
        seed: the same seed gives the same numbers on the same kind of device.
        device: where the numbers are drawn.
        rank, world: under distributed training each process asks for its share of a draw; all processes hold the same
            generator, draw the whole and keep their rows, so that N processes see the numbers that one would. What
            networks draw from global generators is the same in all processes.
    """

    def __init__(self, seed: int, device: torch.device | str = "cpu", *, rank: int = 0, world: int = 1) -> None:
        self.seed, self.generator = seed, torch.Generator(device).manual_seed(seed)
        self.rank, self.world = rank, world

    @cached_property
    def ambient(self) -> Ambient:
        """What networks draw from global generators, in whose block they do."""
        return Ambient(self.seed, self.generator.device)

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

    def require_one_process(self, what: str) -> None:
        """Refuse what cannot be shared.

        Raises:
            UserError: where there are several processes.
        """
        if self.world > 1:
            raise UserError(f"{what} lives in one process; train it without torchrun")

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

    @cached_property
    def ambient(self) -> Ambient:
        """That of the first, for all."""
        return self.rngs[0].ambient

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
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed the GPUs' generators too
        yield
