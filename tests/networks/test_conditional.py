"""Conditions as networks take them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from allmodes.errors import UserError
from allmodes.event import Condition, Event
from allmodes.networks.conditional import Concatenated, ConditionVector, Projected, Projection
from allmodes.networks.mlp import MLP
from allmodes.networks.stack import stack

EVENT = Event(
    (2,),
    classes=("a", "b", "c"),
    variables=("energy", "angle"),
    quantiles=((1.0, 10.0, 100.0, 1000.0, 1e5), (-3.0, -1.0, 0.5, 2.0, 4.0)),
)
CONDITION = Condition(torch.tensor([2, 0]), torch.tensor([[100.0, 0.5], [1000.0, -1.0]]))


def test_classes_are_one_hot_and_values_in_units_of_their_spread() -> None:
    c = ConditionVector(EVENT)(CONDITION)
    assert c[:, :3].tolist() == [[0, 0, 1], [1, 0, 0]]
    assert c[0, 3:].tolist() == [0, 0]
    assert c[1, 3:].tolist() == pytest.approx([900 / 495, -1.0])


def test_a_logarithm_is_standardized_by_the_same_quantiles() -> None:
    c = ConditionVector(EVENT, ("energy",))(CONDITION)
    assert c[:, 3].tolist() == pytest.approx([0.0, 1.0], abs=1e-6)


def test_mistakes_in_log_are_named() -> None:
    with pytest.raises(UserError, match=r"unknown continuous condition 'enrgy'; did you mean 'energy'"):
        ConditionVector(EVENT, ("enrgy",))
    with pytest.raises(UserError, match=r"log=angle: its smallest training value is -3"):
        ConditionVector(EVENT, ("angle",))
    with pytest.raises(UserError, match=r"log=energy: the data have no continuous condition"):
        ConditionVector(Event((2,), classes=("a", "b")), ("energy",))


def test_a_condition_that_never_changes_and_one_without_quantiles_stay_finite() -> None:
    same = Event((2,), variables=("v",), quantiles=((3.0,) * 5,))
    assert ConditionVector(same)(Condition(values=torch.tensor([[3.0], [4.0]]))).tolist() == [[0.0], [1.0]]
    unknown = Event((2,), variables=("v",))
    assert ConditionVector(unknown)(Condition(values=torch.tensor([[3.0]]))).tolist() == [[3.0]]


def test_concatenation_gives_numbers_to_points_and_constant_channels_to_images() -> None:
    vector = ConditionVector(EVENT)
    points = Concatenated(nn.Identity(), vector)(torch.zeros(2, 4), CONDITION)
    assert points.shape == (2, 9)
    assert points[:, 4:].equal(vector(CONDITION))
    images = Concatenated(nn.Identity(), vector, axes=3)(torch.zeros(2, 1, 3, 5), CONDITION)
    assert images.shape == (2, 6, 3, 5)
    assert (images[:, 1:] == vector(CONDITION)[:, :, None, None]).all()


def test_of_a_stack_each_row_gets_its_own_condition_or_all_the_same() -> None:
    torch.manual_seed(0)
    members = [Concatenated(MLP(9, 1, (5,)), ConditionVector(EVENT)) for _ in range(2)]
    together, x = stack(members), torch.randn(2, 2, 4)
    assert CONDITION.labels is not None
    assert CONDITION.values is not None
    other = Condition(CONDITION.labels.flip(0), CONDITION.values.flip(0))
    each = Condition(torch.stack([CONDITION.labels, other.labels]), torch.stack([CONDITION.values, other.values]))
    for asked, row in ((each, (CONDITION, other)), (CONDITION, (CONDITION, CONDITION))):
        expected = torch.stack([m(x[i], row[i]) for i, m in enumerate(members)])
        torch.testing.assert_close(together(x, asked), expected, rtol=1e-5, atol=1e-6)


def test_projection_is_the_papers_sum_and_has_a_table_of_embeddings() -> None:
    torch.manual_seed(0)
    vector = ConditionVector(EVENT)
    head = Projection(4, vector)
    assert head.embedding.weight.shape == (4, 5)
    features = torch.randn(2, 4)
    expected = [
        (h @ head.marginal.weight[0] + head.marginal.bias[0] + (head.embedding.weight @ c) @ h).item()
        for h, c in zip(features, vector(CONDITION), strict=True)
    ]
    found = Projected(nn.Identity(), head)(features, CONDITION)
    assert found.shape == (2, 1)
    assert found[:, 0].tolist() == pytest.approx(expected, rel=1e-5)
