"""What models of images pixel by pixel share: the chain rule over pixels. PixelCNN and PixelRNN stand on it."""

from __future__ import annotations

from torch import Tensor

from allmodes.data.transforms import Transform
from allmodes.errors import UserError
from allmodes.event import Condition, Event
from allmodes.models.base import DensityModel
from allmodes.networks.conditionals import Conditional, require_support
from allmodes.networks.masked import PixelNetwork
from allmodes.random import Rng


class Pixels(DensityModel):
    r"""Pixels from left to right, rows from the top, each conditional on all before it.

    .. math:: p(x) = \prod_{i=1}^{RW} p(x_i | x_1, \ldots, x_{i-1})

    Arguments:
        event: what one example is, an image.
        transform: to [channels, rows, columns], in units that the conditional takes.
        site: the conditional of a pixel's channels.
        network: from an image to the numbers of all conditionals.

    Raises:
        UserError: for an event that is no image, or that the conditional does not suit.
    """

    def __init__(self, event: Event, transform: Transform, site: Conditional, network: PixelNetwork) -> None:
        super().__init__(event, transform)
        require_support(event, site)
        if event.image is None:
            name = type(self).__name__
            raise UserError(f"a {name} makes images, and an example here has shape {event.shape}; use a MADE")
        self.site, self.network, self.size = site, network, event.image[1:]

    @property
    def steady(self) -> bool:
        return True

    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        parameters = self.network(self.site.features(y), rng).to(y)  # from bfloat16 where convolutions run in it
        return self.site.log_prob(y.movedim(1, -1), parameters).sum((1, 2))

    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        rows, columns = self.size
        return self.network.draw(self.size, rng.uniform(n, rows * columns, self.site.noises), self.site)[0]
