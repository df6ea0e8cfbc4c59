from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from allmodes.audit import neighbours, tiles
from allmodes.audit.neighbours import nearest, smallest
from allmodes.audit.tiles import Tiles
from allmodes.errors import UserError


def drawn(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many tiles even of small sets."""
    monkeypatch.setattr(Tiles.__init__, "__kwdefaults__", Tiles.__init__.__kwdefaults__ | {"tile_bytes": 40_000})
    monkeypatch.setattr(tiles, "SCRATCH", 2_000)
    monkeypatch.setattr(tiles, "PLACED", 2_000)
    monkeypatch.setattr(neighbours, "BLOCK", 90)


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("d", [1, 2, 8, 9, 64, 300])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_neighbours_are_those_of_all_distances(d: int, dtype: type) -> None:
    queries, points = drawn(150, d).astype(dtype), drawn(700, d, 1).astype(dtype)
    distances = cdist(queries.astype(np.float64), points.astype(np.float64))
    found = nearest(queries, points, 5)
    np.testing.assert_array_equal(found.index, np.argsort(distances, axis=1, kind="stable")[:, :5])
    np.testing.assert_allclose(found.distance, np.sort(distances, axis=1)[:, :5], rtol=1e-12)


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("d", [2, 64])
def test_within_a_set_none_is_its_own_neighbour_but_its_duplicate_is(d: int) -> None:
    points = drawn(300, d)
    points[7] = points[100]
    distances = cdist(points.astype(np.float64), points.astype(np.float64))
    np.fill_diagonal(distances, np.inf)
    found = nearest(points, points, 3, within=True)
    np.testing.assert_array_equal(found.index, np.argsort(distances, axis=1, kind="stable")[:, :3])
    assert found.index[7, 0] == 100
    assert found.distance[7, 0] == 0


def test_cdist_trap_identical_rows_with_2048_features_and_an_offset_are_at_distance_zero() -> None:
    points = 3 + drawn(200, 2048)
    product = torch.cdist(torch.from_numpy(points[:100]), torch.from_numpy(points))
    assert product.diagonal().max() > 0.05  # the trap is there: a copy would be missed
    found = nearest(points[:100], points)
    np.testing.assert_array_equal(found.index[:, 0], np.arange(100))
    np.testing.assert_array_equal(found.distance, 0)


@pytest.mark.parametrize("offset", [0.0, 1e3])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e25])
def test_neither_an_offset_nor_the_unit_changes_the_neighbours(offset: float, scale: float) -> None:
    queries, points = drawn(50, 40).astype(np.float64), drawn(500, 40, 1).astype(np.float64)
    plain, moved = (
        nearest(queries, points, 4),
        nearest(scale * (queries + offset), scale * (points + offset), 4),
    )
    np.testing.assert_array_equal(moved.index, plain.index)
    np.testing.assert_allclose(moved.distance, scale * plain.distance, rtol=1e-9)


def test_what_float32_cannot_decide_is_decided_in_float64() -> None:
    """One far outlier makes the product's rounding larger than every distance between the others."""
    points = drawn(400, 12) / 1000
    points[0] = 1e4
    queries = drawn(30, 12, 1) / 1000
    distances = cdist(queries.astype(np.float64), points.astype(np.float64))
    np.testing.assert_array_equal(nearest(queries, points, 2).index, np.argsort(distances, axis=1)[:, :2])


@pytest.mark.parametrize("d", [2, 30])
def test_one_repeated_example(d: int) -> None:
    points = np.ones((200, d), np.float32)
    found = nearest(points, points, 5, within=True)
    np.testing.assert_array_equal(found.distance, 0)
    assert not (found.index == np.arange(200)[:, None]).any()
    assert all(len(set(row)) == 5 for row in found.index.tolist())


def test_binary_examples_with_many_ties() -> None:
    points, queries = (drawn(500, 20) > 0.8).astype(np.float32), (drawn(80, 20, 1) > 0.8).astype(np.float32)
    distances = np.sort(cdist(queries, points), axis=1)
    np.testing.assert_allclose(nearest(queries, points, 6).distance, distances[:, :6], rtol=1e-12)


def test_all_neighbours_there_are() -> None:
    points = drawn(6, 20)
    assert sorted(nearest(points[:1], points, 6).index[0]) == list(range(6))
    with pytest.raises(UserError, match="the 6 nearest of 5 examples asked for"):
        nearest(points, points, 6, within=True)


def test_no_queries() -> None:
    assert nearest(drawn(0, 20), drawn(5, 20), 2).index.shape == (0, 2)
    assert nearest(drawn(0, 2), drawn(5, 2), 2).index.shape == (0, 2)


@pytest.mark.parametrize("m", [3, 100, 1000, 5003])
def test_smallest_is_topk(m: int) -> None:
    values = torch.from_numpy(drawn(7, m))
    value, index = smallest(values, 3)
    expected = values.topk(3, dim=1, largest=False)
    assert torch.equal(value, expected.values)
    assert torch.equal(index, expected.indices)


def test_a_tile_is_as_wrong_as_it_says_and_no_larger_than_asked() -> None:
    queries, points = 5 + drawn(300, 50), 5 + drawn(400, 50, 1)
    for tile in Tiles(queries, points, tile_bytes=100_000):
        assert tile.squared.nbytes <= 100_000
        true = cdist(queries[tile.rows], points, "sqeuclidean")
        error = np.abs(tile.squared.double().numpy() * tile.scale**2 - true)
        assert (error <= tile.slack.double().numpy() * tile.scale**2).all()
