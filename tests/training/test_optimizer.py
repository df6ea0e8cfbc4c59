from __future__ import annotations

import torch

from allmodes.training.optimizer import FusedAdam


def test_it_moves_to_the_bits_of_torchs_own() -> None:
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(5, 3, generator=generator), torch.randn(3, generator=generator)]
    ours, theirs = ([p.clone().requires_grad_() for p in start] for _ in range(2))
    light = FusedAdam(ours, (0.5, 0.99), 1e-8)
    full = torch.optim.Adam(theirs, betas=(0.5, 0.99), eps=1e-8, fused=True)
    for step in range(4):
        for p, q in zip(ours, theirs, strict=True):
            p.grad = torch.randn(p.shape, generator=generator)
            q.grad = p.grad.clone()
        if step == 1:  # torch's own leaves a parameter without a gradient where it is
            ours[1].grad = theirs[1].grad = None
        full.param_groups[0]["lr"] = 0.1 / (1 + step)
        full.step()
        light.move(0.1 / (1 + step))
        assert all(p.equal(q) for p, q in zip(ours, theirs, strict=True))
    light.forget()
    assert all(p.grad is None for p in ours)
