"""PixelCNN: the chain rule over an image's pixels, all conditionals in one pass of a masked convolutional network."""

from __future__ import annotations

from torch import Tensor

from allmodes.data.transforms import Transform
from allmodes.errors import UserError
from allmodes.event import Condition, Event
from allmodes.models.base import DensityModel
from allmodes.networks.conditionals import Conditional, require_support
from allmodes.networks.masked import ImageNetwork
from allmodes.random import Rng


class PixelCNN(DensityModel):
    r"""Pixels from left to right, rows from the top, each conditional on all before it.

    .. math:: p(x) = \prod_{i=1}^{RW} p(x_i | x_1, \ldots, x_{i-1})

    Arguments:
        event: what one example is, an image.
        transform: to [channels, rows, columns], in units that the conditional takes.
        site: the conditional of a pixel's channels.
        network: from an image to the numbers of all conditionals, plain or gated.

    Raises:
        UserError: for an event that is no image, or that the conditional does not suit.

    References:
        Pixel Recurrent Neural Networks (van den Oord et al., 2016), section 3.5, https://arxiv.org/abs/1601.06759
        Conditional Image Generation with PixelCNN Decoders (van den Oord et al., 2016), https://arxiv.org/abs/1606.05328
        PixelCNN++ (Salimans et al., 2017), for levels and colours, https://arxiv.org/abs/1701.05517
    """

    def __init__(self, event: Event, transform: Transform, site: Conditional, network: ImageNetwork) -> None:
        super().__init__(event, transform)
        require_support(event, site)
        if event.image is None:
            raise UserError(f"a PixelCNN makes images, and an example here has shape {event.shape}; use a MADE")
        self.site, self.network, self.size = site, network, event.image[1:]

    def log_density(self, y: Tensor, condition: Condition, *, budget: int | None, rng: Rng) -> Tensor:
        parameters = self.network(self.site.features(y)).to(y)  # from bfloat16 where convolutions run in it
        return self.site.log_prob(y.movedim(1, -1), parameters).sum((1, 2))

    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        rows, columns = self.size
        return self.network.draw(self.size, rng.uniform(n, rows * columns, self.site.noises), self.site)[0]
