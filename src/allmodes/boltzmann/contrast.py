"""What data and a Boltzmann machine's own samples differ in: a scalar whose gradient is written out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import softplus


class Contrast(torch.autograd.Function):
    r"""The mean free energy of the data minus that of the machine's samples, and the decay of the weights.

    .. math:: L = \sum_i s_i F(v_i) + \frac{d}{2} |W|^2, \quad
        \nabla_W L = -\sum_i s_i (v_i - \mu) (E[h | v_i] - \lambda)^T + d W, \quad
        \nabla_b L = -\sum_i s_i v_i, \quad \nabla_c L = -\sum_i s_i E[h | v_i]

    with s_i one over their number for data, minus one over theirs for samples. Terms that are the same for both, those
    of the offsets mu and lambda, cancel. One matrix product gives the gradient of the weights, and no graph is kept.

    References:
        How to center binary restricted Boltzmann machines (Melchior et al., 2013), https://arxiv.org/abs/1311.1354
    """

    @staticmethod
    def forward(
        ctx: Any,
        weights: Tensor,
        visible: Tensor,
        hidden: Tensor,
        both: Tensor,
        logits: Tensor,
        means: Tensor,
        shares: Tensor,
        offsets: tuple[Tensor, Tensor],
        decay: float,
    ) -> Tensor:
        """The scalar.

        Arguments:
            weights, visible, hidden: W, b and c, [visible, hidden], [visible] and [hidden].
            both: v, data and samples, [n, visible], in the type in which their product is to run.
            logits, means: of h given v, [n, hidden] each.
            shares: s, [n].
            offsets: mu and lambda.
            decay: d.
        """
        mu, lambda_ = offsets
        seen = shares @ both.to(shares.dtype)
        ctx.decay = decay
        ctx.save_for_backward(weights, both, (lambda_ - means).mul_(shares.unsqueeze(1)), seen, mu)
        value = torch.dot(logits @ lambda_ - softplus(logits).sum(1), shares) - torch.dot(seen, visible)
        return value if not decay else value + decay / 2 * torch.dot(weights.flatten(), weights.flatten())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore
        """Gradients with respect to W, b and c."""
        (g,), (weights, both, signed, seen, mu) = grad_outputs, ctx.saved_tensors
        signed = g * signed
        of_hidden = signed.sum(0)
        of_weights = (both.T @ signed.to(both.dtype)).to(weights.dtype)
        of_weights.addcmul_(mu.unsqueeze(1), of_hidden, value=-1)
        if ctx.decay:
            of_weights.addcmul_(weights, g, value=ctx.decay)
        return of_weights, -g * seen, of_hidden, None, None, None, None, None, None
