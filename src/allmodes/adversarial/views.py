"""How the discriminator sees examples, real and generated alike: through noise, or through augmentations."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from allmodes.random import Rng
from allmodes.schedule import Number, Schedule


class View(nn.Module):
    """Changes what the discriminator sees, differentiably: [..., n, *shape] -> [..., n, *shape]."""

    steady: ClassVar[bool] = True
    """Whether it runs the same operations at every step, so that a GPU may record them and replay them."""

    def forward(self, x: Tensor, axes: int, rng: Rng, t: Number) -> Tensor:
        """See examples with so many axes of their own when the share t of the training is done."""
        raise NotImplementedError

    def heed(self, real: Tensor) -> None:
        """Learn from the logits of real examples; nothing by default."""


class InstanceNoise(View):
    r"""Normal noise on what the discriminator sees: two distributions that did not overlap now do.

    .. math:: x + \sigma(t) \epsilon, \quad \epsilon \sim N(0, I)

    References:
        Amortised MAP Inference for Image Super-resolution (Sønderby et al., 2017), section 3.2.1,
        https://arxiv.org/abs/1610.04490
        Towards Principled Methods for Training GANs (Arjovsky and Bottou, 2017), section 3, https://arxiv.org/abs/1701.04862

    Arguments:
        sigma: in the networks' units.
    """

    def __init__(self, sigma: Schedule) -> None:
        super().__init__()
        self.sigma = sigma

    def forward(self, x: Tensor, axes: int, rng: Rng, t: Number) -> Tensor:
        return x + self.sigma(t) * rng.normal(*x.shape[-axes - 1 :]).to(x)


class Augmentation(View):
    """Images [n, channels, rows, columns] moved, cut and with other colours; each of the three with probability p.

    Differentiable, and the same for real and generated images: the generator is not taught to augment as long as p
    stays well below 1. Examples that are no images stay as they are. Brightness, saturation and contrast change as one
    step.

    Arguments:
        p: probability of each step for each image, where it does not adapt.
        target: the share of real images with a positive logit, minus that of others, that p is steered to; None keeps
            p. A discriminator that overfits is sure of the real examples: p rises, from 0, until it is not.
        images: real images until p can go from 0 to 1. Under several processes each steers by its own share.

    References:
        Differentiable Augmentation for Data-Efficient GAN Training (Zhao et al., 2020), section 3,
        https://arxiv.org/abs/2006.10738
        Training GANs with Limited Data (Karras et al., 2020), equation 1 and section 3, https://arxiv.org/abs/2006.06676
    """

    probability: Tensor
    steady: ClassVar[bool] = False  # numbers that are made on the processor steer it

    def __init__(self, p: float = 0.5, target: float | None = 0.6, images: int = 100_000) -> None:
        super().__init__()
        self.target, self.images = target, images
        self.register_buffer("probability", torch.tensor(p if target is None else 0.0))

    def forward(self, x: Tensor, axes: int, rng: Rng, t: Number) -> Tensor:
        if axes != 3:
            return x
        for step in (colour, translation, cutout):
            chosen = rng.uniform(len(x), 1, 1, 1) < self.probability
            x = torch.where(chosen, step(x, rng), x)
        return x

    @torch.no_grad()
    def heed(self, real: Tensor) -> None:
        if self.target is None:
            return
        overfit = real.sign().mean()  # r_t
        self.probability += (overfit - self.target).sign() * real.numel() / self.images
        self.probability.clamp_(0, 1)


def colour(x: Tensor, rng: Rng) -> Tensor:
    """Brighter or darker by up to 0.5, of 0 to 2 times the saturation, of 0.5 to 1.5 times the contrast."""
    brightness, saturation, contrast = rng.uniform(len(x), 3).to(x)[..., None, None, None].unbind(1)
    x = x + brightness - 0.5
    grey = x.mean(1, keepdim=True)
    x = grey + 2 * saturation * (x - grey)
    middle = x.mean((1, 2, 3), keepdim=True)
    return middle + (0.5 + contrast) * (x - middle)


def translation(x: Tensor, rng: Rng) -> Tensor:
    """Moved by up to an eighth of the rows and of the columns; what comes in is 0."""
    n, _, rows, columns = x.shape
    reach = torch.tensor([rows // 8, columns // 8], device=x.device)
    shift = (rng.uniform(n, 2) * (2 * reach + 1)).long() - reach
    down, right = (torch.arange(size, device=x.device) - shift[:, i : i + 1] for i, size in enumerate((rows, columns)))
    padded = pad(x, (1, 1, 1, 1))  # a border of zeros that everything outside is read from
    down, right = (index.clamp(-1, size) + 1 for index, size in ((down, rows), (right, columns)))
    image = torch.arange(n, device=x.device)[:, None, None]
    return padded.movedim(1, -1)[image, down[:, :, None], right[:, None, :]].movedim(-1, 1)


def cutout(x: Tensor, rng: Rng) -> Tensor:
    """A rectangle of half the rows and columns set to 0, its middle anywhere."""
    n, _, rows, columns = x.shape
    middle = rng.uniform(n, 2).to(x) * x.new_tensor([rows, columns])
    inside = []
    for i, size in enumerate((rows, columns)):
        distance = (torch.arange(size, device=x.device) + 0.5 - middle[:, i : i + 1]).abs()
        inside.append(distance < size / 4)
    return x * ~(inside[0][:, None, :, None] & inside[1][:, None, None, :])
