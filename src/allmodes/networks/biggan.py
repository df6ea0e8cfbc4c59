"""BigGAN's networks for images of any size and number of channels."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from allmodes.event import Condition
from allmodes.networks.attention import SelfAttention
from allmodes.networks.conditional import ConditionVector, Projection
from allmodes.networks.layout import ToMaps
from allmodes.networks.normalization import ConditionalBatchNorm
from allmodes.networks.residual import GrowingBlock, ShrinkingBlock
from allmodes.networks.sizes import halvings

ATTENDED = 64
"""The shorter side of the finest map with attention, at most."""
WIDTHS = {6: (16, 16, 8, 8, 4, 2, 1), 7: (16, 16, 8, 8, 4, 2, 1, 1)}
"""Widths of the maps of 256 x 256 and 512 x 512 images, coarsest first, by their doublings (tables 5 and 6)."""


def widths(doublings: int) -> tuple[int, ...]:
    """Channels of a generator's maps in units of its width, coarsest first.

    Each map has twice as many as the next finer one, up to 16: table 4 of the paper, which is for 128 x 128.

    >>> widths(5)
    (16, 16, 8, 4, 2, 1)
    >>> widths(3)
    (8, 4, 2, 1)
    """
    return WIDTHS.get(doublings) or tuple(min(16, 2**k) for k in reversed(range(doublings + 1)))


def attended(sizes: list[tuple[int, int]]) -> tuple[int, int]:
    """The map with attention: the finest below the image whose shorter side has at most 64 pixels.

    >>> attended(halvings(128, 128)), attended(halvings(256, 256)), attended(halvings(32, 32))
    ((64, 64), (64, 64), (16, 16))
    """
    return next(size for size in sizes[1:] if min(size) <= ATTENDED)


class BigGANGenerator(nn.Module):
    """Residual blocks from a latent vector and a condition to an image in [-1, 1].

    [n, chunk * (blocks + 1)], Condition of n -> [n, channels, rows, columns]

    The latent vector is cut into equal chunks: the first becomes the coarsest map, and each block's normalizations are
    given the next one, beside an embedding of the condition that all of them share.

    Arguments:
        image: (channels, rows, columns).
        vector: makes the condition one vector.
        width: channels of the finest map; the paper has 96.
        chunk: numbers of the latent vector that each block gets; the paper has 20.
        embedding: length of the shared embedding; the paper has 128.

    References:
        BigGAN (Brock et al., 2018), section 3, appendix B and table 4, https://arxiv.org/abs/1809.11096
    """

    def __init__(
        self,
        image: tuple[int, int, int],
        vector: ConditionVector,
        *,
        width: int,
        chunk: int = 20,
        embedding: int = 128,
    ) -> None:
        super().__init__()
        channels, rows, columns = image
        sizes = halvings(rows, columns)
        channel = [width * factor for factor in widths(len(sizes) - 1)]
        self.chunk, self.latent = chunk, chunk * len(sizes)
        self.vector = vector
        self.embedding = nn.Linear(vector.size, embedding, bias=False)
        self.coarsest = nn.Sequential(
            nn.Linear(chunk, channel[0] * sizes[-1][0] * sizes[-1][1]), ToMaps(channel[0], *sizes[-1])
        )
        normalize = partial(ConditionalBatchNorm, given=chunk + embedding)
        self.blocks = nn.ModuleList(
            GrowingBlock(before, after, size, normalize)
            for (before, after), size in zip(pairwise(channel), sizes[-2::-1], strict=True)
        )
        self.attended = attended(sizes)
        self.attention = SelfAttention(channel[sizes[::-1].index(self.attended)])
        self.last = nn.Sequential(
            nn.BatchNorm2d(channel[-1]), nn.ReLU(), nn.Conv2d(channel[-1], channels, 3, padding=1), nn.Tanh()
        )

    def forward(self, z: Tensor, condition: Condition) -> Tensor:
        first, *chunks = z.split(self.chunk, dim=-1)
        c = self.embedding(self.vector(condition))
        x = self._attend(self.coarsest(first))
        for block, chunk in zip(self.blocks, chunks, strict=True):
            x = self._attend(block(x, torch.cat([c, chunk], dim=-1)))
        return self.last(x)

    def _attend(self, x: Tensor) -> Tensor:
        return self.attention(x) if x.shape[-2:] == self.attended else x


class BigGANDiscriminator(nn.Module):
    """Residual blocks from an image and a condition to a logit, [n, channels, rows, columns], Condition -> [n, 1].

    The last map, summed over its pixels, meets the condition in a `Projection`.

    Arguments:
        image: (channels, rows, columns).
        vector: makes the condition one vector.
        width: channels of the finest map; the paper has 96.

    References:
        BigGAN (Brock et al., 2018), table 4, https://arxiv.org/abs/1809.11096
    """

    def __init__(self, image: tuple[int, int, int], vector: ConditionVector, *, width: int) -> None:
        super().__init__()
        channels, rows, columns = image
        sizes = halvings(rows, columns)
        *channel, coarsest = [width * factor for factor in reversed(widths(len(sizes) - 1))]
        blocks: list[nn.Module] = [
            ShrinkingBlock(before, after, shrinks=True, first=k == 0)
            for k, (before, after) in enumerate(pairwise([channels, *channel]))
        ]
        where = sizes.index(attended(sizes))
        blocks.insert(where, SelfAttention(channel[where - 1]))
        self.layers = nn.Sequential(*blocks, ShrinkingBlock(channel[-1], coarsest, shrinks=False))
        self.projection = Projection(coarsest, vector)

    def forward(self, x: Tensor, condition: Condition) -> Tensor:
        return self.projection(relu(self.layers(x)).sum((-2, -1)), condition)
