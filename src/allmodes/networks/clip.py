"""An end for generators of images whose pixels lie between two bounds, many of them at one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LEAK = 0.01
"""What is left, in training, of what lies beyond an end."""


class LeakyClip(nn.Module):
    """Numbers kept in [-1, 1], any shape; in training all but a hundredth of what lies beyond.

    Where most pixels are black, all of a young generator's are soon. At the end of a tanh they stay so: the slope there
    is nothing, in bfloat16 exactly. Here a pixel is black at once and comes back by a small step.
    """

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(torch.promote_types(x.dtype, torch.float32))  # bfloat16 would round away what leaks
        clipped = x.clamp(-1, 1)
        return clipped + LEAK * (x - clipped) if self.training else clipped
