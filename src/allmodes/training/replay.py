"""A step recorded once on a GPU and launched whole: small networks wait for launches, not for arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from allmodes.event import Batch

WARM_UP = 3
"""Steps that run one operation at a time before the recording: libraries choose their kernels in them."""


class Replay:
    """A function of batches and numbers, as a CUDA graph from its fourth call on.

    The function must launch the same operations each time: it reads the numbers as scalar tensors, waits for nothing,
    and leaves its results in place.

    Arguments:
        function: from batches and scalar tensors to a tensor.
        device: the GPU.
        generators: what the function draws from.
    """

    def __init__(
        self,
        function: Callable[[Sequence[Batch], Sequence[Tensor]], Tensor],
        device: torch.device,
        generators: Sequence[torch.Generator],
    ) -> None:
        self.function, self.generators = function, generators
        self.stream = torch.cuda.Stream(device)
        self.graph: torch.cuda.CUDAGraph | None = None
        self.calls = 0
        self._device = device
        self._batches: list[Batch] = []
        self._numbers: list[Tensor] = []
        self._result = torch.empty(0)

    def __call__(self, batches: Sequence[Batch], numbers: Sequence[float]) -> Tensor:
        """The function's result, a tensor of its own."""
        self.calls += 1
        if self.graph is None:
            tensors = [torch.tensor(number, device=self._device, dtype=torch.float32) for number in numbers]
            if self.calls <= WARM_UP:
                return self._beside(batches, tensors)
            self._batches, self._numbers = [batch.map(torch.clone) for batch in batches], tensors
            self.graph = self._record()
        for kept, number in zip(self._numbers, numbers, strict=True):
            kept.fill_(number)
        for kept, batch in zip(self._batches, batches, strict=True):
            for target, source in zip(_tensors(kept), _tensors(batch), strict=True):
                target.copy_(source)
        self.graph.replay()
        return self._result.clone()

    def _beside(self, batches: Sequence[Batch], numbers: Sequence[Tensor]) -> Tensor:
        """One call on the stream on which it will be recorded."""
        current = torch.cuda.current_stream(self._device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            result = self.function(batches, numbers)
        current.wait_stream(self.stream)
        return result

    def _record(self) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        for generator in self.generators:
            graph.register_generator_state(generator)
        with torch.cuda.graph(graph, stream=self.stream):
            self._result = self.function(self._batches, self._numbers)
        return graph


def _tensors(batch: Batch) -> list[Tensor]:
    return [t for t in (batch.x, batch.condition.labels, batch.condition.values) if t is not None]
