from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from allmodes.data.dataset import Dataset
from allmodes.recipes import Adam, Momentum
from allmodes.schedule import Constant
from allmodes.training.optimizer import FusedAdam, FusedMomentum, optimizer_for
from allmodes.training.trainer import Trainer


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_it_moves_to_the_bits_of_torchs_own(decay: float) -> None:
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(4, 8, generator=generator), torch.randn(3, generator=generator)]
    ours, theirs = ([p.clone().requires_grad_() for p in start] for _ in range(2))
    light = FusedAdam(ours, (0.5, 0.99), 1e-8, decay)
    full = torch.optim.AdamW(theirs, betas=(0.5, 0.99), eps=1e-8, weight_decay=decay, fused=True)
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


def test_momentum_moves_by_its_formula() -> None:
    generator = torch.Generator().manual_seed(0)
    p = torch.randn(5, 3, generator=generator, dtype=torch.float64).requires_grad_()
    optimizer = optimizer_for(Momentum(Constant(0.1), 0.7), [p])
    assert isinstance(optimizer, FusedMomentum)
    expected, speed = p.detach().clone(), torch.zeros(5, 3, dtype=torch.float64)
    for step in range(4):
        p.grad = torch.randn(5, 3, generator=generator, dtype=torch.float64)
        speed = 0.7 * speed + p.grad
        expected -= 0.1 / (1 + step) * speed
        optimizer.move(0.1 / (1 + step))
        torch.testing.assert_close(p.detach(), expected)


def test_players_move_on_time_scales_of_their_own(
    ring: Dataset, make_trainer: Callable[..., Trainer], equal: Callable[..., bool]
) -> None:
    made = make_trainer("gan2014", ring)
    still = {"discriminator": Momentum(Constant(0.0)), "generator": Adam(Constant(1e-3))}
    trainer = Trainer(replace(made.recipe, optimizer=still), made.batches, made.rng)
    before = {name: p.detach().clone() for name, p in trainer.model.named_parameters()}
    next(iter(trainer))
    for name, p in trainer.model.named_parameters():
        assert p.equal(before[name]) == name.startswith("discriminator"), name
    other = Trainer(replace(made.recipe, optimizer=still), made.batches, made.rng)
    other.load(*trainer.state())
    assert equal(other.state()[0], trainer.state()[0])
