"""Regions: a tree's nodes, found by the nearest tree point, weighted by how far they stand apart."""

from __future__ import annotations

import numpy as np

from allmodes.audit.regions import LARGEST_SHARE, LEAST_POINTS, chart, grow


def test_every_mode_is_a_region_and_gets_most_of_the_attention(plane) -> None:
    sets = plane(0, sizes=(900, 300, 300))
    regions = grow(sets.train, 0)
    group = plane.group(regions.points)
    modes = [
        next(j for j in range(len(regions)) if ((group == k) == regions.inside[regions.atom, j]).all())
        for k in range(9)
    ]
    assert regions.weight[modes].sum() > 0.8
    assert np.isclose(regions.weight.sum(), 1)


def test_sizes_of_regions_and_counts_of_examples(plane) -> None:
    sets = plane(1)
    regions = grow(sets.train, 0)
    members = regions.inside[regions.atom].sum(0)
    assert members.min() >= LEAST_POINTS
    assert members.max() <= LARGEST_SHARE * len(regions.points)
    located = regions.locate(sets.real)
    nearest = np.square(sets.real[:, None] - regions.points).sum(2).argmin(1)
    assert (located == regions.atom[nearest]).all()
    assert (regions.count(located) == regions.inside[located].sum(0)).all()


def test_regions_nest_or_are_disjoint_and_atoms_are_cut_by_none(plane) -> None:
    inside = grow(plane(2).train, 0).inside.astype(int)
    both = inside.T @ inside
    size = inside.sum(0)
    smaller = np.minimum(size[:, None], size)
    assert ((both == 0) | (both == smaller)).all()
    assert len(np.unique(inside, axis=0)) == len(inside)


def test_disjoint_takes_the_first_that_share_nothing(plane) -> None:
    regions = grow(plane(3).train, 0)
    chosen = regions.disjoint(np.argsort(-regions.weight), 5)
    assert len(chosen) == 5
    assert regions.inside[:, chosen].sum(1).max() == 1
    assert chosen[0] == regions.weight.argmax()


def test_cells_are_a_partition_into_large_enough_parts(plane) -> None:
    sets = plane(4, sizes=(900, 300, 300))
    regions = grow(sets.train, 0)
    cell = regions.cells(0.06)
    share = np.bincount(cell[regions.atom]) / len(regions.points)
    assert cell.min() == 0
    assert share.min() >= 0.06
    assert len(share) == 9
    assert len(np.unique(regions.cells(2.0))) == 1


def test_more_points_than_a_tree_takes_are_thinned_and_repeated_with_the_seed(plane) -> None:
    x = plane(5, sizes=(600, 100, 100)).train
    small, again, other = (grow(x, seed, most=200) for seed in (0, 0, 1))
    assert len(small.points) == 200
    assert (small.points == again.points).all()
    assert (small.weight == again.weight).all()
    assert (small.points != other.points).any()


def test_few_or_identical_examples_are_one_region_at_most() -> None:
    for x in (np.zeros((5, 3), np.float32), np.zeros((500, 3), np.float32), np.eye(30, dtype=np.float32)):
        regions = grow(x, 0)
        assert np.isfinite(regions.weight).all()
        assert (regions.weight > 0).all()
        assert (regions.locate(x) < len(regions.inside)).all()


def test_a_chart_finds_all_three_sets(plane) -> None:
    sets = plane(6)
    on = chart(sets, 0)
    assert (len(on.train), len(on.real)) == (400, 300)
    assert (on.fake == on.regions.locate(sets.fake)).all()


def test_wide_and_narrow_features_give_the_same_tree(monkeypatch) -> None:
    x = (100 + np.random.default_rng(0).standard_normal((300, 6))).astype(np.float32)
    x[:40] += 5
    narrow = grow(x, 0)
    monkeypatch.setattr("allmodes.audit.regions.NARROW", 0)
    wide = grow(x, 0)
    assert (narrow.inside == wide.inside).all()
    assert np.allclose(narrow.weight, wide.weight)
