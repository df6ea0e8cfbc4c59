"""Non-linear independent components estimation."""

from __future__ import annotations

from allmodes.data.transforms import Transform
from allmodes.event import Event
from allmodes.models.flow import Flow
from allmodes.networks.coupling import AdditiveCoupling, Composed, Scaling, VectorNetwork, alternating
from allmodes.networks.priors import StandardLogistic


class NICE(Flow):
    r"""Additive couplings, then a factor for each number, to independent logistic variables.

    .. math:: h_{I_1} = x_{I_1}, \quad h_{I_2} = x_{I_2} + m(x_{I_1}), \qquad
              \log p(x) = \sum_i \left[ \log p_H(f_i(x)) + \log |S_{ii}| \right]

    The couplings preserve volume and take the even and the odd numbers in turn; the diagonal S says which directions
    carry the variation of the data.

    Arguments:
        event: what one example is, of two numbers or more.
        transform: to vectors, [..., size].
        couplings: how many; three or more let every number move every other.
        widths: of the hidden layers of each m.

    References:
        NICE (Dinh et al., 2014), sections 3 and 5.1, https://arxiv.org/abs/1410.8516
    """

    def __init__(self, event: Event, transform: Transform, *, couplings: int, widths: tuple[int, ...]) -> None:
        masks = [alternating(event.size, layer % 2) for layer in range(couplings)]
        layers = [AdditiveCoupling(mask, VectorNetwork(mask, 1, widths)) for mask in masks]
        super().__init__(event, transform, Composed(*layers, Scaling(event.size)), StandardLogistic())
