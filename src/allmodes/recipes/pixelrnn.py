"""PixelRNN over rows and over diagonals."""

from __future__ import annotations

from allmodes.event import Event
from allmodes.models.pixelrnn import PixelRNN
from allmodes.networks.pixelrnn import DiagonalBiLSTM, PixelRNNNetwork, RowLSTM
from allmodes.recipes.base import Amount, Recipe, recipe
from allmodes.recipes.fully_visible import pixel_by_pixel

PAPER = "https://arxiv.org/abs/1601.06759"


@recipe(year=2016, paper=PAPER, family="pixelrnn")
def pixelrnn_row(
    event: Event,
    *,
    width: int = 32,
    layers: int = 2,
    components: int | None = None,
    rate: float = 3e-3,
    decay: Amount = 0.0,
    batch: int = 64,
    steps: int = 800,
) -> Recipe:
    """PixelRNN with Row LSTMs: from the top row to the bottom one, all pixels of a row at once.

    Arguments:
        components: of a mixture, for real numbers or many levels; 10 if left out.
    """
    return pixel_by_pixel(
        event,
        "pixelrnn-row",
        PixelRNN,
        lambda channels, numbers: PixelRNNNetwork(channels, numbers, width, RowLSTM, layers),
        components=components,
        rate=rate,
        decay=decay,
        batch=batch,
        steps=steps,
        bf16=False,
    )


@recipe(year=2016, paper=PAPER, family="pixelrnn")
def pixelrnn_diagonal(
    event: Event,
    *,
    width: int = 32,
    layers: int = 1,
    components: int | None = None,
    rate: float = 3e-3,
    decay: Amount = 0.0,
    batch: int = 64,
    steps: int = 1_000,
) -> Recipe:
    """PixelRNN with Diagonal BiLSTMs: along the diagonals from both upper corners, the whole image so far in sight.

    Arguments:
        components: of a mixture, for real numbers or many levels; 10 if left out.
    """
    return pixel_by_pixel(
        event,
        "pixelrnn-diagonal",
        PixelRNN,
        lambda channels, numbers: PixelRNNNetwork(channels, numbers, width, DiagonalBiLSTM, layers),
        components=components,
        rate=rate,
        decay=decay,
        batch=batch,
        steps=steps,
        bf16=False,
    )
