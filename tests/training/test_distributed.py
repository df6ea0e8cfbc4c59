"""Two processes on half batches do what one does on whole ones."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

import allmodes
from allmodes.data.dataset import Dataset
from allmodes.errors import UserError
from allmodes.training import checkpoint
from allmodes.training.distributed import ALONE, world

SCRIPT = Path(__file__).with_name("processes.py")
Groups = dict[str, dict[str, Tensor]]


@pytest.fixture(scope="module")
def processes() -> ModuleType:
    spec = importlib.util.spec_from_file_location("processes", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where two processes have trained together."""
    folder = tmp_path_factory.mktemp("together")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    together = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    started = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder)],
            env=os.environ | together | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        said = [process.communicate(timeout=120)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0, 0], "\n".join(said)
    return folder


@pytest.fixture(scope="module")
def ranks(folder: Path) -> list[Groups]:
    return [torch.load(folder / f"rank-{rank}.pt") for rank in range(2)]


def test_half_batches_on_two_processes_give_the_gradients_of_whole_ones(
    ranks: list[Groups], processes: ModuleType, ring: Dataset
) -> None:
    expected = processes.gradients(ring, ALONE)
    assert expected.keys() == ranks[0]["gradients"].keys()
    for name, gradient in expected.items():
        for rank in ranks:
            torch.testing.assert_close(rank["gradients"][name], gradient, rtol=1e-5, atol=1e-12)


def test_after_a_training_all_processes_hold_the_same_bits(
    ranks: list[Groups], equal: Callable[[Any, Any], bool]
) -> None:
    assert ranks[0].keys() == {"gradients", "model", "optimizers", "average", "random"}
    assert equal(ranks[0], ranks[1])


def test_one_process_writes_and_its_weights_are_nearly_those_of_a_training_alone(
    folder: Path,
    ranks: list[Groups],
    processes: ModuleType,
    ring: Dataset,
    tmp_path: Path,
    equal: Callable[[Any, Any], bool],
) -> None:
    kept = checkpoint.load(folder / "run")
    assert kept is not None
    assert equal(kept.tensors, {name: group for name, group in ranks[0].items() if name != "gradients"})
    assert allmodes.load(folder / "run").step == processes.STEPS
    assert not list((folder / "run").rglob("*.tmp"))
    alone = processes.trained(ring, tmp_path / "alone")
    assert kept.tensors["random"]["rng"].equal(alone["random"]["rng"])
    for name, weight in alone["model"].items():
        torch.testing.assert_close(
            kept.tensors["model"][name], weight, rtol=0, atol=5e-4
        )  # steps of 5e-3 enlarge roundings


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"WORLD_SIZE": "abc"}, "WORLD_SIZE=abc: must be a whole number at least 1; unset it, or start "),
        ({"WORLD_SIZE": "0"}, "WORLD_SIZE=0: must"),
        ({"WORLD_SIZE": "-1"}, "WORLD_SIZE=-1: must"),
        ({"WORLD_SIZE": "2"}, "RANK is not set, and WORLD_SIZE is; start the processes with torchrun, or unset "),
        ({"WORLD_SIZE": "2", "RANK": "2"}, "RANK=2: must be a whole number from 0 to 1"),
        ({"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "x"}, "LOCAL_RANK=x: must"),
        ({"WORLD_SIZE": "2", "RANK": "0"}, "MASTER_ADDR is not set"),
        ({"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "a", "MASTER_PORT": "x"}, "MASTER_PORT=x: must"),
    ],
)
def test_a_variable_that_is_wrong_is_named(
    variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=said), world():
        pass


def test_one_process_is_a_world_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with world() as here:
        assert here == ALONE
        assert here.any(True, torch.device("cpu"))
        assert not here.any(False, torch.device("cpu"))
