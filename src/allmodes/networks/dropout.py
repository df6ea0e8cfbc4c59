"""Dropout, whose random numbers come from an explicit generator."""

from __future__ import annotations

from torch import Tensor, nn

from allmodes.random import Rng


class Dropout(nn.Module):
    """Leaves out whole channels in training, others of each example; those that stay grow, so that the mean stays too.

    Neighbouring pixels of a channel say much the same, so that one that is left out alone is made up for.

    Arguments:
        share: chance of a channel to be left out; 0 for no dropout.

    References:
        Dropout (Srivastava et al., 2014), https://jmlr.org/papers/v15/srivastava14a.html
        Efficient object localization using convolutional networks (Tompson et al., 2015), section 3.3, for channels,
        https://arxiv.org/abs/1411.4280
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor, rng: Rng) -> Tensor:
        """[n, C, *] -> [n, C, *]."""
        if not (self.training and self.share):
            return x
        kept = rng.uniform(*x.shape[:2]) >= self.share
        return x * (kept.to(x.dtype) / (1 - self.share)).reshape(kept.shape + (1,) * (x.dim() - 2))
