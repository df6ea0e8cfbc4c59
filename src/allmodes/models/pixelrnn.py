"""PixelRNN: the chain rule over an image's pixels, with LSTMs that remember what they passed."""

from __future__ import annotations

from allmodes.models.pixels import Pixels


class PixelRNN(Pixels):
    """Pixels whose conditionals come from the states of row or diagonal LSTMs.

    References:
        Pixel Recurrent Neural Networks (van den Oord et al., 2016), section 3, https://arxiv.org/abs/1601.06759
    """
