"""Features of an untrained convolutional network: edges and textures, where nothing is known of the images."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from allmodes.audit.maps import Features, Map, Task
from allmodes.data.transforms import Chain, ScaleToUnit, standard
from allmodes.random import seeded

WIDTHS = (16, 32, 64)
LARGEST = 64
"""Rows and columns above which an image is averaged down first."""
BATCH = 256


def random_convolutions(task: Task) -> Features:
    """Averages and spreads of the channels of an untrained network, in quarters of the image.

    Three 3x3 convolutions with rectifiers, each but the last followed by a halving of rows and columns; weights are
    drawn from the seed as in He et al., 2015, https://arxiv.org/abs/1502.01852, equation 10. Of every layer the mean of
    each channel in each quarter of the image is kept, so that the features say what is where.
    """
    assert task.event.image is not None
    channels = task.event.image[0]
    # The examples' own range: where few of the levels that bytes have are used, rectifiers would never switch.
    units = Chain(standard(task.event), ScaleToUnit()).fit(torch.from_numpy(np.ascontiguousarray(task.x)))
    layers = []
    with seeded(task.seed), torch.no_grad():
        for before, after in zip((channels, *WIDTHS), WIDTHS, strict=False):
            layer = nn.Conv2d(before, after, 3, padding=1, bias=False)
            nn.init.kaiming_normal_(layer.weight)
            layers.append(layer)
    network = _Quarters(layers).to(task.device)
    return Features(
        "random-conv",
        f"an untrained convolutional network (seed {task.seed})",
        network_map(nn.Sequential(units, network), task.device),
    )


class _Quarters(nn.Module):
    """Means of each layer in quarters of the image, [n, channels, rows, columns] -> [n, 4 sum(WIDTHS)]."""

    def __init__(self, layers: list[nn.Conv2d]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        found = []
        x = averaged_down(x)
        for layer in self.layers:
            x = layer(x).relu()
            found.append(nn.functional.adaptive_avg_pool2d(x, 2).flatten(1))
            if min(x.shape[2:]) >= 4:
                x = nn.functional.avg_pool2d(x, 2)
        return torch.cat(found, 1)


def averaged_down(x: Tensor) -> Tensor:
    """Images of at most `LARGEST` rows and columns, by averages over squares: [n, channels, rows, columns]."""
    factor = -(-max(x.shape[2:]) // LARGEST)
    return nn.functional.avg_pool2d(x, factor, ceil_mode=True) if factor > 1 else x


def network_map(network: nn.Module, device: torch.device | str) -> Map:
    """A network as a map of arrays: in evaluation mode, without gradients, `BATCH` examples at a time."""
    network = network.to(device)

    @torch.no_grad()
    def rows(x: np.ndarray) -> np.ndarray:
        training = network.training
        network.eval()
        try:
            parts = torch.from_numpy(np.ascontiguousarray(x)).split(BATCH)
            return torch.cat([network(part.to(device)).float().cpu() for part in parts]).numpy()
        finally:
            network.train(training)

    return rows
