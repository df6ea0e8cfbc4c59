"""Trains, kills the training at random moments, resumes it, and compares the weights with those of one left alone.

`python killed.py KILLS` prints how often it killed and what it compared; it fails where a bit differs.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import torch

import allmodes
from allmodes.data.dataset import Dataset
from allmodes.training import checkpoint

STEPS, EVERY = 300, 20
LONGEST = 0.6
"""Seconds from the first step of a life to its end."""


def train(out: Path, data: Dataset, told: int | None = None) -> None:
    """Begin or resume a run; write a byte to `told` when the first step is logged."""

    def report(step: int, total: int, numbers: Mapping[str, float]) -> None:
        nonlocal told
        if told is not None:
            os.write(told, b".")
            told = None

    if (out / "run.json").exists():
        allmodes.train(data=data, out=out, resume=True, report=report)
    else:
        allmodes.train(
            "r3gan",
            data,
            steps=STEPS,
            out=out,
            settings={"width": 8, "batch": 16},
            checkpoint_every=EVERY,
            report=report,
        )


def live(out: Path, data: Dataset, seconds: float | None) -> bool:
    """Train in a child process until it is done or, that long after its first step, killed; whether it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            train(out, data, writing)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status)
    if not killed and os.waitstatus_to_exitcode(status):
        raise SystemExit("a resumed training failed")
    return killed


def same(one: Path, other: Path) -> bool:
    """Whether the last checkpoints of two runs hold the same bits."""
    a, b = checkpoint.load(one), checkpoint.load(other)
    assert a is not None
    assert b is not None
    assert a.step == b.step == STEPS
    assert a.plain["batches"] == b.plain["batches"]
    flat = [
        {
            f"{group}.{name}": value.numpy().tobytes()
            for group, values in kept.tensors.items()
            for name, value in values.items()
        }
        for kept in (a, b)
    ]
    return flat[0] == flat[1]


def main(kills: int) -> None:
    torch.set_num_threads(1)
    data = allmodes.load_data("ring", n=2000)
    seconds = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        straight = Path(folder) / "straight"
        train(straight, data)
        done, runs = 0, 1
        while done < kills:
            out = Path(folder) / f"run-{runs}"
            if live(out, data, seconds.uniform(0, LONGEST)):
                done += 1
            else:
                assert same(out, straight)
                runs += 1
        live(out, data, None)
        assert same(out, straight)
    print(f"{done} kills, {runs} runs, the same bits as a run that was left alone")


if __name__ == "__main__":
    main(int(sys.argv[1]))
