"""What lies on the table when a player moves, and a discriminator that looks at each batch once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from allmodes.errors import UserError
from allmodes.event import Condition
from allmodes.random import Rng
from allmodes.schedule import Number

Written = dict[str, Tensor]
"""What a pass in training writes into buffers, by name."""


class Judge:
    """A discriminator that passes over each batch once, with or without its gradient.

    `torch.func.grad` compiles and nests under vmap, which `autograd.grad(create_graph=True)` does not.

    Arguments:
        discriminator: [..., n, *shape] -> [..., n, outputs]; the first output is the logit.
        together: batches of one size that share a pass, with the gradient of all if that of one is asked for: one large
            product is faster than two small ones.
        axes: of one example.
        trace: of a network that writes into buffers, which `torch.func.grad` refuses: the same pass, without a trace,
            and what it would have written; None for another.
        keep: writes that.
    """

    def __init__(
        self,
        discriminator: Callable[[Tensor], Tensor],
        together: tuple[Tensor, ...] = (),
        axes: int = 1,
        trace: Callable[[Tensor], tuple[Tensor, Written]] | None = None,
        keep: Callable[[Written], None] = lambda written: None,
    ) -> None:
        self.discriminator, self.together, self.axes = discriminator, together, axes
        self.trace, self.keep = trace or (lambda x: (discriminator(x), {})), keep
        self._seen: list[tuple[Tensor, Tensor, Tensor | None]] = []

    def gradient(self, x: Tensor) -> Tensor:
        """The gradient of each logit with respect to its own x, [..., n, *shape].

        Raises:
            UserError: where a layer writes into its buffers and does not say so.
        """
        for known, _, gradient in self._seen:
            if known is x and gradient is not None:
                return gradient

        def summed(x: Tensor) -> tuple[Tensor, tuple[Tensor, Written]]:
            outputs, written = self.trace(x)
            return outputs[..., 0].sum(), (outputs, written)

        batches, joined = self._joined(x)
        try:
            gradient, (outputs, written) = torch.func.grad(summed, has_aux=True)(joined)
        except RuntimeError as error:
            if "captured Tensor" not in str(error):
                raise
            raise UserError(
                "a layer of the discriminator writes into its buffers while its gradient is taken: "
                "give the layer's class an attribute writes = True"
            ) from None
        self.keep(written)
        parts = outputs.chunk(len(batches), -2), gradient.chunk(len(batches), -1 - self.axes)
        self._seen += zip(batches, *parts, strict=True)
        return self.gradient(x)

    def outputs(self, x: Tensor) -> Tensor:
        """All that the discriminator says of x, [..., n, outputs]."""
        for known, outputs, _ in self._seen:
            if known is x:
                return outputs
        batches, joined = self._joined(x)
        parts = self.discriminator(joined).chunk(len(batches), -2)
        self._seen += [(batch, outputs, None) for batch, outputs in zip(batches, parts, strict=True)]
        return self.outputs(x)

    def _joined(self, x: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """The batches that share a pass with x, and all of them as one."""
        if any(x is batch for batch in self.together):
            return self.together, torch.cat(self.together, -1 - self.axes)
        return (x,), x

    def logits(self, x: Tensor) -> Tensor:
        """The logits of x, [..., n]; one for each pack where the discriminator packs examples."""
        logits = self.outputs(x)[..., 0]
        # Losses of logits near each other need more digits than bfloat16 has.
        return logits.float() if logits.dtype is torch.bfloat16 else logits


@dataclass(frozen=True)
class Round:
    """What a penalty may look at when a player moves.

    Arguments:
        networks: the networks of the game by their players' names.
        judge: the discriminator, under this round's condition.
        real, fake: as the discriminator sees them, in the networks' units, [..., n, *shape]; `fake` carries the
            generator's gradient in the generator's move.
        generated: the generated examples before anything was done to what the discriminator sees.
        users: turns generated examples to the user's units, [..., n, *the user's shape], with their gradient.
        condition: of both real and generated examples.
        axes: of one example in the networks' units, 1 for numbers in a row, 3 for images.
        rng: for penalties that draw.
        t: the share of the training that is done.
        step: steps done.
    """

    networks: Mapping[str, nn.Module]
    judge: Judge
    real: Tensor
    fake: Tensor
    generated: Tensor
    users: Callable[[Tensor], Tensor]
    condition: Condition
    axes: int
    rng: Rng
    t: Number
    step: int

    def uniform(self, *shape: int) -> Tensor:
        """Numbers uniform on [0, 1) for each example, [..., n, *shape]."""
        n = self.real.shape[self.real.dim() - self.axes - 1]
        return self.rng.uniform(n, *shape).to(self.real)
