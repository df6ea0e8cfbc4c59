"""A model that calls itself steady runs the same operations at every step and waits for none: what a recording needs.

On a processor everything is found out but the kernels themselves; test_replay.py compares results on a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from allmodes.data.dataset import Dataset
from allmodes.errors import UserError
from allmodes.event import Batch
from allmodes.models.base import GenerativeModel, Loss, Player
from allmodes.random import Rng
from allmodes.recipes import recipes
from allmodes.training.trainer import Trainer

WAITING = ("item", "tolist", "numpy", "cpu", "__bool__", "__int__", "__float__", "__index__")
"""Methods through which a program reads a number from the device."""
READING = ("_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select", "lift_fresh")
"""Operations that do, or whose result has a shape that depends on numbers, or that take a tensor from the host."""
MAKING = ("empty", "zeros", "ones", "full", "arange", "rand", "randn", "randint", "randperm", "linspace", "eye")
"""Operations that make a tensor on the host unless told a device."""
UNTOLD = torch.device("meta")
FULLY_VISIBLE = ("nade", "eonade", "made", "pixelcnn", "gated-pixelcnn", "pixelrnn-row", "pixelrnn-diagonal")


class Ops(TorchDispatchMode):
    """Writes down each operation with the shapes, types and plain arguments that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        leaves = tree_leaves((args, kwargs))
        assert name not in READING, f"{name} reads from the device, or from the host"
        assert name not in MAKING or kwargs["device"] != UNTOLD, f"{name} makes a tensor on the host"
        if name in ("index", "index_put", "index_put_"):
            assert all(i is None or i.dtype != torch.bool for i in args[1]), "a mask as an index waits"
        what = [(tuple(x.shape), x.stride(), x.dtype) if isinstance(x, Tensor) else x for x in leaves]
        self.seen.append(f"{func} {[w for w in what if not isinstance(w, torch.Generator)]}")
        return func(*args, **kwargs)


def steps(trainer: Trainer, monkeypatch: pytest.MonkeyPatch, count: int = 3) -> list[list[str]]:
    """The operations of some steps, as a recording would see them."""
    turns = trainer.recipe.accumulate * sum(player.turns for player in trainer.model.players)
    trainer.model.train()
    found = []
    for step in range(count):
        trainer.model.step = step
        batches = [next(trainer.batches) for _ in range(turns)]
        numbers = [torch.tensor(number) for number in (0.1, 0.5, *[1e-4] * len(trainer.model.players))]
        with monkeypatch.context() as patch, UNTOLD, Ops() as ops:
            for name in WAITING:
                patch.setattr(Tensor, name, _refused(name))
            trainer._play(batches, numbers)
        found.append(ops.seen)
    return found


def _refused(name: str) -> Callable[..., None]:
    def refuse(*args: Any) -> None:
        raise AssertionError(f"{name} waits for the device")

    return refuse


@pytest.mark.parametrize("kind", ["binary", "levels", "points", "table", "CHW"])
@pytest.mark.parametrize("recipe", sorted(recipes()))
def test_what_calls_itself_steady_is(
    recipe: str,
    kind: str,
    events: dict[str, Dataset],
    make_trainer: Callable[..., Trainer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("allmodes.networks.nade._wide", lambda x: True)  # a GPU's way through the recurrence
    try:
        trainer = make_trainer(recipe, events[kind])
    except UserError:
        pytest.skip("not for such data")
    if not trainer.model.steady:
        pytest.skip("not steady")
    first, *others = steps(trainer, monkeypatch)
    assert first
    for other in others:
        assert other == first


@pytest.mark.parametrize("recipe", [*FULLY_VISIBLE, "vae", "iwae", "nice", "realnvp", "rbm", "dbm", "gsn"])
def test_densities_of_bits_are_steady(
    recipe: str, events: dict[str, Dataset], make_trainer: Callable[..., Trainer]
) -> None:
    assert make_trainer(recipe, events["binary"]).model.steady


@pytest.mark.parametrize("recipe", ["pixelcnn", "gated-pixelcnn"])
def test_steps_that_leave_out_other_channels_are_the_same_operations(
    recipe: str, events: dict[str, Dataset], make_trainer: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = steps(make_trainer(recipe, events["binary"], dropped=0.3), monkeypatch)
    assert first
    assert all(other == first for other in others)


def test_made_takes_its_masks_in_turn_under_the_same_operations(
    events: dict[str, Dataset], make_trainer: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer("made", events["binary"], masks=3, orders=3)
    first, *others = steps(trainer, monkeypatch)
    assert all(other == first for other in others)
    assert int(trainer.model.turn) == 3 * trainer.recipe.accumulate  # pyright: ignore


class Unsteady(GenerativeModel):
    """Claims to be steady, and breaks the promise in one of several ways."""

    def __init__(self, wrong: str, model: GenerativeModel) -> None:
        super().__init__(model.event, model.transform)
        self.wrong, self.inner = wrong, model

    def draw(self, n: int, condition: Any, rng: Rng) -> Tensor:
        raise NotImplementedError

    def loss(self, player: Player, batch: Batch, rng: Rng) -> Loss:
        loss = self.inner.loss(player, batch, rng).value
        match self.wrong:
            case "item":
                return Loss(loss * loss.item())
            case "branch":
                return Loss(2 * loss if loss > 0 else loss)
            case "step":
                return Loss(loss * (1 + self.step % 2))
            case "every other step":
                return Loss(loss + loss if self.step % 2 else loss)
            case "host":
                return Loss(loss * torch.tensor([1.0, 2.0]).sum())
            case "host's zeros":
                return Loss(loss + torch.zeros(3).sum())
            case "mask":
                return Loss(loss * batch.x[batch.x > 0].sum())
            case _:
                return Loss(loss)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("item", "waits"),
        ("branch", "waits"),
        ("step", None),
        ("every other step", None),
        ("host", "lift_fresh|out of meta tensor"),
        ("host's zeros", "zeros makes"),
        ("mask", "nonzero|mask as an index"),
    ],
)
def test_broken_promises_are_found(
    wrong: str,
    said: str | None,
    events: dict[str, Dataset],
    make_trainer: Callable[..., Trainer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trainer = make_trainer("vae", events["binary"])
    trainer.model = Unsteady(wrong, trainer.model)
    if said:
        with pytest.raises((AssertionError, NotImplementedError), match=said):
            steps(trainer, monkeypatch)
    else:
        first, *others = steps(trainer, monkeypatch)
        assert any(other != first for other in others)
