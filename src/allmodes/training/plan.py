"""What a run was asked for."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from allmodes.plain import require_types

CHECKPOINTS = 20
"""Of a training, where nothing else is asked for."""
HOLDS = {
    "data": {"name": str, "source": {"data": str | None}, "digest": str, "split": {"seed": int}},
    "shorter": [{"steps": int, "step": int}],
}
"""What `Plan` asks of its parts."""


def checkpoint_every(steps: int) -> int:
    """Steps between the checkpoints of a training, where nothing else is asked for."""
    return math.ceil(steps / CHECKPOINTS)


def log_every(steps: int) -> int:
    """Steps between the logged ones of a training."""
    return max(1, min(100, steps // 100))


@dataclass(frozen=True)
class Plan:
    """What a run was asked for: run.json.

    Arguments:
        recipe, settings, steps, seed: as `allmodes.train` takes them.
        data: name, source, digest and split of the data.
        event: what one example is, as plain values.
        checkpoint_every, log_every: steps between them.
        threads: processor threads; another number may change the last bits.
        device: kind of device, "cpu" or "cuda"; another one has other random numbers.
        keep_best: the number by which the checkpoint that samples come from is chosen; None: the last one.
        versions: of the programs that the bits depend on.
        shorter: the plans before this one, where it was made longer: for how many `steps`, up to which `step`.
    """

    recipe: str
    settings: dict[str, Any]
    steps: int
    seed: int
    data: dict[str, Any]
    event: dict[str, Any]
    checkpoint_every: int
    log_every: int
    threads: int
    device: str
    keep_best: str | None = None
    versions: dict[str, str] = field(default_factory=dict)
    shorter: list[dict[str, int]] = field(default_factory=list)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The plan of run.json.

        Raises:
            TypeError: for a value that is lacking, not known, or of another type.
            ValueError: for a count below 1.
        """
        plan = cls(**values)
        require_types(plan, HOLDS)
        for name in ("steps", "checkpoint_every", "log_every", "threads"):
            if (count := getattr(plan, name)) < 1:
                raise ValueError(f"{name} is {count}")
        return plan

    def to_json(self) -> bytes:
        """What run.json holds."""
        return json.dumps(asdict(self), indent=1).encode()

    def longer(self, steps: int, step: int) -> Self:
        """The same for more steps, from the step on that was reached."""
        moved = step > max((before["step"] for before in self.shorter), default=0)
        usual = self.checkpoint_every == checkpoint_every(self.steps)
        return replace(
            self,
            steps=steps,
            checkpoint_every=checkpoint_every(steps) if usual else self.checkpoint_every,
            log_every=log_every(steps),
            shorter=[*self.shorter, {"steps": self.steps, "step": step}] if moved else self.shorter,
        )

    @property
    def stretched(self) -> tuple[str, ...]:
        """A line that says so where it was made longer."""
        if not self.shorter:
            return ()
        steps = [*(before["steps"] for before in self.shorter), self.steps]
        longer = zip(self.shorter, steps[1:], strict=True)
        anew = " and ".join(f"for {more} at step {before['step']}" for before, more in longer)
        return (
            f"planned for {steps[0]} steps, and anew {anew}: its schedules were stretched, so its bits need not be "
            f"those of a run that was planned for {self.steps} from the start",
        )
