"""PixelCNN, plain and gated."""

from __future__ import annotations

from allmodes.event import Event
from allmodes.models.pixelcnn import PixelCNN
from allmodes.networks.conditionals import conditional_for
from allmodes.networks.gated_pixelcnn import GatedPixelCNNNetwork
from allmodes.networks.pixelcnn import PixelCNNNetwork
from allmodes.recipes.base import Adam, Recipe, recipe
from allmodes.recipes.fully_visible import COMPONENTS, image_units, require_image
from allmodes.schedule import Cosine


@recipe(year=2016, paper="https://arxiv.org/abs/1601.06759", family="pixelcnn")
def pixelcnn(
    event: Event,
    *,
    width: int = 32,
    layers: int = 4,
    components: int = COMPONENTS,
    rate: float = 2e-3,
    batch: int = 64,
    steps: int = 1_000,
) -> Recipe:
    """PixelCNN: masked convolutions in residual blocks give the conditionals of all pixels in one pass."""
    channels, *_ = require_image(event, "pixelcnn", "made")
    site = conditional_for(event, channels, components)
    return Recipe(
        model=PixelCNN(event, image_units(event), site, PixelCNNNetwork(channels, site.parameters, width, layers)),
        optimizer=Adam(Cosine(rate, 0.0, warmup=0.02)),
        batch=batch,
        steps=steps,
        half_life=0.05,
        bf16=True,
    )


@recipe(year=2016, paper="https://arxiv.org/abs/1606.05328", family="pixelcnn")
def gated_pixelcnn(
    event: Event,
    *,
    width: int = 32,
    layers: int = 5,
    components: int = COMPONENTS,
    rate: float = 2e-3,
    batch: int = 64,
    steps: int = 800,
) -> Recipe:
    """Gated PixelCNN: a vertical and a horizontal stack of gated convolutions, without a blind spot."""
    channels, *_ = require_image(event, "gated-pixelcnn", "made")
    site = conditional_for(event, channels, components)
    return Recipe(
        model=PixelCNN(event, image_units(event), site, GatedPixelCNNNetwork(channels, site.parameters, width, layers)),
        optimizer=Adam(Cosine(rate, 0.0, warmup=0.02)),
        batch=batch,
        steps=steps,
        half_life=0.05,
        bf16=True,
    )
