"""Checkpoints: a folder each, written whole, read without pickle, the last good ones kept."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from allmodes.atomic import explained, flush_folder, read_file, write_whole
from allmodes.errors import MALFORMED, UserError
from allmodes.plain import require_fits

PREFIX = "step-"
NAME = re.compile(rf"{PREFIX}\d+")
"""Of a checkpoint's folder; a user's copy of one has another."""
STATE = "state.json"
_PICKLED = (b"\x80", b"PK")


@dataclass(frozen=True)
class Checkpoint:
    """What a training continues from.

    Arguments:
        place: its folder.
        step: steps done.
        tensors: named groups of named tensors.
        plain: values for JSON.
        notes: what went wrong with later checkpoints, a line each.
    """

    place: Path
    step: int
    tensors: dict[str, dict[str, Tensor]]
    plain: dict[str, Any]
    notes: tuple[str, ...] = ()


def save(folder: Path, step: int, tensors: Mapping[str, dict[str, Tensor]], plain: dict[str, Any], keep: int) -> None:
    """Write checkpoints/step-N of a run's folder, then remove all but this one and the last `keep - 1` of the others.

    The folder gets its name when everything in it is on the disk; `state.json` holds a digest of every other file.

    Raises:
        UserError: where the disk is full; nothing that was there is lost.
    """
    final = folder / "checkpoints" / f"{PREFIX}{step:08d}"
    unfinished = final.with_name(f".{final.name}.tmp")

    def write(name: str, data: bytes) -> None:
        write_whole(unfinished / name, lambda file: file.write(data), called=final / name)

    for killed in final.parent.glob(f".{PREFIX}*.tmp"):
        shutil.rmtree(killed, ignore_errors=True)
    try:
        with explained(final):
            digests = {}
            for name, group in tensors.items():
                data = save_tensors({key: _own(value) for key, value in group.items()})
                digests[f"{name}.safetensors"] = hashlib.sha256(data).hexdigest()
                write(f"{name}.safetensors", data)
            write(STATE, json.dumps({"step": step, "files": digests} | plain, indent=1).encode())
            if final.exists():
                shutil.rmtree(final)
            os.replace(unfinished, final)
            flush_folder(final.parent)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    others = [place for place in _newest_first(folder) if place != final]
    for old in others[keep - 1 :]:
        shutil.rmtree(old)


def newest(folder: Path) -> int:
    """The step of the last checkpoint of a run's folder; 0 where there is none."""
    return max(map(_step, _newest_first(folder)), default=0)


def load(folder: Path, holds: Mapping[str, Any] | None = None) -> Checkpoint | None:
    """The last good checkpoint of a run's folder, None where there never was one.

    Arguments:
        holds: the types of its plain values, as `fits` takes them.

    Raises:
        UserError: where there are checkpoints and none is whole, or one holds a pickle.
    """
    notes: list[str] = []
    for place in _newest_first(folder):
        try:
            return _read(place, holds or {}, tuple(f"{note}; using the one before it" for note in notes))
        except _Torn as torn:
            notes.append(f"checkpoint {place} is damaged ({torn})")
    if notes:
        raise UserError(
            f"no checkpoint in {folder / 'checkpoints'} is whole ({notes[0]}); train again into a new folder"
        )
    return None


def _own(tensor: Tensor) -> Tensor:
    """A copy with memory of its own: safetensors refuses tied weights and views of each other."""
    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)


class _Torn(Exception):
    pass


def _newest_first(folder: Path) -> list[Path]:
    places = (folder / "checkpoints").glob(f"{PREFIX}*")
    return sorted((place for place in places if NAME.fullmatch(place.name)), key=_step, reverse=True)


def _step(place: Path) -> int:
    return int(place.name.removeprefix(PREFIX))


def _read(place: Path, holds: Mapping[str, Any], notes: tuple[str, ...]) -> Checkpoint:
    for file in _files(place):
        with file.open("rb") as opened:
            head = opened.read(9)
        # The length that opens a safetensors file can begin like a pickle, but a brace follows it.
        if head.startswith(_PICKLED) and head[8:] != b"{":
            raise UserError(f"{file} is a pickle, which can run code when it is read; refused, remove it")
    try:
        state = json.loads(read_file(place / STATE))
        require_fits(state, {"step": int, "files": {"model.safetensors": str}, **holds})
        digests, step = state.pop("files"), state["step"]
        if step != _step(place):
            raise ValueError(f"step is {step}")
    except (OSError, *MALFORMED) as error:
        raise _Torn(f"{STATE}: {error}") from None
    tensors = {}
    for name, digest in digests.items():
        try:
            data = read_file(place / name)
        except OSError as error:
            raise _Torn(f"{name}: {error.strerror or error}") from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise _Torn(f"{name} is not what was written")
        try:
            tensors[name.removesuffix(".safetensors")] = load_tensors(data)
        except (SafetensorError, *MALFORMED) as error:
            raise _Torn(f"{name}: {error}") from None
    return Checkpoint(place, step, tensors, state, notes)


def _files(place: Path) -> Iterator[Path]:
    return (file for file in sorted(place.rglob("*")) if file.is_file())
