"""What samples must obey: exactly, by the generator's last layer, or within a tolerance, by a penalty.

All of it works in the user's units.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from allmodes.adversarial.penalties import Penalty
from allmodes.adversarial.round import Round
from allmodes.errors import UserError, said
from allmodes.event import Condition, Event
from allmodes.functions import arity
from allmodes.leak import leaky_clamp

Function = Callable[..., Tensor]
"""Examples [n, *shape] in the user's units, and their condition where it takes two arguments -> residuals [n] or
[n, m], 0 where all is well."""


class Hard(nn.Module):
    r"""The generator's last layer: its samples obey exactly, [..., n, *shape] -> [..., n, *shape].

    In this order: numbers are put into their bounds; what was 0 in every training example is 0; then all numbers of a
    sample are brought to the sum s that was asked for, where there is a bound below by a factor, which keeps signs and
    zeros, and else by a shift:

    .. math:: x_i \mapsto x_i \, s / \sum_j x_j \quad \text{or} \quad x_i \mapsto x_i + (s - \sum_j x_j) / m

    with the m numbers that may differ from 0. Sums are taken in float64 and hold to 1e-6, relative, or after a shift as
    nearly as the smallest number of a sample can be rounded.

    Arguments:
        event: what one example is.
        low, high: bounds; None leaves a side open.
        zeros: whether what is 0 in every training example that `fit` sees stays 0: the corners of a camera, dead
            channels.
        total: name of the continuous condition that is the sum of all numbers of an example.

    Raises:
        UserError: for bounds with nothing between them or without the 0 that is to be kept, a sum under an upper bound
            or above a lower one other than 0, a condition that is not there, or numbers that are no real numbers.
    """

    kept: Tensor

    def __init__(
        self,
        event: Event,
        *,
        low: float | None = None,
        high: float | None = None,
        zeros: bool = False,
        total: str | None = None,
    ) -> None:
        super().__init__()
        if event.discrete:
            raise UserError(
                f"hard constraints are for real numbers, and an example here has {event.support} numbers; "
                "leave sum, bounds and zeros out"
            )
        if low is not None and high is not None and not low < high:
            raise UserError(f"--set bounds={low:g}:{high:g}: nothing lies between them; give the smaller one first")
        if zeros and ((low or 0) > 0 or (high or 0) < 0):
            raise UserError("--set zeros=true: 0 lies outside the bounds; leave one of the two out")
        if total is not None and total not in event.variables:
            known = ", ".join(event.variables) or "and the data have none"
            raise UserError(f"--set sum={total}: not a continuous condition of the data ({known})")
        if total is not None and (high is not None or low not in (0, None)):
            raise UserError(f"--set sum={total}: a sum can break bounds other than 0 from below; leave one of them out")
        self.axes, self.low, self.high, self.zeros, self.total = len(event.shape), low, high, zeros, total
        self.variable = None if total is None else event.variables.index(total)
        self.register_buffer("kept", torch.ones(event.shape))

    def fit(self, x: Tensor) -> Self:
        """See which numbers are 0 in all training examples, [n, *shape]."""
        if self.zeros:
            self.kept.copy_((x != 0).any(0))
            if self.total is not None and not self.kept.any():
                raise UserError(f"--set sum={self.total}: every number is 0 in all training examples and stays so")
        return self

    def forward(self, x: Tensor, condition: Condition) -> Tensor:
        if self.low is not None or self.high is not None:
            x = leaky_clamp(x, self.low, self.high)
        if self.zeros:
            x = x * self.kept
        return x if self.total is None else self._summed(x, condition)

    def _summed(self, x: Tensor, condition: Condition) -> Tensor:
        wanted = self._wanted(x, condition)
        if self.low is None:
            shifted = (x.double() + (wanted - self._sum(x)) * self.kept / self.kept.sum()).to(x.dtype)
            return self._rounded_off(shifted, wanted)
        if (wanted < 0).any():
            raise UserError(f"{self.total}={float(wanted.min()):g}: numbers that are not negative cannot sum to that")
        x = torch.where(self._sum(x) > 0, x, self.kept.to(x.dtype))  # a sample of zeros is made flat
        return (x.double() * (wanted / self._sum(x))).to(x.dtype)

    def _rounded_off(self, x: Tensor, wanted: Tensor) -> Tensor:
        """What rounding large numbers of both signs took from the sum goes to the smallest one, which can hold it."""
        left = (wanted - self._sum(x)).detach().to(x.dtype).flatten(-self.axes)
        smallest = torch.where(self.kept > 0, x.detach().abs(), torch.inf).flatten(-self.axes).argmin(-1, keepdim=True)
        return x.flatten(-self.axes).scatter_add(-1, smallest, left).reshape(x.shape)

    def _sum(self, x: Tensor) -> Tensor:
        return x.double().sum(tuple(range(-self.axes, 0)), keepdim=True)

    def _wanted(self, x: Tensor, condition: Condition) -> Tensor:
        assert condition.values is not None
        wanted = condition.values[..., self.variable].double()
        return wanted.reshape(*wanted.shape, *(1 for _ in range(self.axes)))

    def residuals(self, x: Tensor, condition: Condition) -> dict[str, Tensor]:
        """By constraint, how far each example, [n, *shape], is from obeying it, [n]; that of the sum is relative."""
        found: dict[str, Tensor] = {}
        if self.low is not None or self.high is not None:
            found["bounds"] = (x.clamp(self.low, self.high) - x).abs().flatten(1).amax(1)
        if self.zeros:
            found["zeros"] = (x * (1 - self.kept.to(x.device))).abs().flatten(1).amax(1)
        if self.total is not None:
            wanted = self._wanted(x, condition)
            found[f"sum={self.total}"] = ((self._sum(x) - wanted) / wanted.abs().clamp(min=1e-30)).flatten()
        return found


@dataclass(frozen=True)
class Soft(Penalty):
    r"""The generator pays for the distance of its samples from where the residual is within the tolerance.

    .. math:: \lambda E\left[\frac{\max(0, |f(x, c)| - \tau)}{\|\nabla_y f\|}\right]

    with the sample y in the networks' units: to first order the way back to the tolerance, whatever unit the residual
    has. The slope of the cost is lambda, of a Wasserstein critic about 1, and it does not fade near the tolerance: a
    lambda of a few brings typical residuals inside (an exact penalty: Nocedal and Wright, Numerical Optimization,
    section 17.2) and does not drown the critic. The gradient under the bar is taken as a constant.

    Arguments:
        name: for people.
        function: f.
        tolerance: tau, in the residual's unit.
        shape: of one example.
        weight: lambda.
    """

    name: str
    function: Function
    tolerance: float
    shape: tuple[int, ...]
    weight: float = 3.0
    steady: ClassVar[bool] = False

    def generator(self, round: Round) -> Tensor:
        rows = self._rows(round, round.generated)
        y = round.generated.detach().requires_grad_()
        with torch.enable_grad():
            columns = self._rows(round, y).sum(0)
        slopes = [torch.autograd.grad(column, y, retain_graph=True)[0] for column in columns]
        norms = torch.stack([slope.reshape(len(rows), -1).norm(dim=1) for slope in slopes], 1)
        excess = (rows.abs() - self.tolerance).clamp(min=0)
        return self.weight * (excess / norms.clamp(min=torch.finfo(norms.dtype).eps)).mean()

    def _rows(self, round: Round, y: Tensor) -> Tensor:
        """Residuals of examples in the networks' units, those of stacked models one after the other."""
        c = round.condition
        flat = Condition(
            None if c.labels is None else c.labels.flatten(), None if c.values is None else c.values.flatten(0, -2)
        )
        return self.residual(round.users(y).reshape(-1, *self.shape), flat)

    def residual(self, x: Tensor, condition: Condition) -> Tensor:
        """The function's residuals of examples [n, *shape], [n, m].

        Raises:
            UserError: where the function does not take the examples, or its result has another shape or no gradient
                where x has one.
        """
        x = x if x.is_floating_point() else x.float()
        try:
            found = self.function(x) if arity(self.function) < 2 else self.function(x, condition)
        except UserError:
            raise
        except (Exception, SystemExit) as error:
            raise UserError(f"constraint {self.name} fails on x of shape {list(x.shape)}: {said(error)}") from error
        if not isinstance(found, Tensor):
            raise UserError(
                f"constraint {self.name} gives a {type(found).__name__}; let it give a tensor [n] or [n, m]"
            )
        if found.dim() not in (1, 2) or len(found) != len(x):
            raise UserError(
                f"constraint {self.name} gives residuals of shape {list(found.shape)} for {len(x)} examples; "
                f"let it give [{len(x)}] or [{len(x)}, m]"
            )
        if x.requires_grad and not found.requires_grad:
            raise UserError(f"constraint {self.name} has no gradient; compute it from x with torch's functions")
        return found.reshape(len(x), -1)

    def residuals(self, x: Tensor, condition: Condition) -> dict[str, Tensor]:
        """The residual of each example, the largest one where it has several, [n]; refused without a gradient."""
        with torch.enable_grad():
            found = self.residual((x if x.is_floating_point() else x.float()).detach().requires_grad_(), condition)
        return {self.name: found.detach().abs().amax(1)}
