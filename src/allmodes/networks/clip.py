"""An end for generators of images whose pixels lie between two bounds, many of them at one."""

from __future__ import annotations

from torch import Tensor, nn

from allmodes.leak import leaky_clamp


class LeakyClip(nn.Module):
    """Numbers kept in [-1, 1], any shape, by a clamp with a hundredth of a gradient that leads back to them.

    Where most pixels are black, all of a young generator's are soon. At the end of a tanh they stay so: the slope there
    is nothing, in bfloat16 exactly. Here a pixel is black at once and comes back by a small step.
    """

    def forward(self, x: Tensor) -> Tensor:
        return leaky_clamp(x, -1, 1)
