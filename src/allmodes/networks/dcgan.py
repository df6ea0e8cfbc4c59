"""Strided convolutional networks for images of any size and number of channels."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from allmodes.networks.clip import LeakyClip
from allmodes.networks.layout import FromMaps, ToMaps
from allmodes.networks.sizes import halvings
from allmodes.networks.strided import Doubling, Halving


class DCGANGenerator(nn.Module):
    """Fractionally strided convolutions from a latent vector to an image in [-1, 1].

    [n, latent] -> [n, channels, rows, columns].

    Arguments:
        image: (channels, rows, columns).
        width: channels of the finest hidden map; each coarser one has twice as many.
        normalized: batch normalization in all layers but the last and a tanh, as in the paper; without it, biases and
            `LeakyClip`, because nothing keeps numbers from where a tanh is flat.

    References:
        Unsupervised Representation Learning with DCGANs (Radford et al., 2015), section 3,
        https://arxiv.org/abs/1511.06434
    """

    def __init__(self, image: tuple[int, int, int], latent: int, width: int, *, normalized: bool = True) -> None:
        super().__init__()
        channels, rows, columns = image
        sizes = halvings(rows, columns)[::-1]
        widths = [*(width * 2**k for k in reversed(range(len(sizes) - 1))), channels]
        height, breadth = sizes[0]
        layers: list[nn.Module] = [
            nn.Linear(latent, widths[0] * height * breadth, bias=not normalized or len(sizes) == 1),
            ToMaps(widths[0], height, breadth),
        ]
        for (before, after), (small, large) in zip(pairwise(widths), pairwise(sizes), strict=True):
            last = large == sizes[-1]
            odd = (large[0] - 2 * small[0], large[1] - 2 * small[1])
            layers += [nn.BatchNorm2d(before)] if normalized else []
            layers += [
                nn.ReLU(),
                Doubling(before, after, odd=odd, bias=not normalized or last),
            ]
        self.layers = nn.Sequential(*layers, nn.Tanh() if normalized else LeakyClip())

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


class DCGANDiscriminator(nn.Module):
    """Strided convolutions from an image to a logit, [n, channels, rows, columns] -> [n, outputs].

    Arguments:
        image: (channels, rows, columns).
        width: channels of the finest hidden map; each coarser one has twice as many.
        normalized: batch normalization in all layers but the first and last, as in the paper; without it, biases.
        outputs: 1 for the logit alone, more for whoever reads further numbers.

    References:
        Unsupervised Representation Learning with DCGANs (Radford et al., 2015), section 3,
        https://arxiv.org/abs/1511.06434
    """

    def __init__(self, image: tuple[int, int, int], width: int, *, normalized: bool = True, outputs: int = 1) -> None:
        super().__init__()
        channels, rows, columns = image
        sizes = halvings(rows, columns)
        widths = [channels, *(width * 2**k for k in range(len(sizes) - 1))]
        layers: list[nn.Module] = []
        for k, (before, after) in enumerate(pairwise(widths)):
            inner = normalized and k > 0
            layers += [Halving(before, after, bias=not inner)]
            layers += [nn.BatchNorm2d(after)] if inner else []
            layers += [nn.LeakyReLU(0.2)]
        height, breadth = sizes[-1]
        self.layers = nn.Sequential(*layers, FromMaps(), nn.Linear(widths[-1] * height * breadth, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)
