"""Loading: what numbers are taken to be, how they are split, what identifies them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from allmodes.data.dataset import load_data, split
from allmodes.data.detect import detect_layout
from allmodes.errors import UserError
from allmodes.event import QUANTILES, Event, Layout, Support

RNG = np.random.default_rng(0)
NORMAL = RNG.standard_normal((200, 3))
HUGE = np.where(np.arange(200)[:, None] % 50 == 7, [1, -1e300, 1e39], NORMAL)


@pytest.mark.parametrize(
    ("array", "support", "levels", "dtype"),
    [
        (NORMAL > 0, Support.BINARY, 0, torch.uint8),
        ((NORMAL > 0).astype(np.int64), Support.BINARY, 0, torch.uint8),
        ((NORMAL > 0).astype(np.float64), Support.BINARY, 0, torch.uint8),
        (np.zeros((200, 3)), Support.NON_NEGATIVE, 0, torch.float32),
        (np.ones((200, 3), np.int64), Support.LEVELS, 2, torch.uint8),
        (RNG.integers(0, 7, (200, 3)), Support.LEVELS, 7, torch.uint8),
        (RNG.integers(0, 7, (200, 3)).astype(np.uint8), Support.LEVELS, 7, torch.uint8),
        (RNG.integers(0, 7, (200, 8, 8)).astype(np.uint8), Support.LEVELS, 7, torch.uint8),
        (RNG.integers(0, 200, (200, 8, 8)).astype(np.uint8), Support.LEVELS, 256, torch.uint8),
        (RNG.integers(0, 60_000, (200, 9)).astype(np.uint16), Support.LEVELS, None, torch.int32),
        (RNG.integers(0, 99_999, (200, 9)), Support.REAL, 0, torch.float32),
        (np.arange(65_536 - 199, 65_537)[:, None], Support.REAL, 0, torch.float32),
        (RNG.integers(-5, 5, (200, 3)), Support.REAL, 0, torch.float32),
        (NORMAL, Support.REAL, 0, torch.float32),
        (NORMAL.clip(0), Support.NON_NEGATIVE, 0, torch.float32),
        (np.abs(NORMAL), Support.REAL, 0, torch.float32),
        (torch.randn(200, 3, dtype=torch.bfloat16), Support.REAL, 0, torch.float32),
        (NORMAL.astype(">f4"), Support.REAL, 0, torch.float32),
        (NORMAL[:, ::-1], Support.REAL, 0, torch.float32),
    ],
)
def test_support_and_type_are_told_from_the_numbers(
    array: Any, support: Support, levels: int | None, dtype: Any
) -> None:
    data = load_data(array)
    assert data.event.support is support
    assert data.event.levels == (int(array.max()) + 1 if levels is None else levels)
    assert data.x.dtype == dtype == data.event.dtype
    expected = array.float() if isinstance(array, torch.Tensor) else torch.from_numpy(array.astype(np.float32))
    assert torch.equal(data.x.float(), expected)


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((5,), Layout.VECTOR),
        ((28, 28), Layout.HW),
        ((3, 28), Layout.VECTOR),
        ((28, 28, 1), Layout.HWC),
        ((3, 32, 32), Layout.CHW),
        ((16, 32, 40), Layout.CHW),
        ((17, 64, 64), Layout.VECTOR),
        ((16, 16, 16), Layout.VECTOR),
        ((10, 12, 12), Layout.VECTOR),
        ((3, 64, 3), Layout.VECTOR),
        ((2, 3, 4, 5), Layout.VECTOR),
    ],
)
def test_the_layout_is_told_from_the_shape(shape: tuple[int, ...], layout: Layout) -> None:
    assert detect_layout(shape) is layout


def test_a_split_is_disjoint_complete_and_of_the_right_sizes() -> None:
    parts = split(1003, seed=4)
    assert torch.equal(torch.cat([parts.train, parts.validation, parts.test]).sort().values, torch.arange(1003))
    assert parts.to_dict() == {
        "seed": 4,
        "fractions": [0.8, 0.1, 0.1],
        "counts": {"train": 802, "validation": 101, "test": 100},
    }
    assert torch.equal(split(1003, seed=4).test, parts.test)
    assert not torch.equal(split(1003, seed=5).test, parts.test)
    assert len(split(10, 0, (1.0, 0.0, 0.0)).train) == 10
    with pytest.raises(UserError, match="sum to 1"):
        split(10, 0, (0.8, 0.1, 0.2))


def test_parts_are_the_rows_of_the_split() -> None:
    data = load_data(NORMAL, labels=np.arange(200) % 4)
    part = data.part("validation")
    assert data.labels is not None
    assert part.condition.labels is not None
    assert torch.equal(part.x, data.x[data.split.validation])
    assert torch.equal(part.condition.labels, data.labels[data.split.validation])


def test_parts_have_the_shares_that_were_asked_for_and_follow_the_seed() -> None:
    assert split(1000, 0, (0.5, 0.2, 0.3)).to_dict()["counts"] == {"train": 500, "validation": 200, "test": 300}
    assert torch.equal(load_data(NORMAL, split_seed=3).split.test, split(200, 3).test)


def test_what_is_fitted_sees_training_examples_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    data = load_data(NORMAL, conditions={"energy": NORMAL[:, 0]})
    train = data.x[data.split.train]
    assert torch.equal(data.to_fit(), train)
    assert data.event.quantiles[0] == tuple(np.quantile(train[:, 0].double(), QUANTILES))
    monkeypatch.setattr("allmodes.data.dataset.FITTED", 30)
    assert torch.equal(data.to_fit(), train[:10])


def test_labels_that_are_given_stand_in_place_of_those_of_the_data() -> None:
    assert load_data("digits", labels=np.arange(1797) % 2).event.classes == ("0", "1")


def test_the_digest_tells_data_apart_by_number_shape_type_and_condition() -> None:
    same = [load_data(NORMAL), load_data(NORMAL.astype(np.float32)), load_data(torch.from_numpy(NORMAL), split_seed=9)]
    assert len({data.digest for data in same}) == 1
    changed = NORMAL.copy()
    changed[7, 1] += 1
    different = [
        load_data(changed),
        load_data(NORMAL.reshape(200, 1, 3)),
        load_data(NORMAL, labels=np.arange(200) % 2),
        load_data(NORMAL, conditions={"energy": NORMAL[:, 0]}),
        same[0],
    ]
    assert len({data.digest for data in different}) == 5
    assert same[0].digest.startswith("sha256:")


def test_labels_are_named_sorted_and_counted_from_zero() -> None:
    named = load_data(NORMAL[:4], labels=["run10", "run9", "run10", "alpha"])
    assert named.event.classes == ("alpha", "run9", "run10")
    assert named.labels is not None
    assert named.labels.tolist() == [2, 1, 2, 0]
    turned = load_data(NORMAL[:4], labels=["run10", "run11", "run9", "run10"])
    assert turned.event.classes == ("run9", "run10", "run11")
    assert turned.labels is not None
    assert turned.labels.tolist() == [1, 2, 0, 1]
    numbered = load_data(NORMAL[:4], labels=torch.tensor([[10], [-2], [9], [9]]))
    assert numbered.event.classes == ("-2", "9", "10")
    assert numbered.labels is not None
    assert numbered.labels.tolist() == [2, 0, 1, 1]


def test_conditions_keep_their_names_and_numbers() -> None:
    data = load_data(NORMAL, conditions={"energy": NORMAL[:, 0], "angle": NORMAL[:, 1]})
    assert data.event.variables == ("energy", "angle")
    assert data.values is not None
    assert torch.equal(data.values, torch.from_numpy(NORMAL[:, :2].astype(np.float32)))
    assert load_data(NORMAL, conditions=NORMAL[:, :2]).event.variables == ("condition1", "condition2")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"data": "rinng"}, r"unknown data 'rinng'; did you mean 'ring'\?.*path"),
        ({"data": "./ring"}, r"/ring is not there"),
        ({"data": None}, "arrays in memory; pass them again"),
        ({"data": "ring", "label": "x"}, "ring is built in and has no columns"),
        ({"data": NORMAL, "label": "x"}, r"pass labels=\[\.\.\.\]"),
        ({"data": NORMAL, "spilt_seed": 1}, "'spilt_seed'; did you mean 'split_seed'"),
        ({"data": NORMAL, "labels": [1, 2]}, r"labels of shape \(2,\) do not fit 200 examples"),
        ({"data": NORMAL, "labels": NORMAL[:, 0]}, "labels are real numbers.*conditions"),
        ({"data": NORMAL, "conditions": {"e": ["a"] * 200}}, "condition 'e'.*not numbers"),
        ({"data": NORMAL, "conditions": {"e": NORMAL}}, "condition 'e' has 3 numbers an example"),
        ({"data": NORMAL, "conditions": NORMAL[:5]}, r"\(5, 3\) does not fit 200 examples"),
        ({"data": NORMAL, "resize": 8}, r"resize scales images.*\(3,\)"),
        ({"data": "digits", "resize": 0}, "resize=0"),
        ({"data": "digits", "resize": (8, 8, 3)}, "give rows and columns"),
        ({"data": "digits", "resize": "32"}, "resize='32'"),
        ({"data": "digits", "resize": 8.0}, r"resize=8\.0"),
        ({"data": "digits", "resize": True}, "resize=True"),
        ({"data": "digits", "resize": [1, [2, 3]]}, r"resize=\[1, \[2, 3\]\] is ragged"),
        ({"data": NORMAL + 1j}, "complex128, not numbers"),
        ({"data": np.empty((0, 3))}, r"array has shape \(0, 3\) and so no examples"),
        ({"data": [[1, 2], [3]]}, "data is ragged"),
        ({"data": torch.zeros(20, 2).to_sparse()}, r"data: a sparse tensor; pass its \.to_dense\(\)"),
        ({"data": torch.zeros(20, 2, device="meta")}, "data: a tensor on the device 'meta'"),
        ({"data": NORMAL, "conditions": {"e": torch.zeros(200).to_sparse()}}, "condition 'e': a sparse tensor"),
        ({"data": HUGE}, r"array: number 1 of an example is -1e\+300 in row 7, beyond float32's largest.* rescale it"),
        (
            {"data": NORMAL, "conditions": {"a": NORMAL[:, 0], "e": HUGE[:, 1]}},
            r"condition 'e' is -1e\+300 in row 7, ",
        ),
        ({"data": load_data(NORMAL), "split_seed": 1}, "a Dataset is taken as it is"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        load_data(**given)
    assert "\n" not in str(caught.value)


MASKED = np.ma.masked_array(np.arange(200.0), np.arange(200) % 50 == 7, fill_value=-9999)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"data": np.ma.stack([MASKED, MASKED], 1)}, "data"),
        ({"data": MASKED.astype([("e", float), ("k", float)])}, "data"),
        ({"data": NORMAL, "labels": MASKED.astype(int)}, "labels"),
        ({"data": NORMAL, "conditions": MASKED}, "conditions"),
        ({"data": NORMAL, "conditions": {"e": MASKED}}, "condition 'e'"),
    ],
)
def test_masked_values_are_refused_and_counted(given: dict[str, Any], what: str) -> None:
    with pytest.raises(UserError, match=f"^{what}: masked values in 4 rows, the first is row 7; drop them"):
        load_data(**given)


def test_an_array_that_masks_nothing_is_taken() -> None:
    for whole in (np.ma.masked_array(NORMAL), np.ma.masked_array(NORMAL, np.zeros_like(NORMAL, bool))):
        assert load_data(whole).digest == load_data(NORMAL).digest


@pytest.mark.parametrize(
    "labels",
    [
        [None, "a", "b", "a"] * 50,
        ["a", "b", "a", float("nan")] * 50,
        np.array(["a", None, "b", "a"] * 50, object),
        np.array([0, 1, np.nan, 1] * 50),
        np.array(["2020-01-01", "NaT"] * 100, "datetime64[D]"),
    ],
)
def test_a_label_that_is_missing_is_no_class(labels: Any) -> None:
    with pytest.raises(UserError, match=r"labels are missing in \d+ rows, the first is row [0-3]; drop those rows"):
        load_data(NORMAL, labels=labels)


def test_labels_of_whole_real_numbers_are_integers() -> None:
    assert load_data(NORMAL, labels=np.arange(200) % 2 * 1.0).event.classes == ("0", "1")


def test_whole_numbers_in_a_column_of_objects_sort_as_numbers() -> None:
    labels = np.array([-1, 2, 10, -20] * 50, object)
    assert load_data(NORMAL, labels=labels).event.classes == ("-20", "-1", "2", "10")
    huge = np.array([2**63, -1] * 100, object)  # beyond every integer of numpy's
    assert set(load_data(NORMAL, labels=huge).event.classes) == {"-1", str(2**63)}


def test_a_column_that_float32_does_not_hold_is_named(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,energy\n" + "".join(f"{i},{i}e300\n" for i in range(50)))
    with pytest.raises(UserError, match=r"^table: column 'energy' is 1e\+300 in row 1, beyond float32's largest"):
        load_data(path)


def test_the_row_of_a_number_too_large_is_counted_over_all_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allmodes.data.chunks.CHUNK_BYTES", 240)
    with pytest.raises(UserError, match=r"number 1 of an example is 1e\+39 in row 57"):
        load_data(np.where(np.arange(200)[:, None] == 57, [1, 1e39, 1], NORMAL))


def test_infinite_numbers_are_left_to_the_check_of_the_data() -> None:
    infinite = np.where(NORMAL > 1, np.inf, NORMAL)
    assert load_data(infinite).x.isinf().sum() == (NORMAL > 1).sum()


def test_the_source_loads_the_same_again(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,kind,energy\n" + "".join(f"{i},{'gp'[i % 2]},{i / 7}\n" for i in range(50)))
    data = load_data(path, label="kind", condition=["energy"], split_seed=3)
    again = load_data(**json.loads(json.dumps(data.source)))
    assert again.digest == data.digest
    assert again.event == data.event
    assert torch.equal(again.split.train, data.split.train)
    small = load_data("digits", resize=4)
    assert load_data(**json.loads(json.dumps(small.source))).digest == small.digest
    assert load_data(NORMAL).source == load_data(path, label="kind", labels=[0] * 50).source == {"data": None}
    assert load_data(path, label="kind", conditions={"e": range(50)}).source == {"data": None}


def test_a_dataset_passes_through_and_an_event_survives_json() -> None:
    data = load_data("digits")
    assert load_data(data) is data
    assert Event.from_dict(json.loads(json.dumps(data.event.to_dict()))) == data.event


def test_a_name_wins_over_a_file_unless_it_is_written_as_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ring").write_text("a,b\n" + "1,2\n" * 20)
    assert load_data("ring").modes is not None
    assert load_data("./ring").event.columns == load_data(Path("ring")).event.columns == ("a", "b")


def test_arrays_that_may_not_be_written_are_read(tmp_path: Path) -> None:
    frozen = NORMAL.astype(np.float32)
    frozen.flags.writeable = False
    assert torch.equal(load_data(frozen).x, torch.from_numpy(NORMAL).float())


@pytest.mark.parametrize("layout", ["HW", "HWC", "CHW"])
def test_resized_images_keep_layout_type_and_range(layout: str) -> None:
    flat = np.full((20, 12, 10), 17, np.int64)
    flat[:, :, 5:] = 200
    array = {"HW": flat, "HWC": np.stack([flat] * 3, -1), "CHW": np.stack([flat] * 3, 1)}[layout]
    data = load_data(array, resize=(24, 20))
    assert data.event.image == (1 if layout == "HW" else 3, 24, 20)
    assert data.event.layout == layout
    assert (data.event.levels, data.x.dtype) == (201, torch.uint8)
    assert (int(data.x.min()), int(data.x.max())) == (17, 200)
    assert load_data(array, resize=np.int64(24)).event.image == (data.event.image[0], 24, 24)
    binary = load_data((array > 100).astype(np.float32), resize=24)
    assert set(binary.x.unique().tolist()) == {0, 1}
    assert binary.x.equal(load_data(array > 100, resize=24).x)


def test_an_image_is_scaled_alike_whatever_its_layout() -> None:
    x = np.random.default_rng(0).integers(0, 256, (20, 12, 10, 3), np.uint8)
    last, first = load_data(x, resize=(24, 20)), load_data(x.transpose(0, 3, 1, 2), resize=(24, 20))
    assert torch.equal(first.x.movedim(1, -1), last.x)


def test_mnist_is_what_it_should_be(shared_data: Path) -> None:
    data = load_data(shared_data / "mnist" / "t10k-images-idx3-ubyte.gz")
    assert (data.event.shape, data.event.support, data.event.levels) == ((28, 28), Support.LEVELS, 256)
    assert data.labels is not None
    assert data.labels.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_a_gamma_telescope_table_is_read_with_its_classes(shared_data: Path) -> None:
    data = load_data(shared_data / "magic" / "magic04.data", label="column11")
    assert (data.event.shape, data.event.classes, data.event.label) == ((10,), ("g", "h"), "column11")
    assert data.labels is not None
    assert data.labels.bincount().tolist() == [12332, 6688]
