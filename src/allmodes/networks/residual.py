"""The residual blocks of SNGAN and BigGAN."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

from allmodes.networks.sizes import halve


class GrowingBlock(nn.Module):
    """A generator's block: two normalized convolutions on a map that grows, beside a shortcut.

    [n, before, *] -> [n, after, *size]

    Arguments:
        before, after: channels.
        size: (rows, columns) of the map that it makes.
        normalize: makes the normalization of so many channels, called with the map and what the block is given.

    References:
        SNGAN (Miyato et al., 2018), figure 8, https://arxiv.org/abs/1802.05957
        BigGAN (Brock et al., 2018), figure 15 b, https://arxiv.org/abs/1809.11096
    """

    def __init__(self, before: int, after: int, size: tuple[int, int], normalize: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.size = size
        self.first_norm, self.second_norm = normalize(before), normalize(after)
        self.first = nn.Conv2d(before, after, 3, padding=1)
        self.second = nn.Conv2d(after, after, 3, padding=1)
        self.shortcut = nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor, *given: Tensor) -> Tensor:
        y = self.first(interpolate(relu(self.first_norm(x, *given)), self.size))
        y = self.second(relu(self.second_norm(y, *given)))
        return y + interpolate(self.shortcut(x), self.size)  # single pixels before growing: the same, at a quarter


class ShrinkingBlock(nn.Module):
    """A discriminator's block: two convolutions without normalization, then half the size, beside a shortcut.

    [n, before, rows, columns] -> [n, after, rows // 2, columns // 2]

    Arguments:
        before, after: channels.
        shrinks: False leaves the size as it is.
        first: the block sees the image itself, which no rectifier may cut.

    References:
        SNGAN (Miyato et al., 2018), figure 8 and tables 4 and 5, https://arxiv.org/abs/1802.05957
    """

    def __init__(self, before: int, after: int, *, shrinks: bool, first: bool = False) -> None:
        super().__init__()
        self.shrinks, self.rectifies = shrinks, not first
        self.first = nn.Conv2d(before, after, 3, padding=1)
        self.second = nn.Conv2d(after, after, 3, padding=1)
        self.shortcut = nn.Conv2d(before, after, 1) if shrinks or before != after else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(relu(self.first(relu(x) if self.rectifies else x)))
        if self.shrinks:
            x, y = halve(x), halve(y)
        return y + self.shortcut(x)
