from __future__ import annotations

import torch

from allmodes.training.optimizer import FusedAdam


def test_it_moves_to_the_bits_of_torchs_own() -> None:
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(4, 8, generator=generator), torch.randn(3, generator=generator)]
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
        assert ours[0].equal(theirs[0])
        torch.testing.assert_close(ours[1], theirs[1], rtol=1e-6, atol=1e-7)  # torch rounds a remainder in another way
    light.forget()
    assert all(p.grad is None for p in ours)


def test_a_small_parameter_moves_alone_as_it_does_among_others() -> None:
    generator = torch.Generator().manual_seed(0)
    start, gradients = torch.randn(8, 3, generator=generator), torch.randn(20, 8, 3, generator=generator)
    together = start.clone().requires_grad_()
    alone = [row.clone().requires_grad_() for row in start]
    optimizers = [FusedAdam([p], (0.0, 0.9), 1e-8) for p in (together, *alone)]
    for gradient in gradients:
        together.grad = gradient.clone()
        for p, row in zip(alone, gradient, strict=True):
            p.grad = row.clone()
        for optimizer in optimizers:
            optimizer.move(0.005)
    assert together.equal(torch.stack(alone))
