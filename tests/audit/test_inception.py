from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from allmodes.audit.features import fit_features
from allmodes.audit.inception import InceptionTrunk
from allmodes.audit.maps import Task
from allmodes.errors import UserError
from allmodes.event import Event, Layout, Support
from allmodes.random import seeded

GREY = Event((8, 8), Support.LEVELS, 256, Layout.HW)


@pytest.fixture(scope="module")
def trunk() -> InceptionTrunk:
    with seeded(0):
        return InceptionTrunk().eval()


def test_the_trunk_has_the_published_number_of_weights(trunk: InceptionTrunk) -> None:
    """Inception v3 without its auxiliary classifier has 23,834,568 weights, 2,049,000 of them in the last layer."""
    assert sum(weight.numel() for weight in trunk.parameters()) == 23_834_568 - 2_049_000


def test_images_get_2048_features_from_the_weights_of_a_file(trunk: InceptionTrunk, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(trunk.state_dict() | {"fc.weight": torch.zeros(1008, 2048)}, path)
    x = np.random.default_rng(0).integers(0, 256, (2, 8, 8)).astype(np.uint8)
    rows = fit_features(f"inception:{path}", Task(GREY, x))(x)
    large = torch.nn.functional.interpolate(
        torch.from_numpy(x)[:, None].float() / 127.5 - 1, (299, 299), mode="bilinear"
    )
    with torch.no_grad():
        expected = trunk(large.expand(-1, 3, -1, -1))
    np.testing.assert_allclose(rows, expected.numpy(), rtol=1e-3, atol=1e-6)
    assert rows.shape == (2, 2048)


def test_what_is_no_file_of_weights_is_refused_in_one_line(trunk: InceptionTrunk, tmp_path: Path) -> None:
    x = np.zeros((2, 8, 8), np.uint8)
    other, garbage = tmp_path / "other.safetensors", tmp_path / "weights.pth"
    save_file({"Conv2d_1a_3x3.conv.weight": torch.zeros(32, 1, 3, 3)}, other)
    garbage.write_bytes(b"\x80\x04}q\x00.")
    for path, message in (
        (tmp_path / "absent", "there is no file"),
        (garbage, "is no safetensors file"),
        (other, r"Conv2d_1a_3x3.conv.weight is of shape \(32, 1, 3, 3\), not \(32, 3, 3, 3\)"),
    ):
        with pytest.raises(UserError, match=message):
            fit_features(f"inception:{path}", Task(GREY, x))
    with pytest.raises(UserError, match="need images of 1 or 3 channels"):
        fit_features(f"inception:{other}", Task(Event((5,)), np.zeros((2, 5))))
