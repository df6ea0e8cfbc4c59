"""PixelCNN: the chain rule over an image's pixels, all conditionals in one pass of a masked convolutional network."""

from __future__ import annotations

from allmodes.models.pixels import Pixels


class PixelCNN(Pixels):
    """Pixels whose conditionals come from masked convolutions, plain or gated.

    References:
        Pixel Recurrent Neural Networks (van den Oord et al., 2016), section 3.5, https://arxiv.org/abs/1601.06759
        Conditional Image Generation with PixelCNN Decoders (van den Oord et al., 2016), https://arxiv.org/abs/1606.05328
        PixelCNN++ (Salimans et al., 2017), for levels and colours, https://arxiv.org/abs/1701.05517
    """
