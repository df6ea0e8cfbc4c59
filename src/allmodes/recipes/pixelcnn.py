"""PixelCNN, plain and gated."""

from __future__ import annotations

from allmodes.event import Event
from allmodes.models.pixelcnn import PixelCNN
from allmodes.networks.gated_pixelcnn import GatedPixelCNNNetwork
from allmodes.networks.pixelcnn import PixelCNNNetwork
from allmodes.recipes.base import Amount, Recipe, Share, recipe
from allmodes.recipes.fully_visible import pixel_by_pixel


@recipe(year=2016, paper="https://arxiv.org/abs/1601.06759", family="pixelcnn")
def pixelcnn(
    event: Event,
    *,
    width: int = 32,
    layers: int = 4,
    rows: int = 1,
    columns: int = 1,
    dropped: Share = 0.0,
    components: int | None = None,
    rate: float = 2e-3,
    decay: Amount = 0.0,
    batch: int = 64,
    steps: int = 1_000,
) -> Recipe:
    """PixelCNN: masked convolutions in residual blocks give the conditionals of all pixels in one pass.

    Arguments:
        rows, columns: how far the convolutions after the first see, above and to either side; wide ones learn sooner.
        components: of a mixture, for real numbers or many levels; 10 if left out.
        dropped: share of the channels that each block leaves out in training, which keeps large networks from
            overfitting.
    """
    return pixel_by_pixel(
        event,
        "pixelcnn",
        PixelCNN,
        lambda channels, numbers: PixelCNNNetwork(channels, numbers, width, layers, (rows, columns), dropped),
        components=components,
        rate=rate,
        decay=decay,
        batch=batch,
        steps=steps,
        bf16=True,
    )


@recipe(year=2016, paper="https://arxiv.org/abs/1606.05328", family="pixelcnn")
def gated_pixelcnn(
    event: Event,
    *,
    width: int = 32,
    layers: int = 5,
    dropped: Share = 0.0,
    components: int | None = None,
    rate: float = 2e-3,
    decay: Amount = 0.0,
    batch: int = 64,
    steps: int = 800,
) -> Recipe:
    """Gated PixelCNN: a vertical and a horizontal stack of gated convolutions, without a blind spot.

    Arguments:
        components: of a mixture, for real numbers or many levels; 10 if left out.
        dropped: share of the channels that each layer's horizontal stack leaves out in training, which keeps large
            networks from overfitting.
    """
    return pixel_by_pixel(
        event,
        "gated-pixelcnn",
        PixelCNN,
        lambda channels, numbers: GatedPixelCNNNetwork(channels, numbers, width, layers, dropped),
        components=components,
        rate=rate,
        decay=decay,
        batch=batch,
        steps=steps,
        bf16=True,
    )
