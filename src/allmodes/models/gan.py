"""Generative adversarial networks: two players, samples, no density."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Self, cast

import torch
from torch import Tensor, nn

from allmodes.adversarial.constraints import Hard
from allmodes.adversarial.labels import Constrainer
from allmodes.adversarial.latents import Latent
from allmodes.adversarial.objectives import Objective
from allmodes.adversarial.penalties import Penalty
from allmodes.adversarial.round import Judge, Round
from allmodes.adversarial.unrolling import Unrolling
from allmodes.adversarial.views import View
from allmodes.data.transforms import Transform
from allmodes.errors import UserError
from allmodes.event import Batch, Condition, Event
from allmodes.models.base import GenerativeModel, Loss, Player
from allmodes.networks.minibatch import mixes
from allmodes.networks.pure import keep, pure, written
from allmodes.random import Rng


class GAN(GenerativeModel):
    """A generator that turns noise into examples and a discriminator that tells them from real ones.

    Arguments:
        event: what one example is.
        transform: to the units in which both networks work.
        generator: [..., n, latent] -> [..., n, *shape in the networks' units].
        discriminator: [..., n, *shape in the networks' units] -> [..., n, outputs]; the first output is the logit, and
            others are for penalties that read them. With a smaller n if it packs examples. Real and generated examples
            share its passes, unless it takes conditions or compares the examples of a batch: a layer of your own that
            does has a class attribute `mixes = True`, and one that writes into its buffers `writes = True`.
        latent: the distribution of z.
        objective: the two losses.
        conditional: whether both networks take the condition as a second argument.
        penalties: what is added to the losses, by name.
        views: what lies between examples, real or generated, and the discriminator, in this order.
        turns: the discriminator's moves for one of the generator's.
        bound: puts the discriminator's weights back where they may be, after each of its moves.
        unrolling: lets the generator look ahead.
        hard: the generator's last layer, in the user's units.
        constrainer: a third player, who learns conditions from real examples and holds the generator to them.

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
        conditional: bool = False,
        penalties: Mapping[str, Penalty] | None = None,
        views: Sequence[View] = (),
        turns: int = 1,
        bound: Callable[[nn.Module], None] | None = None,
        unrolling: Unrolling | None = None,
        hard: Hard | None = None,
        constrainer: Constrainer | None = None,
    ) -> None:
        super().__init__(event, transform)
        self.generator = generator
        self.discriminator = discriminator
        self.latent = latent
        self.objective = objective
        self.conditional = conditional
        self.penalties = dict(penalties or {})
        self.views = nn.ModuleList(views)
        self.turns, self.bound, self.unrolling = turns, bound, unrolling
        self.hard, self.constrainer = hard, constrainer
        self._apart = conditional or mixes(discriminator)
        self._writes = bool(written(discriminator))
        self._kept: tuple[Tensor, Tensor, Condition] | None = None

    @property
    def players(self) -> tuple[Player, ...]:
        third = (Player("constrainer", self.constrainer),) if self.constrainer else ()
        return (
            Player("discriminator", self.discriminator, self.turns),
            *third,
            Player("generator", self.generator, averaged=True),
        )

    @property
    def steady(self) -> bool:
        rules = (*self.penalties.values(), *self.views)
        return self.hard is None and all(cast(Penalty | View, rule).steady for rule in rules)

    def moved(self, player: Player) -> None:
        if self.bound and player.name == "discriminator":
            self.bound(self.discriminator)

    def fit(self, x: Tensor) -> None:
        super().fit(x)
        if self.hard:
            self.hard.fit(x)

    def loss(self, player: Player, batch: Batch, rng: Rng) -> Loss:
        """The player's loss in this round.

        After a single turn of the discriminator the generator's loss is of the examples that were generated for it, and
        of its conditions: they are made once for both moves.
        """
        real, condition = self.transform(batch.x, rng), batch.condition
        axes = real.dim() - batch.x.dim() + len(self.event.shape)
        if player.name == "constrainer" and self.constrainer:
            return Loss(self.constrainer.loss(real, condition))
        if player.name == "discriminator":
            once = self.turns == 1
            with torch.set_grad_enabled(once):
                generated = self._generate(batch, rng)
            self._kept = (generated, real, condition) if once else None
            return self._discriminator_move(
                self._round(real, generated.detach(), condition, axes, rng, joined=not self._apart)
            )
        kept, self._kept = self._kept, None
        if kept is None:
            generated = self._generate(batch, rng)
        elif self.conditional:  # real examples beside it have the conditions that were asked for
            generated, real, condition = kept
        else:
            generated = kept[0]
        return self._generator_move(self._round(real, generated, condition, axes, rng))

    def _generate(self, batch: Batch, rng: Rng) -> Tensor:
        y = self.draw(self.event.count(batch.x), batch.condition, rng)
        return self.transform(self.to_user(y, batch.condition)) if self.hard else y

    def _round(
        self, real: Tensor, generated: Tensor, condition: Condition, axes: int, rng: Rng, joined: bool = False
    ) -> Round:
        real, fake = self._seen(real, axes, rng), self._seen(generated, axes, rng)
        return Round(
            networks={"discriminator": self.discriminator, "generator": self.generator},
            judge=self._judge(condition, (real, fake) if joined else (), axes),
            real=real,
            fake=fake,
            generated=generated,
            users=partial(self.to_user, condition=condition),
            condition=condition,
            axes=axes,
            rng=rng,
            t=self.t,
            step=self.step,
        )

    def _judge(self, condition: Condition, together: tuple[Tensor, ...], axes: int) -> Judge:
        network, told = self.discriminator, (condition,) if self.conditional else ()
        if not self._writes:
            return Judge(lambda x: network(x, *told), together, axes)
        return Judge(
            lambda x: network(x, *told),
            together,
            axes,
            lambda x: pure(network, {}, x, *told),
            lambda buffers: keep(network, buffers),
        )

    def _seen(self, x: Tensor, axes: int, rng: Rng) -> Tensor:
        for view in self.views:
            x = view(x, axes, rng, self.t)
        return x

    def _discriminator_move(self, round: Round) -> Loss:
        loss = self._discriminator_loss(round)
        for view in self.views:
            cast(View, view).heed(round.judge.logits(round.real).detach())
        return loss

    def _discriminator_loss(self, round: Round) -> Loss:
        costs = _due({name: penalty.discriminator(round) for name, penalty in self.penalties.items()})
        on_real, on_fake = round.judge.logits(round.real), round.judge.logits(round.fake)
        parts = self.objective.numbers(on_real, on_fake) | costs
        return Loss(
            self.objective.discriminator(on_real, on_fake) + sum(costs.values()),
            {name: part.detach() for name, part in parts.items()},
        )

    def _generator_move(self, round: Round) -> Loss:
        if self.unrolling:
            round.rng.require_one_process("a generator that looks ahead by the whole batch")
            weights = {name: weight.detach() for name, weight in self.discriminator.named_parameters()}
            ahead = self.unrolling(weights, self._pass, partial(self._answer, round=round))
            round = replace(round, judge=self._unchanged(ahead, round))
        on_fake = round.judge.logits(round.fake)
        on_real = on_fake.detach()  # an objective that is not paired looks at no real example
        if self.objective.paired:
            with torch.set_grad_enabled(self.unrolling is not None):
                on_real = round.judge.logits(round.real)
        payable = {**self.penalties, "constrainer": self.constrainer} if self.constrainer else self.penalties
        costs = _due({f"generator.{name}": penalty.generator(round) for name, penalty in payable.items()})
        return Loss(
            self.objective.generator(on_real, on_fake) + sum(costs.values()),
            {name: cost.detach() for name, cost in costs.items()},
        )

    def _answer(self, discriminator: Callable[..., Tensor], round: Round) -> Tensor:
        """What a discriminator would minimize after the generator's move, summed over stacked models."""
        return self._discriminator_loss(replace(round, judge=self._unchanged(discriminator, round))).value * self.copies

    def _pass(self, weights: dict[str, Tensor], *inputs: Any) -> Tensor:
        return pure(self.discriminator, weights, *inputs)[0]

    def _unchanged(self, discriminator: Callable[..., Tensor], round: Round) -> Judge:
        """A judge by a function that writes nothing."""
        told = (round.condition,) if self.conditional else ()
        return Judge(lambda x: discriminator(x, *told), axes=round.axes)

    def truncated(self, threshold: float) -> Self:
        if not 0 < threshold < float("inf"):
            raise UserError(f"--truncation {threshold}: must be a positive number")
        model = copy.copy(self)
        model.latent = self.latent.truncated(threshold)
        return model

    def draw(self, n: int, condition: Condition, rng: Rng) -> Tensor:
        z = self.latent.draw(n, rng)
        return self.generator(z, condition) if self.conditional else self.generator(z)

    def to_user(self, y: Tensor, condition: Condition) -> Tensor:
        x = self.transform.inverse(y)
        return self.hard(x, condition) if self.hard else x

    def residuals(self, x: Tensor, condition: Condition) -> dict[str, Tensor]:
        found = self.hard.residuals(x, condition) if self.hard else {}
        for penalty in self.penalties.values():
            found |= penalty.residuals(x, condition)
        return found


def _due(costs: Mapping[str, Tensor | None]) -> dict[str, Tensor]:
    return {name: cost for name, cost in costs.items() if cost is not None}
