"""Files: told by what they hold, never unpickled, and a damaged one is named."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from allmodes.data import arrays
from allmodes.data.chunks import CHUNK_BYTES
from allmodes.data.contents import reading
from allmodes.data.dataset import load_data
from allmodes.data.files import read
from allmodes.errors import UserError
from allmodes.event import Support

X = np.arange(60, dtype=np.float64).reshape(20, 3)


def idx(array: np.ndarray) -> bytes:
    kinds = {"u1": 8, "i1": 9, "i2": 0xB, "i4": 0xC, "f4": 0xD, "f8": 0xE}
    head = bytes([0, 0, kinds[array.dtype.str[1:]], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def test_npy_is_read_and_large_ones_are_memory_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "without_suffix"
    with path.open("wb") as file:
        np.save(file, X.astype(np.float32))
    assert np.array_equal(read(path).x, X)
    monkeypatch.setattr(arrays, "MAPPED_BYTES", 1)
    data = load_data(path)
    assert isinstance(read(path).x, np.memmap)
    data.x[0] = -1
    assert np.array_equal(np.load(path), X), "the file itself is never written"


@pytest.mark.parametrize("key", ["x", "data", "images", "samples", "arr_0", "anything"])
def test_npz_examples_labels_and_conditions(tmp_path: Path, key: str) -> None:
    np.savez(tmp_path / "a.npz", **{key: X}, y=np.arange(20) % 2, conditions=X[:, :2])  # type: ignore[arg-type]
    contents = read(tmp_path / "a.npz")
    assert np.array_equal(contents.x, X)
    assert contents.labels is not None
    assert np.array_equal(contents.labels, np.arange(20) % 2)
    assert contents.values is not None
    assert np.array_equal(contents.values, X[:, :2])


def test_npz_arrays_are_named_by_the_user(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X, kind=np.array(["a", "b"] * 10), energy=X[:, 0])
    data = load_data(tmp_path / "a.npz", label="kind", condition=["energy"])
    assert (data.event.label, data.event.classes, data.event.variables) == ("kind", ("a", "b"), ("energy",))
    np.savez(tmp_path / "b.npz", x=X, energy=X[:, 0], angle=X[:, 1])
    contents = read(tmp_path / "b.npz", condition=["angle", "energy"])
    assert contents.variables == ("angle", "energy")
    assert np.array_equal(contents.values, X[:, [1, 0]])
    with pytest.raises(UserError, match=r"a.npz 'enrgy'; did you mean 'energy'\? Known: energy, kind, x"):
        read(tmp_path / "a.npz", condition=["enrgy"])


def test_a_condition_is_no_label_whatever_its_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X, y=X[:, 0])
    contents = read(tmp_path / "a.npz", condition=["y"])
    assert (contents.labels, contents.variables) == (None, ("y",))
    with pytest.raises(UserError, match="'y' cannot be both the label and a condition"):
        read(tmp_path / "a.npz", label="y", condition=["y"])


@pytest.mark.parametrize("names", [np.array("a"), np.array(["a"]), np.array(["a"] * 99)])
@pytest.mark.parametrize("key", ["columns", "variables"])
def test_names_that_do_not_fit_are_refused(tmp_path: Path, key: str, names: np.ndarray) -> None:
    np.savez(tmp_path / "a.npz", x=X, conditions=X[:, :2], **{key: names})  # type: ignore[arg-type]
    with pytest.raises(UserError, match=rf"a.npz: '{key}' has shape .*; give one name for each of \d+ columns"):
        read(tmp_path / "a.npz")


def test_npz_that_cannot_be_told_lists_its_keys(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", photons=X, meta=X)
    with pytest.raises(UserError, match="holds meta, photons, and none is named x, data"):
        read(tmp_path / "a.npz")


def test_h5_is_read_like_npz(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["group/x"] = X
        file["kind"] = ["a", "b"] * 10
    contents = read(tmp_path / "a.h5", label="kind")
    assert np.array_equal(contents.x, X)
    assert contents.labels is not None
    assert contents.labels.tolist() == ["a", "b"] * 10
    (tmp_path / "a.h5").write_bytes((tmp_path / "a.h5").read_bytes()[:500])
    with pytest.raises(UserError, match=r"a\.h5 is truncated or damaged"):
        read(tmp_path / "a.h5")


def test_what_lies_in_another_file_is_not_read(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    (tmp_path / "secret").write_bytes(X.tobytes())
    with h5py.File(tmp_path / "target.h5", "w") as file:
        file["x"] = X
    with h5py.File(tmp_path / "stored.h5", "w") as file:
        file.create_dataset("x", X.shape, X.dtype, external=[(str(tmp_path / "secret"), 0, X.nbytes)])
    with h5py.File(tmp_path / "linked.h5", "w") as file:
        file["x"] = h5py.ExternalLink(str(tmp_path / "target.h5"), "x")
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        layout = h5py.VirtualLayout(X.shape, X.dtype)
        layout[...] = h5py.VirtualSource(tmp_path / "target.h5", "x", X.shape)
        file.create_virtual_dataset("x", layout)
    for name in ("stored", "linked", "virtual"):
        with pytest.raises(UserError, match=rf"{name}\.h5: 'x' lies in another file.*; copy its numbers into this one"):
            read(tmp_path / f"{name}.h5")


def test_a_file_that_says_it_is_larger_than_the_memory_is_named(tmp_path: Path) -> None:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (10**12, 3)})
    (tmp_path / "a.npy").write_bytes(head.getvalue())
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("x.npy", head.getvalue())
    for name in ("a.npy", "a.npz"):
        with pytest.raises(UserError, match=rf"{name} is damaged, or larger than the memory \(.*TiB.*\); copy"):
            read(tmp_path / name)


@pytest.mark.parametrize("member", ["x.npy", "long" * 500 + ".npy"])
def test_a_member_that_is_no_array_is_named_in_a_short_line(tmp_path: Path, member: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr(member, b"text")
    with pytest.raises(UserError, match=r"a\.npz is truncated or damaged \('(x|longlong)") as caught:
        read(tmp_path / "a.npz")
    assert len(str(caught.value)) < len(str(tmp_path)) + 300


def test_a_header_of_python_2_is_read_and_not_spoken_of(tmp_path: Path) -> None:
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (20L, 3L), }".ljust(117) + b"\n"
    raw = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + X.tobytes()
    (tmp_path / "a.npy").write_bytes(raw)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("x.npy", raw)
    for name in ("a.npy", "a.npz"):
        assert np.array_equal(read(tmp_path / name).x, X)


@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("zipped", [False, True])
def test_idx_of_every_type(tmp_path: Path, kind: str, zipped: bool) -> None:
    array = np.arange(24).reshape(4, 3, 2).astype(kind)
    raw = idx(array)
    (tmp_path / "file").write_bytes(gzip.compress(raw) if zipped else raw)
    contents = read(tmp_path / "file")
    assert np.array_equal(contents.x, array)
    assert contents.x.dtype == array.dtype
    assert contents.levels == (256 if kind == "u1" else 0)


def test_idx_images_find_their_labels_and_a_folder_its_training_images(tmp_path: Path) -> None:
    for name, n in (("t10k", 5), ("train", 7)):
        (tmp_path / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(np.zeros((n, 8, 8), np.uint8))))
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(idx(np.arange(n, dtype=np.uint8)))
    assert load_data(tmp_path / "t10k-images-idx3-ubyte.gz").event.classes == tuple("01234")
    assert load_data(tmp_path).event.classes == tuple("0123456")
    (tmp_path / "images-idx3").write_bytes(idx(np.zeros((3, 8, 8), np.uint8)))
    (tmp_path / "labels-idx1.gz").write_bytes(gzip.compress(idx(np.arange(3, dtype=np.uint8))))
    assert load_data(tmp_path / "images-idx3").event.classes == tuple("012")


@pytest.mark.parametrize("zipped", [False, True])
def test_of_an_idx_file_no_more_is_read_than_it_says_it_holds(tmp_path: Path, zipped: bool) -> None:
    long = idx(np.zeros((4, 3, 2), np.uint8)) + bytes(4 * CHUNK_BYTES)
    huge = bytes([0, 0, 8, 4]) + struct.pack(">4I", *4 * [2**31])
    for raw, words in ((long, "more than 24 bytes"), (huge, "0 of 21,267,647,.* bytes")):
        (tmp_path / "file").write_bytes(gzip.compress(raw) if zipped else raw)
        tracemalloc.start()
        with pytest.raises(UserError, match=rf"file is truncated or damaged \({words}"):
            read(tmp_path / "file")
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 2 * CHUNK_BYTES


def test_a_pipe_is_no_idx_file_of_a_folder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train-images-idx3-ubyte")
    with pytest.raises(UserError, match="holds neither PNG or JPEG pictures nor idx files"):
        read(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(np.zeros((5, 8, 8), np.uint8)))
    os.mkfifo(tmp_path / "t10k-labels-idx1-ubyte")
    assert read(tmp_path).labels is None


def _truncated(folder: Path, kind: str) -> Path:
    path = folder / f"broken.{kind}"
    match kind:
        case "npy":
            np.save(path, X)
        case "npz":
            np.savez(path, x=X)
        case "idx":
            path.write_bytes(idx(X))
        case "idx.gz":
            path.write_bytes(gzip.compress(idx(np.random.default_rng(0).random((50, 3)))))
    path.write_bytes(path.read_bytes()[:-50])
    return path


@pytest.mark.parametrize("kind", ["npy", "npz", "idx", "idx.gz"])
@pytest.mark.parametrize("mapped", [False, True])
def test_a_truncated_file_is_named(tmp_path: Path, kind: str, mapped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "MAPPED_BYTES", 1 if mapped else 2**30)
    with pytest.raises(UserError, match=r"broken\..* is truncated or damaged \(.*copy or download it again") as caught:
        read(_truncated(tmp_path, kind))
    assert "\n" not in str(caught.value)


class Bomb:
    """Says so when it is unpickled."""

    def __reduce__(self) -> tuple:
        return (pytest.fail, ("a pickle was loaded",))


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_object_arrays_are_refused_unread(tmp_path: Path, name: str) -> None:
    bomb = np.array([Bomb(), None], dtype=object)
    if name == "a.npy":
        np.save(tmp_path / name, bomb, allow_pickle=True)
    else:
        np.savez(tmp_path / name, x=bomb)
    with pytest.raises(UserError, match="holds Python objects, which are not unpickled"):
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["data", "data.csv", "data.pkl"])
def test_pickles_are_refused_unread_whatever_their_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(UserError, match="must be unpickled, which can run any program; save"):
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["model.pt", "model.npz"])
def test_torch_files_are_refused_unread(tmp_path: Path, name: str) -> None:
    torch.save(torch.zeros(3), tmp_path / name)
    with pytest.raises(UserError, match="must be unpickled"):
        read(tmp_path / name)


def test_files_of_no_known_kind_and_empty_ones(tmp_path: Path) -> None:
    (tmp_path / "empty.npy").touch()
    with pytest.raises(UserError, match=r"empty\.npy is empty \(0 bytes\)"):
        read(tmp_path / "empty.npy")
    (tmp_path / "noise").write_bytes(b"\x01\x00\xff" * 99)
    with pytest.raises(UserError, match=r"noise is of no known kind; give .*\.parquet"):
        read(tmp_path / "noise")
    (tmp_path / "text.gz").write_bytes(gzip.compress(b"1,2\n"))
    with pytest.raises(UserError, match="no known kind"):
        read(tmp_path / "text.gz")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="holds neither PNG or JPEG pictures nor idx files"):
        read(tmp_path / "folder")
    with pytest.raises(UserError, match=r"nowhere\.npy is not there"):
        read(tmp_path / "nowhere.npy")


@pytest.mark.parametrize("name", ["a.npy", "a.idx", "."])
def test_columns_cannot_be_named_where_there_are_none(tmp_path: Path, name: str) -> None:
    np.save(tmp_path / "a.npy", X)
    (tmp_path / "a.idx").write_bytes(idx(X))
    with pytest.raises(UserError, match="has no columns and so none named 'kind'"):
        read(tmp_path / name, label="kind")


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no permission to read .*secret\.npy"), reading(tmp_path / "secret.npy"):
        raise PermissionError(13, "denied")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_permissions_are_met_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "secret.npy"
    np.save(path, X)
    path.chmod(0)
    with pytest.raises(UserError, match="no permission to read"):
        read(path)


@pytest.mark.parametrize(("magic", "library"), [(b"\x89HDF\r\n\x1a\n", "h5py"), (b"PAR1", "pyarrow")])
def test_a_missing_library_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, magic: bytes, library: str
) -> None:
    for module in (library, "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / "file").write_bytes(magic + bytes(100))
    with pytest.raises(UserError, match=rf"needs {library}, which is not installed: pip install 'allmodes\[files\]'"):
        read(tmp_path / "file")


def test_bits_as_text_one_example_a_line(tmp_path: Path) -> None:
    bits = np.random.default_rng(0).random((30, 12)) < 0.5
    path = tmp_path / "binarized.amat"
    path.write_text("".join(" ".join(str(int(bit)) for bit in row) + " \n" for row in bits))
    data = load_data(path)
    assert data.event.support is Support.BINARY
    assert data.x.numpy().astype(bool).tolist() == bits.tolist()
    path.write_text("0 1 0\n1 1\n")
    with pytest.raises(UserError, match="row 2 is not 3 zeros and ones"):
        load_data(path)


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="a pipe or a device, which is read once only"):
        read(tmp_path / "pipe")


def test_numbers_that_float32_cannot_tell_apart_are_refused() -> None:
    seconds = 1.7e9 + np.random.default_rng(0).uniform(0, 1000, (50, 1))
    with pytest.raises(UserError, match=r"lies near 1\.7e\+09 and varies by .*subtract an offset"):
        load_data(np.hstack([np.arange(50.0)[:, None], seconds]))
    with pytest.raises(UserError, match="number 0 of an example lies near"):
        load_data(seconds.astype(np.int32))
    with pytest.raises(UserError, match="condition 'time' lies near"):
        load_data(np.arange(50.0), conditions={"time": seconds[:, 0]})
    load_data(seconds - 1.7e9)


def test_every_kind_of_nan_is_left_for_the_check_to_tell() -> None:
    signalling = np.array([0x7FF0000000000001, 0], np.uint64).view(np.float64)
    assert load_data(signalling).x.isnan().tolist() == [[True], [False]]


def test_labels_that_are_no_classes_are_refused() -> None:
    for labels in ([1.0, 2.0, np.inf], [1.0, 2.0, 1e20]):
        with pytest.raises(UserError, match="labels are real numbers"):
            load_data(np.arange(3.0), labels=labels)
    with pytest.raises(UserError, match="labels are bytes that are not UTF-8"):
        load_data(np.arange(3.0), labels=np.array([b"a", b"b", b"\xe9"]))


def test_the_current_folder_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    for i in range(3):
        Image.fromarray(np.full((8, 8), 40 * i, np.uint8)).save(tmp_path / "photos" / f"{i}.png")
    monkeypatch.chdir(tmp_path / "photos")
    assert load_data(Path()).name == "photos"
