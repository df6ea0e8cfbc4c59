"""Grey pixels to bits: drawn once, drawn anew for every batch, or cut at one half."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from allmodes.data.chunks import chunks
from allmodes.data.files import read
from allmodes.errors import UserError, path_of
from allmodes.event import Event, Support

WAYS = ("static", "dynamic", "threshold")


@dataclass(frozen=True)
class Binarize:
    """How grey pixels become bits.

    Arguments:
        way: one of
            "static": each pixel is drawn once, a one with its grey as the probability (Salakhutdinov and Murray, 2008);
            "dynamic": training batches draw anew each time (Burda et al., 2015, https://arxiv.org/abs/1509.00519), and
            all that is not a training batch is the static draw;
            "threshold": one where the grey is above one half;
            the path of a file with the bits of these data, for a static draw that was published.
        seed: of the static draw.
    """

    way: str
    seed: int = 0

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UserError(f"binarization seed {self.seed}: must be at least 0")

    def bits(self, x: np.ndarray, white: int) -> np.ndarray:
        """Zeros and ones for greys x [n, *shape] from 0 to `white`, uint8.

        Raises:
            UserError: for a file that is not there, or does not hold bits of these examples.
        """
        if self.way == "threshold":
            return (x > white / 2).astype(np.uint8)
        if self.way not in WAYS:
            return _from_file(path_of(self.way), x, white)
        bits = np.empty(x.shape, np.uint8)
        rng = np.random.default_rng(self.seed)
        for start, part in chunks(x):
            # u <= 1 - 2^-24, so that u * white < white for every white: black is always 0 and white always 1.
            bits[start : start + len(part)] = rng.random(part.shape, np.float32) * np.float32(white) < part
        return bits


@dataclass(frozen=True, eq=False)
class Grey:
    """Pixels whose grey is the probability of a one, for batches that draw them anew.

    Arguments:
        x: [n, *shape], levels or numbers in [0, 1].
        white: the level at which a pixel is one for certain.
    """

    x: Tensor
    white: int

    def draw(self, grey: Tensor, seed: int) -> Tensor:
        """One draw of some of the pixels, [n, *shape], uint8; a seed gives the same on the same kind of device."""
        generator = torch.Generator(grey.device).manual_seed(seed)
        return (torch.rand(grey.shape, generator=generator, device=grey.device) * self.white < grey).to(torch.uint8)


def to_bits(name: str, x: np.ndarray, event: Event, how: Binarize) -> tuple[np.ndarray, int]:
    """Bits [n, *shape] for examples of an event, and the number that stands for white.

    Raises:
        UserError: for values that are no greys: bits already, or numbers outside [0, 1].
    """
    if event.support is Support.BINARY:
        raise UserError(f"{name} is binary already; leave binarize out")
    white = event.levels - 1 if event.support is Support.LEVELS else 1
    low, high = float(x.min()), float(x.max())
    if not (low >= 0 and high <= white):  # a NaN fails too
        raise UserError(
            f"{name} has values from {low:.6g} to {high:.6g}, which are no probabilities of a one; "
            "scale them to [0, 1], or leave binarize out"
        )
    return how.bits(x, white), white


def _from_file(path: Path, x: np.ndarray, white: int) -> np.ndarray:
    if os.sep not in str(path) and not path.exists():
        raise UserError(f"binarize={str(path)!r}: give {', '.join(WAYS)}, or the path of a file with the bits")
    bits = np.asarray(read(path).x)
    if not bits.ndim or len(bits) != len(x) or bits[0].size != x[0].size:
        raise UserError(f"{path} holds bits of shape {bits.shape} for data of shape {x.shape}; give one for each pixel")
    bits = bits.reshape(x.shape)
    if not ((bits == 0) | (bits == 1)).all():
        raise UserError(f"{path} holds numbers that are neither 0 nor 1; give bits")
    if bits[x == 0].any() or not bits[x == white].all():
        raise UserError(
            f"{path} does not hold draws of these data: a black pixel is 1 or a white one 0; check the order"
        )
    return bits.astype(np.uint8)
