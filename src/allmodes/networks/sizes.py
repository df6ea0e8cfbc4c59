"""The sizes of the maps between an image and its coarsest form, and changes from one to the next."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d

SMALLEST = 4


def halvings(rows: int, columns: int) -> list[tuple[int, int]]:
    """The sizes from an image down to its coarsest map, halved while the shorter side stays at 4 or more.

    >>> halvings(32, 32)
    [(32, 32), (16, 16), (8, 8), (4, 4)]
    >>> halvings(20, 65)
    [(20, 65), (10, 32), (5, 16)]
    """
    sizes = [(rows, columns)]
    while min(sizes[-1]) >= 2 * SMALLEST:
        sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
    return sizes


def halve(x: Tensor) -> Tensor:
    """The mean over 2 x 2 pixels, [n, channels, rows, columns] -> [n, channels, rows // 2, columns // 2].

    For an even side this is bilinear interpolation; an odd one has windows of three, so that no pixel is left out.
    """
    rows, columns = x.shape[-2:]
    if rows % 2 or columns % 2:
        return adaptive_avg_pool2d(x, (rows // 2, columns // 2))
    return avg_pool2d(x, 2)
