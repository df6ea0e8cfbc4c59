"""The residual networks of SNGAN for images of any size and number of channels."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import relu

from allmodes.networks.layout import ToMaps
from allmodes.networks.residual import GrowingBlock, ShrinkingBlock
from allmodes.networks.sizes import halvings


class ResNetGenerator(nn.Module):
    """Residual blocks from a latent vector to an image in [-1, 1], [n, latent] -> [n, channels, rows, columns].

    Arguments:
        image: (channels, rows, columns).
        width: channels of all hidden maps; the paper has 256 for 32 x 32.

    References:
        SNGAN (Miyato et al., 2018), table 4 a, https://arxiv.org/abs/1802.05957
    """

    def __init__(self, image: tuple[int, int, int], latent: int, width: int) -> None:
        super().__init__()
        channels, rows, columns = image
        (height, breadth), *larger = halvings(rows, columns)[::-1]
        self.layers = nn.Sequential(
            nn.Linear(latent, width * height * breadth),
            ToMaps(width, height, breadth),
            *(GrowingBlock(width, width, size, nn.BatchNorm2d) for size in larger),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, channels, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


class ResNetDiscriminator(nn.Module):
    """Residual blocks from an image to a logit, [n, channels, rows, columns] -> [n, 1].

    Blocks halve the map down to 8 to 15 pixels, as the paper's for 32 x 32, at least once, and two more leave it so;
    the last map is summed over its pixels. Spectral normalization, which the paper gives all layers, is `spectral`'s.

    Arguments:
        image: (channels, rows, columns).
        width: channels of all hidden maps; the paper has 128 for 32 x 32.

    References:
        SNGAN (Miyato et al., 2018), table 4 b, https://arxiv.org/abs/1802.05957
    """

    def __init__(self, image: tuple[int, int, int], width: int) -> None:
        super().__init__()
        channels, rows, columns = image
        shrinking = max(1, len(halvings(rows, columns)) - 2)
        self.blocks = nn.Sequential(
            ShrinkingBlock(channels, width, shrinks=True, first=True),
            *(ShrinkingBlock(width, width, shrinks=True) for _ in range(shrinking - 1)),
            ShrinkingBlock(width, width, shrinks=False),
            ShrinkingBlock(width, width, shrinks=False),
        )
        self.logit = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.logit(relu(self.blocks(x)).sum((-2, -1)))
