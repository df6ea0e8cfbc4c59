"""Conditions as networks take them: classes and continuous values, beside the input or against its features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from allmodes.errors import UserError, unknown
from allmodes.event import Condition, Event


class ConditionVector(nn.Module):
    """A condition as one vector: classes one-hot, then continuous values in units of their spread; [..., n, size].

    A value v of a variable with the training quantiles q becomes (v - q(50 %)) / (q(84 %) - q(16 %)) * 2: quantiles,
    unlike means, mean the same before and after a logarithm, and no outlier moves them.

    Arguments:
        event: which classes and variables there are.
        log: names of the variables that are taken by their logarithm.

    Raises:
        UserError: for a name that is no variable, or whose training values are not all positive.
    """

    centre: Tensor
    scale: Tensor
    logarithmic: Tensor

    def __init__(self, event: Event, log: Sequence[str] = ()) -> None:
        super().__init__()
        for name in log:
            if not event.variables:
                raise UserError(f"--set log={name}: the data have no continuous condition; leave it out")
            if name not in event.variables:
                raise unknown("continuous condition", name, event.variables)
        self.classes = len(event.classes)
        self.size = self.classes + len(event.variables)
        quantiles = event.quantiles or ((-1.0, -1.0, 0.0, 1.0, 1.0),) * len(event.variables)
        rows = []
        for name, row in zip(event.variables, quantiles, strict=True):
            values = torch.tensor(row, dtype=torch.float64)
            if name in log and values[0] <= 0:
                raise UserError(f"--set log={name}: its smallest training value is {row[0]:.6g}; leave it as it is")
            rows.append(values.log() if name in log else values)
        low, sixteen, middle, eighty_four, high = torch.stack(rows, -1) if rows else torch.empty(5, 0)
        half = (eighty_four - sixteen) / 2
        half = torch.where(half > 0, half, (high - low) / 2)
        self.register_buffer("centre", middle.float())
        self.register_buffer("scale", torch.where(half > 0, half, 1.0).float())
        self.register_buffer("logarithmic", torch.tensor([name in log for name in event.variables], dtype=torch.bool))

    def forward(self, condition: Condition) -> Tensor:
        """The vector of each condition; a value without a logarithm counts as the smallest one that has it."""
        parts = []
        if condition.labels is not None and self.classes:
            classes = torch.arange(self.classes, device=condition.labels.device)
            parts.append((condition.labels[..., None] == classes).to(self.centre.dtype))
        if condition.values is not None and self.logarithmic.numel():
            values = condition.values.to(self.centre.dtype)
            logarithm = values.clamp(min=torch.finfo(values.dtype).tiny).log()
            parts.append((torch.where(self.logarithmic, logarithm, values) - self.centre) / self.scale)
        return torch.cat(parts, -1)


class Concatenated(nn.Module):
    """A network that gets the condition beside its input: as further numbers, or of an image as constant channels.

    Arguments:
        network: takes `vector.size` more numbers, or channels, than x has.
        vector: makes the condition one vector.
        axes: of one example, 1 for [..., n, features], 3 for [n, channels, rows, columns].

    References:
        Conditional Generative Adversarial Nets (Mirza and Osindero, 2014), section 3.2, https://arxiv.org/abs/1411.1784
    """

    def __init__(self, network: nn.Module, vector: ConditionVector, axes: int = 1) -> None:
        super().__init__()
        self.network, self.vector, self.axes = network, vector, axes

    def forward(self, x: Tensor, condition: Condition) -> Tensor:
        c = self.vector(condition).to(x.dtype)
        rest = x.shape[x.dim() - self.axes + 1 :]
        c = c.reshape(*c.shape, *(1 for _ in rest)).expand(*x.shape[: x.dim() - self.axes], c.shape[-1], *rest)
        return self.network(torch.cat([x, c], -self.axes))


class Projection(nn.Module):
    r"""A logit from features and a condition, [n, features] -> [n, 1]: the discriminator's last layer.

    .. math:: D(x, c) = w \cdot \phi(x) + b + (V c) \cdot \phi(x)

    With a one-hot c, V is the table of class embeddings; a continuous c enters by its value, without a table.

    References:
        cGANs with Projection Discriminator (Miyato and Koyama, 2018), equation 3, https://arxiv.org/abs/1802.05637
    """

    def __init__(self, features: int, vector: ConditionVector) -> None:
        super().__init__()
        self.vector = vector
        self.marginal = nn.Linear(features, 1)
        self.embedding = nn.Linear(vector.size, features, bias=False)

    def forward(self, features: Tensor, condition: Condition) -> Tensor:
        embedded = self.embedding(self.vector(condition).to(features.dtype))
        return self.marginal(features) + (embedded * features).sum(-1, keepdim=True)


class Projected(nn.Module):
    """A discriminator whose features meet the condition in a `Projection`: (x, condition) -> logits [..., n, 1].

    Arguments:
        features: x -> [..., n, features].
        head: turns them into a logit.
    """

    def __init__(self, features: nn.Module, head: Projection) -> None:
        super().__init__()
        self.features, self.head = features, head

    def forward(self, x: Tensor, condition: Condition) -> Tensor:
        return self.head(self.features(x), condition)


class Unasked(nn.Module):
    """A network that is given the condition and does not look at it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, condition: Condition) -> Tensor:
        return self.network(x)
