"""Generative adversarial networks: two players, samples, no density."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from allmodes.adversarial.latents import Latent
from allmodes.adversarial.objectives import Objective
from allmodes.adversarial.penalties import Judge, Penalty
from allmodes.data.transforms import Transform
from allmodes.event import Batch, Condition, Event
from allmodes.models.base import GenerativeModel, Loss, Player
from allmodes.random import Rng


class GAN(GenerativeModel):
    """A generator that turns noise into examples and a discriminator that tells them from real ones.

    Arguments:
        event: what one example is.
        transform: to the units in which both networks work.
        generator: [..., n, latent] -> [..., n, *shape in the networks' units].
        discriminator: [..., n, *shape in the networks' units] -> logits [..., n, 1].
        latent: the distribution of z.
        objective: the two losses.
        penalties: what is added to the discriminator's loss, by name.

    References:
        Generative Adversarial Nets (Goodfellow et al., 2014), https://arxiv.org/abs/1406.2661
    """

    def __init__(
        self,
        event: Event,
        transform: Transform,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        latent: Latent,
        objective: Objective,
        penalties: Mapping[str, Penalty] | None = None,
    ) -> None:
        super().__init__(event, transform)
        self.generator = generator
        self.discriminator = discriminator
        self.latent = latent
        self.objective = objective
        self.penalties = dict(penalties or {})
        self._fake: Tensor | None = None

    @property
    def players(self) -> tuple[Player, ...]:
        return (
            Player("discriminator", self.discriminator),
            Player("generator", self.generator, averaged=True),
        )

    @property
    def steady(self) -> bool:
        return True

    def logits(self, x: Tensor) -> Tensor:
        """The discriminator's log D / (1 - D), [..., n, *shape in the networks' units] -> [..., n]."""
        return self.discriminator(x).squeeze(-1)

    def loss(self, player: Player, batch: Batch, rng: Rng) -> Loss:
        real = self.transform(batch.x, rng)
        if player.name == "discriminator":
            # The generator moves next and has not changed by then: its graph is built once for both moves.
            self._fake = self.draw(self.event.count(batch.x), batch.condition, rng)
            return self._discriminator_loss(real, self._fake.detach())
        fake, self._fake = self._fake, None
        if fake is None:
            fake = self.draw(self.event.count(batch.x), batch.condition, rng)
        return self._generator_loss(real, fake)

    def _discriminator_loss(self, real: Tensor, fake: Tensor) -> Loss:
        judge = Judge(self.logits)
        costs: dict[str, Tensor] = {}
        for name, penalty in self.penalties.items():
            points = penalty.points(real, fake)
            gradient = judge.gradient(points)
            costs[name] = penalty.cost(gradient, judge.logits(points).numel(), self.t)
        on_real, on_fake = judge.logits(real), judge.logits(fake)
        parts = {"real": on_real.mean(), "fake": on_fake.mean()} | costs
        return Loss(
            self.objective.discriminator(on_real, on_fake) + sum(costs.values()),
            {name: part.detach() for name, part in parts.items()},
        )

    def _generator_loss(self, real: Tensor, fake: Tensor) -> Loss:
        on_fake = self.logits(fake)
        on_real = on_fake.detach()  # an objective that is not paired looks at no real example
        if self.objective.paired:
            with torch.no_grad():
                on_real = self.logits(real)
        return Loss(self.objective.generator(on_real, on_fake))

    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        return self.generator(self.latent.draw(n, rng))
