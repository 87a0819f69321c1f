"""Near duplicates, clusters of them, and leaks: by hand, and against all pairs."""

import tracemalloc

import numpy as np
import pytest
from conftest import gather_evidence
from hypothesis import given, settings
from hypothesis import strategies as st

from layeraudit.audit.duplicates import NEAR, Pairs, find_originals, find_pairs, measure_units, take_nearest
from layeraudit.audit.rows import judge_duplicates
from layeraudit.detectors import Evidence

GRID = np.float32([[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1]])
"""Six rows, each 1 from its nearest."""


def at(*rows, k=3):
    """Make training rows of the grid and others, alike in two layers, the second ten times as wide."""
    points = np.concatenate([GRID, np.float32(rows).reshape(-1, 2)])
    return gather_evidence({"early": points, "late": 10 * points}, [0] * len(points), k=k)


def find(training, rows=None):
    units = measure_units(training, metric="l2")
    return find_pairs(training if rows is None else rows, training, units, metric="l2")


def test_the_unit_is_the_median_distance_to_the_nearest() -> None:
    assert measure_units(at(), metric="l2") == {"early": 1, "late": 10}


def test_a_row_nearer_than_a_twentieth_of_the_unit_is_a_duplicate() -> None:
    pairs = find(at([0.04, 0]))
    assert pairs.row.tolist() == [0, 6] and pairs.training_row.tolist() == [6, 0]
    assert pairs.distance == pytest.approx([0.04, 0.04])
    assert not len(find(at([0.06, 0])).row)


def test_duplicates_are_near_in_every_layer() -> None:
    training = at([0.04, 0])
    training.activations["late"][6] = [0, 5]
    moved = gather_evidence(training.activations, training.y, k=3)
    assert not len(find(moved).row)


