"""Real-valued non-volume preserving transformations."""

from __future__ import annotations

from typing import NamedTuple

from allmodes.data.transforms import dense, dense_flat
from allmodes.errors import UserError
from allmodes.event import Event
from allmodes.models.realnvp import RealNVP
from allmodes.recipes.base import Adam, Recipe, recipe
from allmodes.schedule import Cosine

ALPHA = 0.05
"""Keeps the ends of the grey scale finite on the real line (section 4.1)."""

LARGE = 500
"""Numbers an image from which it has three scales."""


class Usual(NamedTuple):
    """What is not asked for."""

    batch: int
    steps: int


@recipe(year=2016, paper="https://arxiv.org/abs/1605.08803", family="flow")
def realnvp(
    event: Event,
    *,
    width: int | None = None,
    depth: int = 2,
    couplings: int | None = None,
    scales: int | None = None,
    rate: float = 1e-3,
    batch: int | None = None,
    steps: int | None = None,
) -> Recipe:
    """Affine couplings to independent normal variables; images on a checkerboard, by channels, over several scales."""
    if event.size < 2:
        raise UserError("realnvp scales some numbers by others, and an example here is one number; use --recipe vae")
    if event.image is None or event.image[1:] == (1, 1):
        if scales:
            raise UserError(f"--set scales={scales}: scales are of images, and an example here is none; leave it out")
        model = RealNVP(
            event,
            dense_flat(event, alpha=ALPHA),
            couplings=couplings or 8,
            width=width or 128,
            depth=depth,
            scales=0,
        )
        usual = Usual(batch=256, steps=8_000)
    else:
        large = event.size >= LARGE
        model = RealNVP(
            event,
            dense(event, alpha=ALPHA),
            couplings=couplings or 3,
            width=width or (32 if large else 16),
            depth=depth,
            scales=scales or (3 if large else 2),
        )
        usual = Usual(batch=64, steps=50_000 if large else 1_200)
    return Recipe(
        model=model,
        optimizer=Adam(Cosine(rate, rate / 100, warmup=0.02)),
        batch=batch or usual.batch,
        steps=steps or usual.steps,
        half_life=0.05,
    )
