"""What a generator misses, invents and copies: tests of samples from any source, ours or not.

The package is what there is to call, too: `allmodes.audit(run)` and `allmodes.audit(real=..., fake=...)` are
`allmodes.audit.api.audit`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    @property
    def __call__(self) -> Any:
        """The function, imported when it is first called."""
        from allmodes.audit.api import audit

        return audit


sys.modules[__name__].__class__ = _Callable
