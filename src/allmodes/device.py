"""Devices by name."""

from __future__ import annotations

import torch

from allmodes.errors import UserError


def device_named(name: str | None, local: int = 0) -> torch.device:
    """The device of that name, "cuda" being the GPU of this process; without one that, or the CPU where there is none.

    Raises:
        UserError: where it is not there.
    """
    if name in (None, "cuda"):
        name = f"cuda:{local}" if torch.cuda.is_available() else name or "cpu"
    try:
        device = torch.empty(0, device=name).device
        if device.type != "meta":  # which holds no numbers
            return device
    except (RuntimeError, AssertionError, NotImplementedError, TypeError):
        pass
    raise UserError(f"--device {name}: not on this machine; leave it out, or give cpu")
