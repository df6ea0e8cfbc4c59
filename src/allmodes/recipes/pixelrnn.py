"""PixelRNN over rows and over diagonals."""

from __future__ import annotations

from allmodes.event import Event
from allmodes.models.pixelrnn import PixelRNN
from allmodes.networks.conditionals import conditional_for
from allmodes.networks.pixelrnn import DiagonalBiLSTM, Layer, PixelRNNNetwork, RowLSTM
from allmodes.recipes.base import Adam, Recipe, recipe
from allmodes.recipes.fully_visible import COMPONENTS, image_units, require_image
from allmodes.schedule import Cosine

PAPER = "https://arxiv.org/abs/1601.06759"


@recipe(year=2016, paper=PAPER, family="pixelrnn")
def pixelrnn_row(
    event: Event,
    *,
    width: int = 32,
    layers: int = 2,
    components: int = COMPONENTS,
    rate: float = 3e-3,
    batch: int = 64,
    steps: int = 800,
) -> Recipe:
    """PixelRNN with Row LSTMs: from the top row to the bottom one, all pixels of a row at once."""
    return _pixelrnn(event, "pixelrnn-row", RowLSTM, width, layers, components, rate, batch, steps)


@recipe(year=2016, paper=PAPER, family="pixelrnn")
def pixelrnn_diagonal(
    event: Event,
    *,
    width: int = 32,
    layers: int = 1,
    components: int = COMPONENTS,
    rate: float = 3e-3,
    batch: int = 64,
    steps: int = 1_000,
) -> Recipe:
    """PixelRNN with Diagonal BiLSTMs: along the diagonals from both upper corners, the whole image so far in sight."""
    return _pixelrnn(event, "pixelrnn-diagonal", DiagonalBiLSTM, width, layers, components, rate, batch, steps)


def _pixelrnn(
    event: Event,
    name: str,
    layer: Layer,
    width: int,
    layers: int,
    components: int,
    rate: float,
    batch: int,
    steps: int,
) -> Recipe:
    channels, *_ = require_image(event, name, "made")
    site = conditional_for(event, channels, components)
    network = PixelRNNNetwork(channels, site.parameters, width, layer, layers)
    return Recipe(
        model=PixelRNN(event, image_units(event), site, network),
        optimizer=Adam(Cosine(rate, 0.0, warmup=0.02)),
        batch=batch,
        steps=steps,
        half_life=0.05,
    )
