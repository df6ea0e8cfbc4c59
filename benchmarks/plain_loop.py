"""A GAN's loop as tutorials teach it: what benchmarks/speed.py holds the trainer against."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import BCEWithLogitsLoss
from torch.utils.data import DataLoader, TensorDataset

from allmodes.data.dataset import Dataset
from allmodes.models.gan import GAN
from allmodes.random import Rng
from allmodes.recipes import Recipe

REAL, FAKE = 1.0, 0.0


class PlainLoop:
    """Trains a recipe's networks with the recipe's settings of Adam; call it to do so many steps.

    The examples are in the networks' units from the start, so that no transform costs time here.
    """

    def __init__(self, recipe: Recipe, data: Dataset, device: torch.device) -> None:
        assert isinstance(recipe.model, GAN)
        self.model, self.device, self.rng = recipe.model, device, Rng(0, device)
        self.criterion = BCEWithLogitsLoss()
        rate, betas, epsilon = recipe.optimizer.rate(0.0), recipe.optimizer.betas, recipe.optimizer.epsilon
        self.optimizer_d = torch.optim.Adam(self.model.discriminator.parameters(), lr=rate, betas=betas, eps=epsilon)
        self.optimizer_g = torch.optim.Adam(self.model.generator.parameters(), lr=rate, betas=betas, eps=epsilon)
        x = self.model.transform(data.part("train").x.to(device)).cpu()
        self.loader = DataLoader(TensorDataset(x), batch_size=recipe.batch, shuffle=True, num_workers=0, drop_last=True)
        self.batches = self.endless()

    def endless(self) -> Iterator[Tensor]:
        while True:
            for (x,) in self.loader:
                yield x.to(self.device)

    def __call__(self, steps: int) -> None:
        for _ in range(steps):
            self.step(next(self.batches))

    def step(self, real: Tensor) -> tuple[float, float]:
        generator, discriminator = self.model.generator, self.model.discriminator

        discriminator.zero_grad()
        label = torch.full((len(real),), REAL, device=self.device)
        error_real = self.criterion(discriminator(real).view(-1), label)
        error_real.backward()
        fake = generator(self.model.latent.draw(len(real), self.rng))
        label.fill_(FAKE)
        error_fake = self.criterion(discriminator(fake.detach()).view(-1), label)
        error_fake.backward()
        self.optimizer_d.step()

        generator.zero_grad()
        label.fill_(REAL)
        error_generator = self.criterion(discriminator(fake).view(-1), label)
        error_generator.backward()
        self.optimizer_g.step()
        return (error_real + error_fake).item(), error_generator.item()
