"""Neural spline flows, for vectors; the layers are those of zuko."""

from __future__ import annotations

from torch import Tensor, nn

from allmodes.data.transforms import Transform
from allmodes.errors import UserError
from allmodes.event import Event
from allmodes.models.flow import Flow
from allmodes.networks.coupling import Bijection
from allmodes.networks.priors import StandardNormal


class Splines(Bijection):
    """Monotonic rational-quadratic splines whose knots depend on the other numbers: zuko's NSF as a bijection.

    Arguments:
        size: of a vector.
        layers: transformations, one after another.
        widths: of the hidden layers of each.
        bins: of each spline, on [-5, 5]; outside it is the identity.
        autoregressive: each number depends on all before it, and sampling takes a pass a number; else couplings, which
            sample in two passes.

    Raises:
        UserError: where zuko is not installed.
    """

    def __init__(self, size: int, *, layers: int, widths: tuple[int, ...], bins: int, autoregressive: bool) -> None:
        super().__init__()
        try:
            from zuko.flows import NSF
        except ImportError:
            raise UserError(
                "neural splines need zuko, which is not installed: pip install 'allmodes[flows]', "
                "or use --recipe realnvp"
            ) from None
        flow = NSF(
            size, bins=bins, transforms=layers, hidden_features=widths, passes=None if autoregressive else min(2, size)
        )
        self.splines: nn.Module = flow.transform

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.splines().call_and_ladj(x)

    def inverse(self, y: Tensor) -> Tensor:
        return self.splines().inv(y)


class SplineFlow(Flow):
    """Splines to independent normal variables.

    Arguments:
        event: what one example is.
        transform: to vectors of about unit deviation, [..., size].
        layers, widths, bins, autoregressive: as `Splines` takes them.

    References:
        Neural Spline Flows (Durkan et al., 2019), section 3, https://arxiv.org/abs/1906.04032
    """

    def __init__(
        self,
        event: Event,
        transform: Transform,
        *,
        layers: int,
        widths: tuple[int, ...],
        bins: int,
        autoregressive: bool,
    ) -> None:
        splines = Splines(event.size, layers=layers, widths=widths, bins=bins, autoregressive=autoregressive)
        super().__init__(event, transform, splines, StandardNormal())

    @property
    def steady(self) -> bool:
        return False  # zuko's masks wait for the device
