"""Features that the user brings: a function, a torch module, the weights of a published network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn

from allmodes.audit.convolutions import network_map
from allmodes.audit.functions import returned
from allmodes.audit.maps import Features, Task
from allmodes.errors import UserError, said
from allmodes.functions import find_function


def by_name(name: str, task: Task) -> Features:
    """Features by "module:function"; a torch module may stand there as well.

    Raises:
        UserError: where there is no such function, or its module raises.
    """
    return wrap(find_function(name, "features"), task, name)


def wrap(given: Callable[..., Any], task: Task, name: str = "") -> Features:
    """Features from a function of [n, *shape] in the user's units, or a torch module, that returns [n, d].

    A function gets a numpy array of float32, which it may change, and returns one, or a tensor. A module gets a tensor
    of float32 on the device, is run in evaluation mode without gradients, and is left as it was found.
    """
    name = name or getattr(given, "__name__", type(given).__name__)
    network = isinstance(given, nn.Module)
    call = network_map(_Floats(given), task.device) if isinstance(given, nn.Module) else given

    def rows(x: np.ndarray) -> np.ndarray:
        try:
            found = call(x.astype(np.float32))
        except (Exception, SystemExit) as error:
            raise UserError(f"features {name} raised {said(error)}") from error
        return returned(found, f"features {name}", "rows of numbers").astype(np.float32)

    return Features(name, f"the user's {'network' if network else 'function'} {name}", rows)


class _Floats(nn.Module):
    """A module that gets whatever numbers the examples hold as float32."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Any) -> Any:
        return self.inner(x.float())
