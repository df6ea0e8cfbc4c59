"""Features of the Inception network, where the user has its weights: nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from allmodes.audit.convolutions import network_map
from allmodes.audit.maps import Features, Task
from allmodes.data.transforms import Transform, in_range
from allmodes.errors import UserError, one_line

SIZE = 299
"""Rows and columns that the network sees."""


def inception(path: str, task: Task) -> Features:
    """The 2,048 averages before the last layer of Inception v3, as Fréchet distances of images are computed from.

    Images are brought to [-1, 1] (levels by their range, other numbers by that of the examples), grey ones to three
    channels, and all to 299 x 299 by bilinear interpolation.

    Arguments:
        path: a safetensors file of weights under the names that torchvision and pytorch-fid use; both fit, and the
            figures of papers come from the second. A checkpoint that is a pickle is converted where it is trusted:
            `safetensors.torch.save_file(torch.load("weights.pth", weights_only=True), "weights.safetensors")`.
        task: images, and the device.

    Raises:
        UserError: for examples that are no images of one or three channels, or a file without these weights.

    References:
        Rethinking the Inception architecture for computer vision (Szegedy et al., 2015), table 1,
        https://arxiv.org/abs/1512.00567
        GANs trained by a two time-scale update rule (Heusel et al., 2017), https://arxiv.org/abs/1706.08500
    """
    if task.event.image is None or task.event.image[0] not in (1, 3):
        raise UserError(f"features inception need images of 1 or 3 channels, not shape {task.event.shape}")
    trunk = InceptionTrunk()
    _load(trunk, path)
    units = in_range(task.event).fit(torch.from_numpy(np.ascontiguousarray(task.x)))
    return Features(
        "inception",
        f"the 2048 averages before the last layer of Inception v3, weights from {Path(path).name}",
        network_map(_Resized(units, trunk), task.device),
    )


def _load(trunk: nn.Module, path: str) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not Path(path).is_file():
        raise UserError(f"features inception: there is no file {path!r}; write inception:FILE.safetensors")
    try:
        weights = load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"features inception: {path} is no safetensors file ({one_line(error)})") from None
    wanted = trunk.state_dict()
    for name, value in wanted.items():
        if name.endswith("num_batches_tracked"):
            continue
        if name not in weights or weights[name].shape != value.shape:
            held = "missing" if name not in weights else f"of shape {tuple(weights[name].shape)}"
            raise UserError(f"features inception: in {path} {name} is {held}, not {tuple(value.shape)}")
    trunk.load_state_dict({name: weights.get(name, value) for name, value in wanted.items()})


class _Resized(nn.Module):
    """Images in the user's units -> what the trunk makes of them."""

    def __init__(self, units: Transform, trunk: nn.Module) -> None:
        super().__init__()
        self.units, self.trunk = units, trunk

    def forward(self, x: Tensor) -> Tensor:
        x = self.units(x).expand(-1, 3, -1, -1)
        return self.trunk(functional.interpolate(x, (SIZE, SIZE), mode="bilinear", align_corners=False))


class _Conv(nn.Module):
    """Convolution, batch normalization, rectifier."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x)).relu()


def _row(inputs: int, outputs: int) -> _Conv:
    return _Conv(inputs, outputs, (1, 7), padding=(0, 3))


def _column(inputs: int, outputs: int) -> _Conv:
    return _Conv(inputs, outputs, (7, 1), padding=(3, 0))


def _average(x: Tensor) -> Tensor:
    """Of the neighbours that are in the image."""
    return functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


class _MixedA(nn.Module):
    """Figure 5: two 3x3 in place of a 5x5."""

    def __init__(self, inputs: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = _Conv(inputs, 64, 1)
        self.branch5x5_1, self.branch5x5_2 = _Conv(inputs, 48, 1), _Conv(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = _Conv(inputs, 64, 1)
        self.branch3x3dbl_2, self.branch3x3dbl_3 = _Conv(64, 96, 3, padding=1), _Conv(96, 96, 3, padding=1)
        self.branch_pool = _Conv(inputs, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        parts = (self.branch1x1(x), self.branch5x5_2(self.branch5x5_1(x)), double, self.branch_pool(_average(x)))
        return torch.cat(parts, 1)


class _MixedB(nn.Module):
    """Figure 10: fewer rows and columns, 35 to 17."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3 = _Conv(inputs, 384, 3, 2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = _Conv(inputs, 64, 1), _Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = _Conv(96, 96, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat((self.branch3x3(x), double, functional.max_pool2d(x, 3, 2)), 1)


