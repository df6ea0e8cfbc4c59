"""NADE's recurrence: one hidden state that takes in a number at a time, and a backward pass that walks it back."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

NUMBERS_PER_BLOCK = {"cpu": 2**19, "cuda": 2**25}
"""Of hidden states at once: what a processor's cache holds, or what keeps a GPU busy."""


class NADENetwork(nn.Module):
    r"""Shared weights from the first d numbers to a conditional of the next, for every d.

    .. math:: a_1 = c, \quad h_d = \sigma(a_d), \quad p_d = V_d h_d + b_d, \quad a_{d+1} = a_d + W_d v_d

    Arguments:
        sites: D, in the order of the recurrence.
        parameters: P, numbers for a site's conditional.
        width: H, hidden units.

    References:
        Neural Autoregressive Distribution Estimation (Uria et al., 2016), section 2, equations 2 to 4 and algorithm 1,
        https://arxiv.org/abs/1605.02226
    """

    def __init__(self, sites: int, parameters: int, width: int) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.empty(sites, width).uniform_(-1, 1) * (6 / (sites + width)) ** 0.5)
        self.c = nn.Parameter(torch.zeros(width))
        self.V = nn.Parameter(torch.empty(sites, parameters, width).uniform_(-1, 1) * (6 / (sites + width)) ** 0.5)
        self.b = nn.Parameter(torch.zeros(sites, parameters))

    def forward(self, v: Tensor) -> Tensor:
        """Numbers of the conditionals of all sites, [n, D] -> [n, D, P]."""
        return Recurrence.apply(v, self.W, self.c, self.V, self.b).permute(2, 0, 1)

    def start(self, n: int) -> Tensor:
        """The hidden state before any site, [n, H]."""
        return self.c.expand(n, -1)

    def site(self, a: Tensor, d: int) -> Tensor:
        """Numbers of the conditional of site d, [n, H] -> [n, P]."""
        return torch.addmm(self.b[d], a.sigmoid(), self.V[d].T)

    def take(self, a: Tensor, d: int, v: Tensor) -> Tensor:
        """The hidden state after site d, [n, H] and [n, 1] -> [n, H]."""
        return a + v * self.W[d]


class Recurrence(torch.autograd.Function):
    """The recurrence over all sites, with a backward pass that keeps the last hidden state alone.

    It recomputes the others by subtracting what was added, W_d v_d, from the last site to the first. What rounding
    leaves of that, about 1e-7 of a state, changes a sigmoid's slope as little; a rectifier's, in a unit whose state is
    zero until the first number that is not, it would switch on or off at random. Hence the paper's sigmoid.
    """

    @staticmethod
    def forward(ctx: Any, v: Tensor, W: Tensor, c: Tensor, V: Tensor, b: Tensor) -> Tensor:
        """Numbers of the conditionals of all sites; the last state is kept."""
        size = _block(v, W)
        states = v.new_empty(size + 1, len(v), W.shape[1])
        a = states[0].copy_(c)
        parameters = []
        for first in range(0, len(W), size):
            rows = slice(first, min(first + size, len(W)))
            h, last = _states(states, v[:, rows], W[rows])
            parameters.append(torch.bmm(V[rows], h.sigmoid_().transpose(1, 2)))
            a.copy_(last)
        ctx.save_for_backward(v, W, V, a.clone())
        return torch.cat(parameters).add_(b.unsqueeze(2))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore
        """Gradients with respect to all inputs, from the last site to the first."""
        (g,), (v, W, V, last) = grad_outputs, ctx.saved_tensors
        dv = torch.empty_like(v) if ctx.needs_input_grad[0] else None
        dW, dV, da = torch.empty_like(W), torch.empty_like(V), torch.zeros_like(last)
        size = _block(v, W)
        states, inners, afters = (v.new_empty(size + 1, *last.shape) for _ in range(3))
        for first in reversed(range(0, len(W), size)):
            rows = slice(first, min(first + size, len(W)))
            before = torch.addmm(last, v[:, rows], W[rows], alpha=-1)
            states[0] = last = before
            h = _states(states, v[:, rows], W[rows])[0].sigmoid_()
            torch.bmm(g[rows], h, out=dV[rows])
            inner, after = inners[: len(h)], afters[: len(h)]
            # One number a site is an outer product, which matrix products are slow at.
            back = g[rows].transpose(1, 2)
            torch.mul(back, V[rows], out=inner) if V.shape[1] == 1 else torch.bmm(back, V[rows], out=inner)
            torch.ops.aten.sigmoid_backward.grad_input(inner, h, grad_input=inner)
            _after(after, inner, da)
            torch.bmm(v[:, rows].T.unsqueeze(1), after, out=dW[rows].unsqueeze(1))
            if dv is not None:
                dv[:, rows] = torch.bmm(after, W[rows].unsqueeze(2)).squeeze(2).T
            torch.add(after[0], inner[0], out=da)
        return dv, dW, da.sum(0), dV, g.sum(2)


def _wide(x: Tensor) -> bool:
    """Whether the machine wants much to do at once."""
    return x.is_cuda


def _block(v: Tensor, W: Tensor) -> int:
    """Sites at a time that keep the machine busy."""
    return min(len(W), max(1, NUMBERS_PER_BLOCK["cuda" if _wide(v) else "cpu"] // (len(v) * W.shape[1])))


def _states(states: Tensor, v: Tensor, W: Tensor) -> tuple[Tensor, Tensor]:
    """The hidden states before each of T sites, [T, n, H], and after the last, [n, H].

    Arguments:
        states: to write them to, [more than T, n, H]; the first is there already.
        v: the sites' numbers, [n, T].
        W: their weights, [T, H].
    """
    if _wide(states):  # few large kernels
        terms = v.T.unsqueeze(2) * W.unsqueeze(1)
        terms[0] += states[0]
        torch.cumsum(terms, 0, out=states[1 : len(W) + 1])
    else:  # each state while the one before is in the cache
        every = states.unbind()
        for before, after, number, weights in zip(every, every[1:], v.T.contiguous(), W, strict=False):
            torch.addr(before, number, weights, out=after)
    return states[: len(W)], states[len(W)]


def _after(after: Tensor, inner: Tensor, da: Tensor) -> None:
    """Write gradients of the states after each site of a block: those of later sites, summed.

    Arguments:
        after: to write to, [T, n, H].
        inner: gradients of each site's own state, [T, n, H].
        da: of the state after the block, [n, H].
    """
    if _wide(inner):
        torch.cumsum(inner, 0, out=after)
        torch.sub(after[-1] + da, after, out=after)
        return
    after[-1] = da
    every, terms = after.unbind(), inner.unbind()
    for t in range(len(terms) - 1, 0, -1):
        torch.add(every[t], terms[t], out=every[t - 1])
