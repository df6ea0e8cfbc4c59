"""The optimizers, one for each player."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from allmodes.recipes.base import Adam, Optimizer
from allmodes.schedule import Number

LANES = 16
"""Numbers that a processor handles in one instruction. What is left over is rounded in another way."""


class FusedAdam(torch.optim.Adam):
    """Adam in one fused kernel, to the bits of torch's own, without its bookkeeping around each step.

    For networks of a few thousand weights that bookkeeping is a tenth of a training. Every parameter fills whole
    vector registers, if need be with zeros behind it, so that a stack of models is rounded as each model alone.

    Arguments:
        parameters: all in one group.
        betas, eps, decay: see `allmodes.recipes.Adam`.

    References:
        Adam (Kingma and Ba, 2015), https://arxiv.org/abs/1412.6980
    """

    def __init__(
        self, parameters: Sequence[Tensor], betas: tuple[float, float], eps: float, decay: float = 0.0
    ) -> None:
        super().__init__(parameters, lr=0.0, betas=betas, eps=eps, weight_decay=decay, fused=True)
        self._blocks = {p: _block(p) for p in parameters}
        for p, block in self._blocks.items():
            self.state[p] = {
                "step": torch.zeros((), device=p.device),
                "exp_avg": torch.zeros_like(block),
                "exp_avg_sq": torch.zeros_like(block),
            }

    @torch.no_grad()
    def move(self, rate: Number) -> None:
        """Change the parameters that have a gradient, at a learning rate."""
        group = self.param_groups[0]
        group["lr"] = rate
        moved = [p for p in group["params"] if p.grad is not None]
        states = [self.state[p] for p in moved]
        adam(
            [self._blocks[p] for p in moved],
            [_laid_out(p.grad, p) for p in moved],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            foreach=False,
            fused=True,
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=rate,
            weight_decay=group["weight_decay"],
            decoupled_weight_decay=True,
            eps=group["eps"],
            maximize=False,
        )


class FusedMomentum(torch.optim.SGD):
    """Gradient descent with momentum in one fused kernel; otherwise like `FusedAdam`.

    Arguments:
        parameters: all in one group.
        momentum: see `allmodes.recipes.Momentum`.
    """

    def __init__(self, parameters: Sequence[Tensor], momentum: float) -> None:
        super().__init__(parameters, lr=0.0, momentum=momentum, fused=True)
        self._blocks = {p: _block(p) for p in parameters}
        for p, block in self._blocks.items():
            self.state[p] = {"momentum_buffer": torch.zeros_like(block)}

    @torch.no_grad()
    def move(self, rate: Number) -> None:
        """Change the parameters that have a gradient, at a learning rate."""
        group = self.param_groups[0]
        moved = [p for p in group["params"] if p.grad is not None]
        sgd(
            [self._blocks[p] for p in moved],
            [_laid_out(p.grad, p) for p in moved],
            [self.state[p]["momentum_buffer"] for p in moved],
            foreach=False,
            fused=True,
            weight_decay=0.0,
            momentum=group["momentum"],
            lr=rate,  # pyright: ignore[reportArgumentType]  # a fused kernel takes a tensor too
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )


def optimizer_for(settings: Optimizer, parameters: Sequence[Tensor]) -> FusedAdam | FusedMomentum:
    """The optimizer that settings describe, for a player's parameters."""
    if isinstance(settings, Adam):
        return FusedAdam(parameters, settings.betas, settings.epsilon, settings.decay)
    return FusedMomentum(parameters, settings.momentum)


def _block(p: Tensor) -> Tensor:
    """The parameter itself, or, where it does not fill whole registers, the vector at whose head it now lies."""
    block = _laid_out(p.detach(), p)
    if p.numel() % LANES:
        p.data = block[: p.numel()].view_as(p)
    return block


def _laid_out(x: Tensor, p: Tensor) -> Tensor:
    """The numbers of a parameter or of its gradient for a fused kernel, which copies what does not lie in order.

    A vector with zeros behind it where they do not fill whole registers; else with the axes as they lie in memory.
    """
    if spare := -p.numel() % LANES:
        return pad(x.flatten(), (0, spare))
    return x.movedim(1, -1) if p.dim() == 4 and p.is_contiguous(memory_format=torch.channels_last) else x