class _MixedC(nn.Module):
    """Figure 6 with n = 7: 1x7 and 7x1 in place of 7x7."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.branch1x1 = _Conv(inputs, 192, 1)
        self.branch7x7_1, self.branch7x7_2 = _Conv(inputs, width, 1), _row(width, width)
        self.branch7x7_3 = _column(width, 192)
        self.branch7x7dbl_1, self.branch7x7dbl_2 = _Conv(inputs, width, 1), _column(width, width)
        self.branch7x7dbl_3, self.branch7x7dbl_4 = _row(width, width), _column(width, width)
        self.branch7x7dbl_5 = _row(width, 192)
        self.branch_pool = _Conv(inputs, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat((self.branch1x1(x), single, double, self.branch_pool(_average(x))), 1)


class _MixedD(nn.Module):
    """Fewer rows and columns, 17 to 8."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3_1, self.branch3x3_2 = _Conv(inputs, 192, 1), _Conv(192, 320, 3, 2)
        self.branch7x7x3_1, self.branch7x7x3_2 = _Conv(inputs, 192, 1), _row(192, 192)
        self.branch7x7x3_3, self.branch7x7x3_4 = _column(192, 192), _Conv(192, 192, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        long = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat((self.branch3x3_2(self.branch3x3_1(x)), long, functional.max_pool2d(x, 3, 2)), 1)


class _MixedE(nn.Module):
    """Figure 7: 1x3 and 3x1 side by side. The published network pools the last of them by its maximum."""

    def __init__(self, inputs: int, *, last: bool) -> None:
        super().__init__()
        self.last = last
        self.branch1x1, self.branch3x3_1 = _Conv(inputs, 320, 1), _Conv(inputs, 384, 1)
        self.branch3x3_2a = _Conv(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = _Conv(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1, self.branch3x3dbl_2 = _Conv(inputs, 448, 1), _Conv(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = _Conv(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = _Conv(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = _Conv(inputs, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single, double = self.branch3x3_1(x), self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = functional.max_pool2d(x, 3, 1, 1) if self.last else _average(x)
        parts = (self.branch1x1(x), self.branch3x3_2a(single), self.branch3x3_2b(single))
        parts += (self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double), self.branch_pool(pooled))
        return torch.cat(parts, 1)


class InceptionTrunk(nn.Module):
    """Inception v3 up to its last averages, [n, 3, 299, 299] in [-1, 1] -> [n, 2048]."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3, self.Conv2d_2a_3x3 = _Conv(3, 32, 3, 2), _Conv(32, 32, 3)
        self.Conv2d_2b_3x3 = _Conv(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1, self.Conv2d_4a_3x3 = _Conv(64, 80, 1), _Conv(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _MixedA(192, 32), _MixedA(256, 64), _MixedA(288, 64)
        self.Mixed_6a, self.Mixed_6b = _MixedB(288), _MixedC(768, 128)
        self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = _MixedC(768, 160), _MixedC(768, 160), _MixedC(768, 192)
        self.Mixed_7a = _MixedD(768)
        self.Mixed_7b, self.Mixed_7c = _MixedE(1280, last=False), _MixedE(2048, last=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(functional.max_pool2d(x, 3, 2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(functional.max_pool2d(x, 3, 2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        return self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))).mean((2, 3))
