"""What cannot be compared is refused in one line that names the way out; what can is split and told apart."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from allmodes.audit.inputs import subject_of
from allmodes.errors import UserError

RNG = np.random.default_rng(0)
TABLE = (5 + RNG.standard_normal((300, 3))).astype(np.float32)
OTHER = (5 + RNG.standard_normal((400, 3))).astype(np.float32)
THIRD = (5 + np.random.default_rng(1).standard_normal((300, 3))).astype(np.float32)
IMAGES = RNG.integers(0, 256, (120, 12, 10, 3), dtype=np.uint8)
OTHERS = RNG.integers(0, 256, (130, 12, 10, 3), dtype=np.uint8)


def nan(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x[[7, 9], 1] = np.nan
    return x


@pytest.mark.parametrize(
    ("real", "fake", "said"),
    [
        (TABLE, OTHER[:, :2], r"shape \(3,\) and one of fake \(2,\); give examples of one shape"),
        (IMAGES, OTHERS.transpose(0, 3, 1, 2), r"channels last against first; .*fake\.transpose\(0, 2, 3, 1\)"),
        (IMAGES.transpose(0, 3, 1, 2), OTHERS, r"channels first against last; .*fake\.transpose\(0, 3, 1, 2\)"),
        (IMAGES, OTHERS.reshape(130, -1), r"in another form; reshape: fake\.reshape\(-1, 12, 10, 3\)"),
        (IMAGES, OTHERS[:, :6, :6], r"give examples of one shape, or scale all of them with --resize"),
        (IMAGES, OTHERS / np.float32(255), r"real lies in 0 to 255 and fake in 0 to 1: .*multiply fake by 255"),
        (IMAGES / np.float32(255), OTHERS, r"fake lies in 0 to 255 and real in 0 to 1: .*multiply real by 255"),
        (IMAGES, OTHERS / np.float32(127.5) - 1, r"between -1 and 1; give 127\.5 \* \(fake \+ 1\)"),
        (TABLE, OTHER * np.float32([1, 1000, 1]), r"column 1 of fake is 1000 times that of real .*other units"),
        (TABLE, OTHER / np.float32(1e6), r"column 0 of fake is 1/1e\+06 times that of real"),
        (TABLE, nan(OTHER), r"fake: 2 of 400 examples hold NaN or infinite numbers, the first is row 7"),
        (nan(TABLE), OTHER, r"real: 2 of 300 examples hold NaN"),
        (TABLE, TABLE, r"100 % of fake are exactly examples of real"),
        (TABLE, TABLE[::-1], r"100 % of fake are exactly examples of real"),
        (TABLE[:1].repeat(200, 0), OTHER, r"all real examples are identical"),
        (TABLE, None, r"give a run, or both real= and fake="),
        (TABLE, np.array([["a", "b", "c"]]), r"fake: array holds values of type"),
    ],
)
def test_what_cannot_be_compared_is_refused(real: np.ndarray, fake: np.ndarray, said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        subject_of(real, fake)
    assert "\n" not in str(error.value)


def test_held_out_examples_that_were_trained_on_are_refused() -> None:
    with pytest.raises(UserError, match="100 % of real are among the training examples"):
        subject_of(TABLE, OTHER, TABLE[::-1])


def test_labels_and_conditions_that_do_not_match_are_refused() -> None:
    for labels, said in (
        (np.zeros(7, int), r"real: labels of shape \(7,\) do not fit 300 examples"),
        ({"real": np.arange(300) % 2, "fake": np.arange(400) % 3}, "fake: labels 2 occur, and real has 0, 1"),
    ):
        with pytest.raises(UserError, match=said):
            subject_of(TABLE, OTHER, labels=labels)
    with pytest.raises(UserError, match="conditions mass and, in real, energy"):
        subject_of(TABLE, OTHER, conditions={"real": {"energy": TABLE[:, 0]}, "fake": {"mass": OTHER[:, 0]}})


def test_labels_of_every_set_are_indices_into_the_classes_of_the_real_one() -> None:
    names = np.array(["proton", "gamma", "electron"])
    subject = subject_of(TABLE, OTHER, labels={"real": names[np.arange(300) % 3], "fake": names[np.arange(400) % 2]})
    assert subject.event.classes == ("electron", "gamma", "proton")
    assert subject.fake.labels is not None
    assert set(subject.fake.labels[::2]) == {2}
    assert set(subject.fake.labels[1::2]) == {1}


def test_images_of_several_sizes_are_scaled_to_one() -> None:
    subject = subject_of(IMAGES, OTHERS[:, :6, :6], resize=5)
    assert "images were scaled to 5 x 5 pixels: what is finer was not examined" in subject.notes
    assert subject.real.x.shape[1:] == subject.fake.x.shape[1:] == (5, 5, 3)


def test_windows_of_two_conditions_leave_training_examples_that_lie_in_both() -> None:
    rng = np.random.default_rng(0)
    train, held = rng.random((300, 2)), 0.5 * rng.random((400, 2))
    given = {"real": {"e": held[:, 0], "a": held[:, 1]}, "train": {"e": train[:, 0], "a": train[:, 1]}}
    subject = subject_of(OTHER, TABLE, THIRD, conditions=given)
    assert sum("are left out: real has no such examples" in line for line in subject.notes) == 2
    assert subject.train.values is not None
    assert len(subject.train) == ((train <= held.astype(np.float32).max(0)).all(1)).sum() < 90
    assert subject.train.values.max() < 0.5


def test_training_examples_of_other_classes_alone_are_refused() -> None:
    labels = {"real": ["c", "d"] * 150, "train": ["a", "b"] * 150}
    with pytest.raises(UserError, match=r"train: labels a, b occur, and real has c, d"):
        subject_of(TABLE, OTHER, THIRD, labels=labels)


def test_what_samples_lack_is_told_without_conditions_of_the_training_examples() -> None:
    energy = {"real": {"e": np.linspace(0, 1, 300)}, "fake": {"e": np.linspace(0, 0.5, 400)}}
    assert any(
        "of real have values of e that" in line for line in subject_of(TABLE, OTHER, THIRD, conditions=energy).notes
    )


def test_values_that_a_text_file_rounded_are_the_same() -> None:
    energy = np.resize(np.array([1 / 3, 2 / 3, 1.0]), 700)
    given = {"real": {"e": energy[:300]}, "fake": {"e": energy[:400].round(6)}}
    assert not any("that fake has not" in line for line in subject_of(TABLE, OTHER, conditions=given).notes)


def test_more_samples_of_what_has_ties_repeat_more_and_it_is_not_noted() -> None:
    rng = np.random.default_rng(0)
    real, fake = (rng.standard_normal((n, 1)).round(2) for n in (500, 5000))
    assert not any("of fake repeat" in line for line in subject_of(real, fake).notes)


@pytest.mark.parametrize("condition", [["energy"], "energy"])
def test_data_frames_are_tables_with_the_columns_that_are_named(condition: str | list[str]) -> None:
    pandas = pytest.importorskip("pandas")
    real, fake = (pandas.DataFrame(x, columns=["a", "b", "energy"]).assign(kind="p") for x in (TABLE, OTHER))
    real.loc[::2, "kind"] = fake.loc[::3, "kind"] = "q"
    subject = subject_of(real, fake, label="kind", condition=condition)
    assert subject.event.columns == ("a", "b")
    assert subject.event.classes == ("p", "q")
    assert subject.fake.values is not None
    assert subject.fake.values[:, 0].tolist() == OTHER[:, 2].tolist()
    lacking = subject_of(real, fake.drop(columns="energy"), label="kind", condition=condition)
    assert "fake has no column or array 'energy'" in lacking.notes


def test_samples_that_repeat_themselves_are_noted() -> None:
    said = "50.0 % of fake repeat other examples of fake to the last bit"
    assert said in subject_of(TABLE, OTHER[np.arange(400) % 200]).notes
    assert not any("of fake repeat" in line for line in subject_of(TABLE, OTHER).notes)


def test_samples_of_a_part_of_the_conditions_are_noted() -> None:
    names = np.array(["proton", "gamma", "electron"])
    labels = {"real": names[np.arange(300) % 3], "fake": names[np.arange(400) % 3]}
    energy = {"real": {"energy": np.arange(300)}, "fake": {"energy": np.arange(400)}}
    assert not any(
        "if it was asked" in line for line in subject_of(TABLE, OTHER, labels=labels, conditions=energy).notes
    )
    labels["fake"] = names[np.zeros(400, int)]
    energy["fake"] = {"energy": np.arange(400) % 2 * 299}
    notes = subject_of(TABLE, OTHER, labels=labels, conditions=energy).notes
    assert any(line.startswith("fake holds 1 of the 3 values of class in real (proton): if it") for line in notes)
    assert any("% of real have values of energy that fake has not: if it" in line for line in notes)


@pytest.mark.parametrize(("energies", "width"), [(np.arange(300.0), 5), (np.repeat([1.0, 2.5, 10.0], 100), 1)])
def test_samples_at_one_energy_are_noted_until_real_has_no_others(energies: np.ndarray, width: float) -> None:
    """And training examples of other energies are no draws of the same distribution."""
    fake = {"energy": np.full(400, np.median(energies))}
    whole = {"real": {"energy": energies}, "fake": fake}
    assert any("if it was asked for no others" in line for line in subject_of(TABLE, OTHER, conditions=whole).notes)
    rows = np.flatnonzero(np.abs(energies - np.median(energies)) < width)
    window = {"real": {"energy": energies[rows]}, "fake": fake, "train": {"energy": energies}}
    subject = subject_of(TABLE[rows], OTHER, THIRD, conditions=window)
    assert not any("if it was asked for no others" in line for line in subject.notes)
    (note,) = (line for line in subject.notes if "training examples with energy outside of" in line)
    assert note.startswith(f"{300 - len(rows)} training examples")
    assert len(subject.train) == len(rows)


def test_classes_that_chance_leaves_out_are_not_noted() -> None:
    rng = np.random.default_rng(0)
    labels = {"real": np.arange(300) % 150, "fake": rng.integers(150, size=400)}
    assert len(np.unique(labels["fake"])) < 150
    assert not any("if it was asked" in line for line in subject_of(TABLE, OTHER, labels=labels).notes)


def test_without_training_examples_a_part_of_the_real_ones_makes_the_map() -> None:
    subject = subject_of(TABLE, OTHER)
    assert not subject.trained
    assert sorted([*subject.train.rows, *subject.real.rows]) == list(range(300))
    assert np.array_equal(subject.real.x, TABLE[subject.real.rows])
    assert any("copies" in note for note in subject.notes)
    assert subject_of(TABLE, OTHER, TABLE + 1).trained


def test_fewer_than_a_hundred_examples_are_read_and_are_not_enough() -> None:
    assert not subject_of(TABLE, OTHER[:99]).enough
    assert not subject_of(TABLE[:150], OTHER).enough, "half of the real ones make the map"
    assert subject_of(TABLE, OTHER).enough


def test_one_training_example_is_refused() -> None:
    with pytest.raises(UserError, match="train: 1 example is too few"):
        subject_of(TABLE, OTHER, TABLE[:1] + 1)


def test_generated_files_may_lack_the_names_of_the_real_one(tmp_path: Path) -> None:
    rows = [f"{a},{b},{'pq'[i % 2]},{c}" for i, (a, b, c) in enumerate(TABLE[:, :3])]
    (tmp_path / "real.csv").write_text("\n".join(["a,b,kind,energy", *rows]))
    (tmp_path / "fake.csv").write_text("\n".join(["a,b", *(f"{a},{b}" for a, b in OTHER[:, :2])]))
    named = {"label": "kind", "condition": ["energy"]}
    subject = subject_of(tmp_path / "real.csv", tmp_path / "fake.csv", **named)
    assert subject.event.columns == ("a", "b")
    assert (subject.real.labels is None, subject.fake.labels is None) == (False, True)
    assert {f"fake has no column or array {name!r}" for name in ("kind", "energy")} <= set(subject.notes)
    with pytest.raises(UserError, match=r"real: unknown column of .*real.csv 'kin'; did you mean 'kind'"):
        subject_of(tmp_path / "real.csv", tmp_path / "fake.csv", label="kin")
    np.savez(tmp_path / "fake.npz", x=OTHER[:, :2], labels=np.array(["p", "q"] * (len(OTHER) // 2)))
    subject = subject_of(tmp_path / "real.csv", tmp_path / "fake.npz", **named)
    assert subject.fake.labels is not None
    assert [note for note in subject.notes if "fake has no" in note] == ["fake has no column or array 'energy'"]


def test_constant_columns_and_odd_types_are_noted() -> None:
    flat = TABLE.copy()
    flat[:, 2] = 1
    assert any("column 2" in note for note in subject_of(flat, OTHER).notes)
    assert any("whole numbers" in note for note in subject_of(IMAGES, OTHERS + np.float32(0.25)).notes)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def truncated(path: Path) -> None:
    np.save(path, OTHER)
    path.write_bytes(path.read_bytes()[:-100])


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps(OTHER))


@pytest.mark.parametrize(
    ("write", "said"), [(empty, "0 bytes"), (truncated, "truncated or damaged"), (pickled, "must be unpickled")]
)
def test_a_damaged_file_is_named(write: Callable[[Path], None], said: str, tmp_path: Path) -> None:
    path = tmp_path / "fake.npy"
    write(path)
    with pytest.raises(UserError, match=said) as error:
        subject_of(TABLE, path)
    assert str(path) in str(error.value)


def test_one_large_number_does_not_make_bytes() -> None:
    rng = np.random.default_rng(0)
    fake = rng.random((300, 2))
    fake[0, 0] = 200
    assert subject_of(rng.random((300, 2)), fake, rng.random((300, 2))).notes == ()


def test_a_class_that_is_in_training_alone_is_left_out_with_a_note() -> None:
    rng = np.random.default_rng(0)
    x = [rng.random((n, 2)) for n in (300, 300, 301)]
    labels = [np.array(["b", "c"] * 150), np.array(["c", "b"] * 150), np.array(["c", "b"] * 150 + ["a"])]
    subject = subject_of(*x, labels=dict(zip(("real", "fake", "train"), labels, strict=True)))
    assert (len(subject.train), subject.train.labels.tolist()) == (300, [1, 0] * 150)
    assert "1 training examples of a are left out" in subject.notes[0]


def test_examples_that_were_given_twice_are_noted() -> None:
    rng = np.random.default_rng(0)
    real, train = rng.random((300, 2)), rng.random((300, 2))
    real[150:] = real[:150]
    train[:3] = real[:3]
    notes = subject_of(real, rng.random((300, 2)), train).notes
    assert any(note.startswith("50.0 % of real repeat other examples") for note in notes)
    assert any("of real are among the training examples" in note for note in notes)


def test_rows_are_of_the_users_file_where_some_are_left_out() -> None:
    rng = np.random.default_rng(0)
    x = [rng.random((n, 2)) for n in (300, 300, 301)]
    labels = [np.array(["b", "c"] * 150), np.array(["c", "b"] * 150), np.array(["a"] + ["c", "b"] * 150)]
    subject = subject_of(*x, labels=dict(zip(("real", "fake", "train"), labels, strict=True)))
    assert subject.train.rows.tolist() == list(range(1, 301))
    assert np.array_equal(subject.train.x, x[2][1:].astype(np.float32))


def test_a_table_with_its_columns_in_another_order_is_compared_by_name(tmp_path: Path) -> None:
    for name, columns, x in (("real", "a,b,c", TABLE), ("fake", "c,a,b", OTHER[:, [2, 0, 1]]), ("odd", "a,b,z", OTHER)):
        np.savetxt(tmp_path / f"{name}.csv", x, delimiter=",", header=columns, comments="", fmt="%.9g")
    subject = subject_of(tmp_path / "real.csv", tmp_path / "fake.csv")
    assert np.array_equal(subject.fake.x, OTHER)
    assert not any("compared in their order" in note for note in subject.notes)
    odd = subject_of(tmp_path / "real.csv", tmp_path / "odd.csv")
    assert any(note.startswith("the columns of fake have other names (z for c)") for note in odd.notes)


def test_a_name_that_is_no_utf8_is_printable(tmp_path: Path) -> None:
    path = tmp_path / "ph\udce9nix.npy"
    np.save(path, OTHER)
    assert subject_of(TABLE, path).sources["fake"]["name"] == str(tmp_path / "ph?nix.npy")


def test_so_few_samples_that_chance_leaves_values_out_are_not_noted() -> None:
    """A fifth of the real examples would have eight of forty samples."""
    kinds, energy = np.arange(300) % 5, np.arange(300) % 5 * 10.0
    labels, conditions = {"real": kinds, "fake": kinds[:50][kinds[:50] < 4]}, {"real": {"e": energy}}
    conditions["fake"] = {"e": energy[:50][energy[:50] < 40]}
    subject = subject_of(TABLE, OTHER[:40], THIRD, labels=labels, conditions=conditions)
    assert not any("if it was asked" in line for line in subject.notes)


def test_what_samples_lack_is_told_as_a_share_of_the_real_examples() -> None:
    energy = {"real": {"e": np.arange(300.0)}, "fake": {"e": 74.5 * (np.arange(400) % 2)}}
    notes = subject_of(TABLE, OTHER, THIRD, conditions=energy).notes
    (share,) = (float(line.split(" %")[0]) for line in notes if "of real have values of e that" in line)
    assert share == pytest.approx(100 * (300 - 4 * 15 + 15) / 300, abs=2)


def test_conditions_that_are_no_numbers_are_refused() -> None:
    energy = np.where(np.arange(300) == 7, np.nan, 1.0)
    with pytest.raises(UserError, match=r"conditions.* 1 of 300 .*row 7"):
        subject_of(TABLE, OTHER, conditions={"real": {"e": energy}})


def test_samples_beyond_the_levels_of_the_data_are_noted() -> None:
    real, fake = (np.resize(np.arange(levels, dtype=np.uint8), (300, 4, 4)) for levels in (17, 21))
    fake[:, 0, 0] = np.arange(300) % 21
    assert "real goes up to 16, and fake up to 20" in subject_of(real, fake).notes
    assert not any("goes up to" in line for line in subject_of(fake, real).notes)
