"""Between vectors and maps whose channels lie last in memory, where convolutions are fastest."""

from __future__ import annotations

from torch import Tensor, nn


class ToMaps(nn.Module):
    """A vector as maps, [n, rows * columns * channels] -> [n, channels, rows, columns], without moving a number.

    Arguments:
        channels, rows, columns: of the maps.
    """

    def __init__(self, channels: int, rows: int, columns: int) -> None:
        super().__init__()
        self.shape = (rows, columns, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, self.shape).movedim(-1, -3)


class FromMaps(nn.Module):
    """The inverse of `ToMaps`."""

    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(-3, -1).flatten(-3)