def test_clusters_have_the_number_of_their_first_row() -> None:
    training = at([0.01, 0], [0.02, 0], [2, 1], [0, 0], [5, 5], [5, 6])
    original = find_originals(find(training), 12)
    assert original.tolist() == [-1, -1, -1, -1, -1, -1, 0, 0, 5, 0, -1, -1]
    columns, _ = judge_duplicates(training, {"test": at()}, held_out=["test"], metric="l2")
    assert columns["duplicate_of"].tolist() == original.tolist()
    assert np.isnan(columns["duplicate_distance"]).tolist() == [of < 0 for of in original]
    # Of 12 rows, those in the middle are 0.01 and 0.98 from their nearest.
    unit = (0.01 + 0.98) / 2
    assert columns["duplicate_distance"][6:10] == pytest.approx([0.01 / unit, 0.01 / unit, 0, 0], abs=1e-6)


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.integers(2, 12))
def test_clusters_are_those_that_pairs_connect(seed, n) -> None:
    generator = np.random.default_rng(seed)
    row, other = generator.integers(n, size=(2, n // 2))
    pairs = Pairs(row, other, np.zeros(len(row)))
    smallest = list(range(n))
    for _ in range(n):  # the slow way: the smaller number spreads until nothing changes
        for a, b in zip(row, other, strict=True):
            smallest[a] = smallest[b] = min(smallest[a], smallest[b])
    expected = [-1 if of == number else of for number, of in enumerate(smallest)]
    assert find_originals(pairs, n).tolist() == expected


@settings(max_examples=50)
@given(st.integers(0, 10**6))
def test_pairs_are_those_of_all_pairs_that_are_among_the_nearest(seed) -> None:
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(12, 2))
    points[6:9] = points[:3] + generator.choice([0, 0.01, 0.1], size=(3, 1)) * generator.normal(size=(3, 2))
    layers = {
        "a": points.astype(np.float32),
        "b": (points @ generator.normal(size=(2, 3))).astype(np.float32),
    }
    training = gather_evidence(layers, [0] * 12, k=2)
    units = measure_units(training, metric="l2")
    found = find_pairs(training, training, units, metric="l2")
    expected = set()
    for row in range(12):
        for other in {int(of) for found in training.neighbours.values() for of in found[row]}:
            apart = [
                np.linalg.norm(rows[row].astype(float) - rows[other]) / units[layer]
                for layer, rows in layers.items()
            ]
            if max(apart) <= NEAR:
                expected.add((row, other))
    assert set(zip(found.row.tolist(), found.training_row.tolist(), strict=True)) == expected


def test_where_most_rows_have_twins_only_twins_are_duplicates() -> None:
    points = np.float32([[0], [0], [5], [5], [9], [9.0001]])
    training = gather_evidence({"a": points}, [0] * 6, k=2)
    assert measure_units(training, metric="l2") == {"a": 0}
    assert find_originals(find(training), 6).tolist() == [-1, 0, -1, 2, -1, -1]


def test_a_layer_that_is_the_same_for_all_rows_decides_nothing() -> None:
    training = at([0.04, 0])
    layers = training.activations | {"dead": np.zeros((7, 3), np.float32)}
    training = gather_evidence(layers, training.y, k=3)
    assert find_originals(find(training), 7).tolist() == [-1] * 6 + [0]


def test_equal_pixels_are_duplicates_whatever_the_layers_say() -> None:
    x = np.arange(6, dtype=np.float32).reshape(6, 1, 1, 1)
    x[4] = x[5] = x[1]
    training = gather_evidence({"early": GRID}, [0] * 6, k=2, x=x)
    pairs = find(training)
    assert list(zip(pairs.row, pairs.training_row, strict=True)) == [(4, 1), (5, 1)]
    assert pairs.distance.tolist() == [0, 0]
    assert find_originals(pairs, 6).tolist() == [-1, -1, -1, -1, 1, 1]
    others = gather_evidence({"early": GRID[:2] + 0.5}, [0] * 2, k=2, training=training, x=x[[0, 4]])
    pairs = find(training, others)
    assert pairs.row.tolist() == [0, 1] and pairs.training_row.tolist() == [0, 1]


def test_rows_without_pixels_are_not_equal() -> None:
    assert not len(find(at()).row)


def test_leaks_name_the_nearest_training_row() -> None:
    training = at([0.02, 0])
    rows = np.float32([[0.015, 0], [0.5, 0.5], [2, 1]])
    leaking = gather_evidence({"early": rows, "late": 10 * rows}, [0] * 3, k=3, training=training)
    columns, table = judge_duplicates(
        training, {"calibration": leaking, "test": leaking, "inputs": leaking},
        held_out=["calibration", "test"], metric="l2",
    )  # fmt: skip
    assert list(table) == ["split", "row", "training_row", "distance"]
    assert table["split"].tolist() == ["calibration"] * 2 + ["test"] * 2 + ["inputs"] * 2
    assert table["row"].tolist() == [0, 2] * 3
    assert table["training_row"].tolist() == [6, 5] * 3
    assert table["distance"].to_numpy() == pytest.approx([0.005, 0] * 3, abs=1e-6)
    assert columns["leak"].tolist() == [0, 0, 0, 0, 0, 2, 2]


def test_the_nearest_pair_of_a_row_is_taken() -> None:
    pairs = Pairs(np.array([3, 3, 5]), np.array([1, 2, 0]), np.array([0.01, 0.02, 0.03]))
    nearest = take_nearest(pairs)
    assert [of.tolist() for of in vars(nearest).values()] == [[3, 5], [1, 0], [0.01, 0.03]]


def test_of_many_rows_no_array_of_all_pairs_is_made() -> None:
    """All rows are the same, so that each has as many near duplicates as are tried."""
    n, k = 6000, 10
    neighbours = {"late": (np.arange(n)[:, np.newaxis] + np.arange(1, k + 1)) % n}
    layers, logits = {"late": np.ones((n, 2), np.float32)}, np.zeros((n, 2), np.float32)
    training = Evidence(
        np.zeros(n, int), layers, neighbours, logits, np.zeros(n, bool), np.empty((n, 0, 0, 0))
    )
    tracemalloc.start()
    try:
        columns, _ = judge_duplicates(training, {"test": training}, held_out=["test"], metric="l2")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert columns["duplicate_of"].tolist() == [-1, *[0] * (n - 1)]
    assert most < n**2 / 2


def test_rows_that_are_drawn_apart_have_no_duplicates() -> None:
    generator = np.random.default_rng(0)
    layers = {name: generator.normal(size=(200, 8)).astype(np.float32) for name in "ab"}
    training = gather_evidence(layers, [0] * 200, k=2)
    assert not len(find(training).row)
