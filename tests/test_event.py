"""Events: what one example is, and which values it can take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from allmodes.errors import UserError
from allmodes.event import Batch, Condition, Event, Layout, Support

LABELLED = Event((2,), classes=("gamma", "proton"), label="particle", variables=("energy", "angle"))


@pytest.mark.parametrize(
    ("layout", "shape", "image"),
    [
        (Layout.VECTOR, (7,), None),
        (Layout.VECTOR, (4, 4, 4), None),
        (Layout.HW, (5, 6), (1, 5, 6)),
        (Layout.HWC, (5, 6, 3), (3, 5, 6)),
        (Layout.CHW, (3, 5, 6), (3, 5, 6)),
    ],
)
def test_an_image_is_channels_rows_columns(
    layout: Layout, shape: tuple[int, ...], image: tuple[int, int, int] | None
) -> None:
    event = Event(shape, layout=layout)
    assert event.image == image
    assert event.size == torch.empty(shape).numel()


@pytest.mark.parametrize("leading", [(9,), (2, 9), (4, 2, 9)])
def test_count_reads_the_axis_before_an_examples_own(leading: tuple[int, ...]) -> None:
    assert Event((3, 5)).count(torch.empty(*leading, 3, 5)) == 9


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (Event((4,)), [-1.5, 0.4, 2.6, 900.0]),
        (Event((4,), Support.NON_NEGATIVE), [0.0, 0.4, 2.6, 900.0]),
        (Event((4,), Support.BINARY), [0, 0, 1, 1]),
        (Event((4,), Support.LEVELS, 17), [0, 0, 3, 16]),
        (Event((4,), Support.LEVELS, 256), [0, 0, 3, 255]),
        (Event((4,), Support.LEVELS, 4096), [0, 0, 3, 900]),
    ],
)
def test_project_gives_the_nearest_value_that_can_be(event: Event, expected: list[float]) -> None:
    projected = event.project(torch.tensor([[-1.5, 0.4, 2.6, 900.0]]))
    assert projected.dtype == event.dtype
    assert projected.tolist() == [pytest.approx(expected)]
    assert event.project(projected.float()).equal(projected)


@given(levels=st.integers(2, 65_536))
def test_the_dtype_holds_every_level_and_no_more_than_needed(levels: int) -> None:
    dtype = Event((1,), Support.LEVELS, levels).dtype
    assert torch.iinfo(dtype).max >= levels - 1
    assert dtype == torch.uint8 or levels > torch.iinfo(torch.uint8).max + 1


@pytest.mark.parametrize("support", list(Support))
def test_masses_count_and_densities_measure(support: Support) -> None:
    event = Event((1,), support, 2)
    assert event.measure == ("counting" if support in (Support.BINARY, Support.LEVELS) else "lebesgue")
    assert event.discrete == (not event.dtype.is_floating_point)


def test_a_condition_repeats_what_was_asked() -> None:
    condition = LABELLED.condition(3, {"particle": "proton", "angle": 2, "energy": "1.5"})
    assert condition.labels is not None
    assert condition.values is not None
    assert condition.labels.tolist() == [1, 1, 1]
    assert condition.values.tolist() == [[1.5, 2.0]] * 3


GOOD: Mapping[str, str | float] = {"particle": "gamma", "energy": 1.0, "angle": 0.0}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (GOOD | {"energi": 2}, "unknown condition 'energi'; did you mean 'energy'"),
        (GOOD | {"particle": "protn"}, "unknown particle 'protn'; did you mean 'proton'"),
        (GOOD | {"energy": "high"}, "condition energy='high' is not a number"),
        (GOOD | {"energy": "nan"}, "condition energy='nan' is not a number"),
        ({"particle": "gamma", "energy": 1.0}, "condition 'angle' is missing; give --condition angle=VALUE"),
        ({"energy": 1.0, "angle": 0.0}, "condition 'particle' is missing"),
    ],
)
def test_conditions_that_do_not_fit_are_named(values: Mapping[str, str | float], said: str) -> None:
    with pytest.raises(UserError) as error:
        LABELLED.condition(3, values)
    assert said in str(error.value)


def test_a_condition_of_data_without_any_is_an_error() -> None:
    with pytest.raises(UserError, match="'energy' given, but the data have neither labels nor conditions"):
        Event((2,)).condition(3, {"energy": 1})


@pytest.mark.parametrize(
    "event", [LABELLED, Event((3, 8, 8), Support.LEVELS, 17, Layout.CHW), Event((2,), columns=("x", "y"))]
)
def test_an_event_survives_json(event: Event) -> None:
    assert Event.from_dict(json.loads(json.dumps(event.to_dict()))) == event


def test_indexing_a_condition_keeps_labels_and_values_together() -> None:
    condition = Condition(torch.arange(5), torch.arange(5.0)[:, None])[torch.tensor([3, 1])]
    batch = Batch(torch.zeros(2, 1), condition).to("cpu")
    assert batch.condition.labels is not None
    assert batch.condition.values is not None
    assert batch.condition.labels.tolist() == [3, 1]
    assert batch.condition.values.tolist() == [[3.0], [1.0]]


@given(count=st.integers(1, 7), n=st.integers(1, 30))
def test_conditions_are_spread_over_samples_each_once_before_any_comes_again(count: int, n: int) -> None:
    condition = Condition(torch.arange(count), torch.arange(float(count))[:, None])
    spread = condition.spread(n, 3)
    assert spread.labels is not None
    assert spread.values is not None
    times = spread.labels.bincount(minlength=count)
    assert (len(spread), int(times.max() - times.min())) == (n, int(n % count > 0))
    assert spread.values[:, 0].equal(spread.labels.float())
    assert condition.spread(n, 3).labels.equal(spread.labels)  # type: ignore[union-attr]


def test_a_typical_condition_is_one_that_can_be_asked_for() -> None:
    event = replace(LABELLED, quantiles=((0.0, 1.0, 2.5, 3.0, 9.0), (-1.0, 0.0, 0.0, 0.0, 1.0)))
    assert event.typical == {"particle": "gamma", "energy": "2.5", "angle": "0"}
    assert event.condition(2, event.typical).values is not None
    assert event.beyond(event.typical) == event.beyond(event.condition(2, event.typical)) == []
    strange = Condition(torch.zeros(2).long(), torch.tensor([[9.5, 0.0], [9.0, 0.0]]))
    assert event.beyond(strange) == ["1 of 2 values of energy lie outside the training examples, 0 to 9"]
    assert Event((2,)).typical == {}


@pytest.mark.parametrize("levels", [2, 17, 256, 300])
def test_every_level_is_an_example_and_the_next_is_not(levels: int) -> None:
    event = Event((1,), Support.LEVELS, levels)
    event.require(torch.arange(levels)[:, None].to(event.dtype))
    with pytest.raises(UserError, match=f"value {levels}; this model takes values whole numbers from 0"):
        event.require(torch.tensor([[levels]]))
