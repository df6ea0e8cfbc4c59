"""Real-valued non-volume preserving transformations, for vectors and for images."""

from __future__ import annotations

from torch import Tensor

from allmodes.data.transforms import Transform
from allmodes.event import Event
from allmodes.models.flow import Flow
from allmodes.networks.coupling import (
    ActNorm,
    AffineCoupling,
    Bijection,
    Composed,
    ImageNetwork,
    Leaving,
    Squeeze,
    VectorNetwork,
    alternating,
    checkerboard,
    half_of_channels,
)
from allmodes.networks.priors import StandardNormal

Shape = tuple[int, int, int]


class RealNVP(Flow):
    r"""Affine couplings to independent normal variables, with a triangular Jacobian.

    .. math:: y_{I_1} = x_{I_1}, \quad y_{I_2} = x_{I_2} \odot \exp s(x_{I_1}) + t(x_{I_1}), \qquad
              \log \left| \det \frac{\partial y}{\partial x} \right| = \sum_j s(x_{I_1})_j

    Images go through several scales: couplings on a checkerboard, each 2 x 2 pixels squeezed to channels, couplings of
    one half of the channels with the other, and half of the numbers are done. Activation normalization stands where
    the paper has batch normalization, which makes the density of one example depend on the others.

    Arguments:
        event: what one example is, of two numbers or more.
        transform: to vectors [..., size], or to images [..., C, H, W] where `scales` is above 0.
        couplings: in a group; a vector has one group of them, a scale of an image two.
        width: of hidden layers or maps.
        depth: hidden layers, or residual blocks, of each coupling's network.
        scales: of an image, as far as its sides can be halved; 0 for a vector.

    References:
        Density estimation using Real NVP (Dinh et al., 2016), section 3, https://arxiv.org/abs/1605.08803
    """

    def __init__(
        self, event: Event, transform: Transform, *, couplings: int, width: int, depth: int, scales: int
    ) -> None:
        if scales:
            assert event.image is not None
            layers = _scale(event.image, scales, couplings, width, depth)
        else:
            layers = Composed(*_of_vectors(event.size, couplings, (width,) * depth))
        super().__init__(event, transform, layers, StandardNormal())


def _of_vectors(size: int, couplings: int, widths: tuple[int, ...]) -> list[Bijection]:
    layers: list[Bijection] = []
    for layer in range(couplings):
        mask = alternating(size, layer % 2)
        layers += [ActNorm((size,)), AffineCoupling(mask, VectorNetwork(mask, 2, widths))]
    return layers


def _scale(shape: Shape, scales: int, couplings: int, width: int, depth: int) -> Leaving:
    """One scale and those below it; the last has one coupling more, and no squeeze.

    A scale of 2 x 2 pixels is the last: a single pixel has no checkerboard.
    """
    channels, rows, columns = shape
    halved = scales > 1 and rows % 2 == columns % 2 == 0 and min(rows, columns) >= 4
    layers: list[Bijection] = []
    for layer in range(couplings if halved else couplings + 1):
        layers += _step(shape, checkerboard(shape, layer % 2), width, depth)
    if not halved:
        return Leaving(Composed(*layers), shape, None)
    squeezed = (4 * channels, rows // 2, columns // 2)
    layers.append(Squeeze())
    for layer in range(couplings):
        layers += _step(squeezed, half_of_channels(squeezed, layer % 2), 2 * width, depth)
    rest = _scale((2 * channels, rows // 2, columns // 2), scales - 1, couplings, 2 * width, depth)
    return Leaving(Composed(*layers), squeezed, rest)


def _step(shape: Shape, mask: Tensor, width: int, depth: int) -> list[Bijection]:
    return [ActNorm(shape), AffineCoupling(mask, ImageNetwork(shape[0], 2, width, depth))]
