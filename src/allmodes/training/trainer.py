"""The loop in which every family is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from allmodes.data.batches import Batches, StackedBatches
from allmodes.errors import UserError
from allmodes.event import Batch, Condition
from allmodes.models.base import GenerativeModel, Player
from allmodes.random import Rng
from allmodes.recipes.base import Recipe
from allmodes.schedule import Number
from allmodes.score import Score
from allmodes.training.distributed import ALONE, World
from allmodes.training.ema import Average
from allmodes.training.hardware import computes_in_bf16
from allmodes.training.optimizer import optimizer_for
from allmodes.training.replay import Replay


class NotFinite(UserError):
    """A loss or a weight became infinite or not a number."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}: training diverged; checkpoints before it are kept. Start again in another --out with a lower "
            "learning rate, such as --set rate=1e-4, or look for extreme values in the data"
        )


class Trainer:
    """Trains a recipe's model; iterate over it to train, a step an iteration.

    Arguments:
        recipe: model and settings; the model's transform is fitted already.
        batches: where training examples come from.
        rng: what the model draws from.
        world: this process among those that train together.
        record: whether losses are kept for `fetch`.
    """

    def __init__(
        self,
        recipe: Recipe,
        batches: Batches | StackedBatches,
        rng: Rng,
        world: World = ALONE,
        *,
        record: bool = True,
    ) -> None:
        self.recipe, self.model = recipe, recipe.model
        self.batches, self.rng, self.world, self.record = batches, rng, world, record
        self.device = next(self.model.parameters()).device
        self.step = 0
        self.parameters = {p.name: list(p.module.parameters()) for p in self.model.players}
        self.optimizers = {
            name: optimizer_for(recipe.optimizer_of(name), parameters) for name, parameters in self.parameters.items()
        }
        self.average = None if recipe.half_life is None else Average(self.model, recipe.half_life)
        self.autocast = recipe.bf16 and computes_in_bf16(self.device)
        self._rows: list[Tensor] = []
        self._names: list[str] = []

    def __iter__(self) -> Iterator[int]:
        """Train from the present step to the recipe's last, yielding the number of steps done after each."""
        self.model.train()
        turns = self.recipe.accumulate * sum(player.turns for player in self.model.players)
        play = Replay(self._play, self.device, self.rng.generators) if self._recorded else self._play
        while self.step < self.recipe.steps:
            t, self.model.step = self.step / self.recipe.steps, self.step
            share = self.average.share(self.step) if self.average else 0.0
            rates = [float(self.recipe.optimizer_of(player.name).rate(t)) for player in self.model.players]
            batches = [next(self.batches) for _ in range(turns)]
            with self.rng.ambient:
                logged = play(batches, (t, share, *rates))
            if self.record:
                self._rows.append(logged)
            self.step += 1
            yield self.step

    @property
    def _recorded(self) -> bool:
        return self.device.type == "cuda" and self.world.size == 1 and self.model.steady

    def _play(self, batches: Sequence[Batch], numbers: Sequence[Any]) -> Tensor:
        """All moves of a step.

        Arguments:
            batches: one for each backward pass.
            numbers: the share of the training that is done, what the average takes in, each player's learning rate.

        Returns:
            The numbers to log, in the order of `self._names`.
        """
        self.model.t, share, *rates = numbers
        logged: dict[str, Tensor] = {}
        given = iter(batches)
        for player, rate in zip(self.model.players, rates, strict=True):
            for _ in range(player.turns):
                logged |= self.move(player, [next(given) for _ in range(self.recipe.accumulate)], rate)
        if self.average:
            self.average.update(share)
        self._names = list(logged)
        return torch.stack([value.float() for value in logged.values()])

    def move(self, player: Player, batches: Sequence[Batch], rate: Number) -> dict[str, Tensor]:
        """Change the player's parameters down the gradient of its loss, and nobody else's.

        Arguments:
            batches: over which the gradient is averaged.
            rate: the learning rate.

        Returns:
            What there is to log, of the last batch.
        """
        parameters = self.parameters[player.name]
        optimizer = self.optimizers[player.name]
        for p in parameters:
            p.grad = None
        logged: dict[str, Tensor] = {}
        for batch in batches:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
                loss = self.model.loss(player, batch, self.rng)
            torch.autograd.backward(loss.value * (self.model.copies / len(batches)), inputs=parameters)
            what = "loss" if loss.surrogate else "nll"
            logged = {f"{player.name}.{what}": loss.value.detach(), **loss.parts}
        self.world.average_gradients(parameters)
        optimizer.move(rate)
        self.model.moved(player)
        return logged

    def fetch(self) -> dict[str, float]:
        """The mean of each logged number over the steps since the last call; the only time the loop waits for them.

        Raises:
            NotFinite: naming the first player and step whose loss was not finite.
        """
        if not self._rows:
            return {}
        names, rows = self._names, torch.stack(self._rows).cpu()
        first = self.step - len(self._rows) + 1
        self._rows.clear()
        bad = (~rows.isfinite()).nonzero().tolist()
        if self.world.any(bool(bad), self.device):
            row, column = bad[0] if bad else (len(rows) - 1, 0)
            raise NotFinite(f"{names[column]} is {rows[row, column]:.3g} at step {first + row}")
        return dict(zip(names, rows.mean(0).tolist(), strict=True))

    def require_finite(self) -> None:
        """See that the weights are numbers: those after a last finite loss need not be.

        Raises:
            NotFinite: naming the first player whose are not.
        """
        for name, parameters in self.parameters.items():
            if not all(bool(p.isfinite().all()) for p in parameters):
                raise NotFinite(f"a weight of the {name} is not finite after step {self.step}")

    def sample(self, n: int, rng: Rng, known: Condition | None = None) -> Tensor:
        """Samples from the averaged weights, or from the present ones where there is no average; user's units.

        Arguments:
            known: what is known of real examples; a conditional model is asked for the same, in turn.
        """
        asked = None
        if self.model.conditional and known is not None:
            asked = known[torch.arange(n) % len(known)].to(self.device)
        with self.average.applied() if self.average else nullcontext(), rng.ambient:
            return self.model.sample(n, asked, rng=rng)

    def score(self, batch: Batch, rng: Rng) -> Score:
        """Log-probability of examples under the averaged weights, or under the present ones where there is no average.

        Raises:
            NoDensity: if the model has none.
        """
        with self.average.applied() if self.average else nullcontext(), rng.ambient:
            return self.model.score(batch.x, batch.condition if self.model.conditional else None, rng=rng)

    def state(self) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
        """Everything that the next step depends on: tensors in named groups, and plain values for JSON."""
        tensors = {
            "model": self.model.state_dict(),
            "optimizers": {
                f"{name}.{index}.{key}": value
                for name, optimizer in self.optimizers.items()
                for index, entry in optimizer.state_dict()["state"].items()
                for key, value in entry.items()
            },
            "random": {"rng": self.rng.state} | {f"ambient.{k}": state for k, state in self.rng.ambient.state.items()},
        }
        if self.average:
            tensors["average"] = self.average.mean
        return tensors, {"step": self.step, "batches": self.batches.state}

    def load(self, tensors: dict[str, dict[str, Tensor]], plain: dict[str, Any]) -> None:
        """The inverse of `state`.

        Raises:
            RuntimeError: for weights of another model.
            LookupError, TypeError, ValueError: for anything else that `state` does not give.
        """
        load_weights(self.model, tensors["model"])
        self._require_alike(tensors)
        for name, optimizer in self.optimizers.items():
            entries: dict[int, dict[str, Tensor]] = {}
            for key, value in tensors["optimizers"].items():
                player, index, field = key.rsplit(".", 2)
                if player == name:
                    entries.setdefault(int(index), {})[field] = value
            optimizer.load_state_dict({"state": entries, "param_groups": optimizer.state_dict()["param_groups"]})
        self.rng.state = tensors["random"]["rng"]
        for kind in self.rng.ambient.state:
            if (state := tensors["random"].get(f"ambient.{kind}")) is not None:  # another device's has none
                self.rng.ambient.state[kind] = state
        if self.average:
            self.average.load(tensors["average"])
        self.step = plain["step"]
        self.batches.state = plain["batches"]

    def _require_alike(self, tensors: dict[str, dict[str, Tensor]]) -> None:
        """See that all but the weights has the shapes and types of its own, which are not looked at when it is used."""
        for group, own in self.state()[0].items():
            if group not in tensors:
                raise ValueError(f"there is no {group}.safetensors")
            for name, mine in own.items() if group != "model" else ():
                given = tensors[group].get(name)
                if given is None and name.startswith("ambient."):  # another device's has none
                    continue
                if given is None or (given.dtype, given.shape) != (mine.dtype, mine.shape):
                    raise ValueError(f"{group}.safetensors has {'no' if given is None else 'another'} {name}")


def load_weights(model: GenerativeModel, weights: Mapping[str, Tensor]) -> None:
    """Give a model its weights, and its transform what that measured.

    Raises:
        RuntimeError: for weights of another model.
        ValueError: for a transform without finite numbers.
    """
    model.load_state_dict(weights)
    for name, measured in model.transform.state_dict().items():
        if not measured.isfinite().all():
            raise ValueError(f"transform.{name} is not finite")
