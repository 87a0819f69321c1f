"""Exact neighbours: laid out by hand, and against brute force in float64."""

from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from layeraudit.errors import InputError
from layeraudit.neighbours import build, load

POINTS = np.array([[0, 0], [4, 0], [1, 0], [0, 2]], dtype=np.float32)


def search_by_brute_force(reference, queries, k, metric, *, exclude_self=False):
    """Sort all rows by their distance to a query, and by row number; float32 rows, float64 distances."""

    def scaled(row):
        length = np.sqrt(np.sum(row.astype(np.float64) ** 2))
        return (row / (length or 1)).astype(np.float32).astype(np.float64) if metric == "cosine" else row

    rows = [scaled(row) for row in reference]
    found = []
    for i, query in enumerate(queries):
        distances = [(np.sum((scaled(query) - row.astype(np.float64)) ** 2), j) for j, row in enumerate(rows)]
        found.append([j for _, j in sorted(distances) if not (exclude_self and j == i)][:k])
    return np.array(found, dtype=np.int64)


def test_nearest_first() -> None:
    found = build(POINTS, "l2").search(np.array([[0.4, 0]], dtype=np.float32), 4)
    assert found.tolist() == [[0, 2, 3, 1]]
    assert found.dtype == np.int64


def test_cosine_looks_at_directions_alone() -> None:
    reference = np.array([[1, 0], [0, 5], [3, 3]], dtype=np.float32)
    assert build(reference, "cosine").search(np.array([[0, 0.1]], dtype=np.float32), 3).tolist() == [
        [1, 2, 0]
    ]


def test_ties_go_by_row_number_also_at_the_last_place() -> None:
    reference = np.tile(np.array([[1, 2, 3]], dtype=np.float32), (200, 1))
    assert build(reference, "l2").search(reference[:1] + 1, 5).tolist() == [[0, 1, 2, 3, 4]]


def test_a_row_is_not_its_own_neighbour_but_its_twin_is() -> None:
    reference = np.array([[0, 0], [5, 5], [0, 0], [1, 1]], dtype=np.float32)
    found = build(reference, "l2").search(reference, 2, exclude_self=True)
    assert found.tolist() == [[2, 3], [3, 0], [0, 3], [0, 2]]


def test_a_row_of_zeros_is_nearest_to_its_like() -> None:
    reference = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float32)
    reference[[20, 30]] = 0
    found = build(reference, "cosine").search(np.zeros((1, 7), np.float32), 50)
    assert found[0, :2].tolist() == [20, 30]
    assert sorted(found[0]) == list(range(50))


@pytest.mark.parametrize("metric", ["l2", "cosine"])
@pytest.mark.parametrize(("n", "d"), [(1, 1), (60, 3), (700, 40), (300, 2000)])
def test_agrees_with_brute_force_on_rows_with_twins_and_constant_columns(metric, n: int, d: int) -> None:
    generator = np.random.default_rng(n)
    reference = generator.normal(size=(n, d)).astype(np.float32) + 3
    reference[n // 2 :] = reference[: n - n // 2]
    reference[:, 0] = 1
    queries = np.concatenate([reference[:20], generator.normal(size=(20, d)).astype(np.float32)])
    k = min(n, 50)
    found = build(reference, metric).search(queries, k)
    np.testing.assert_array_equal(found, search_by_brute_force(reference, queries, k, metric))


@settings(deadline=None)
@given(data=st.data(), metric=st.sampled_from(["l2", "cosine"]), exclude_self=st.booleans())
def test_agrees_with_brute_force_on_anything(data: st.DataObject, metric, exclude_self: bool) -> None:
    n, d = data.draw(st.integers(2, 30)), data.draw(st.integers(1, 6))
    values = st.floats(-1000, 1000, width=32, allow_subnormal=False).map(lambda x: round(x, 2))
    reference = data.draw(arrays(np.float32, (n, d), elements=values.map(np.float32)))
    queries = (
        reference if exclude_self else data.draw(arrays(np.float32, (4, d), elements=values.map(np.float32)))
    )
    k = data.draw(st.integers(1, n - exclude_self))
    found = build(reference, metric).search(queries, k, exclude_self=exclude_self)
    expected = search_by_brute_force(reference, queries, k, metric, exclude_self=exclude_self)
    np.testing.assert_array_equal(found, expected)


def test_distances_that_float32_cannot_tell_apart_are_told_apart() -> None:
    """Squared distances of 1 to 1 + 4e-8, all of them 1 in float32: more than the first search asks for."""
    order = np.random.default_rng(0).permutation(200)
    reference = np.stack([np.ones(200), 1e-6 * order], axis=1).astype(np.float32)
    found = build(reference, "l2").search(np.zeros((1, 2), dtype=np.float32), 5)
    assert order[found[0]].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("n", [500, 20_000])
def test_far_from_the_origin_where_float32_loses_every_digit(n: int) -> None:
    """|x|^2 + |y|^2 - 2xy, which faiss takes for many rows, is all rounding error here."""
    generator = np.random.default_rng(0)
    reference = (1e4 + generator.normal(size=(n, 30))).astype(np.float32)
    queries = reference[:40] + generator.normal(size=(40, 30)).astype(np.float32)
    found = build(reference, "l2").search(queries, 10)
    distances = np.square(queries[:, None].astype(np.float64) - reference[None]).sum(axis=2)
    np.testing.assert_array_equal(found, np.argsort(distances, axis=1, kind="stable")[:, :10])


def test_a_saved_index_gives_the_same_neighbours(tmp_path: Path) -> None:
    reference = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    index = build(reference, "cosine")
    index.save(tmp_path / "relu1.faiss")
    np.testing.assert_array_equal(
        load(tmp_path / "relu1.faiss").search(reference, 7), index.search(reference, 7)
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["relu1.faiss", "relu1.json"]


def test_a_damaged_or_missing_index_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "relu1.faiss"
    with pytest.raises(InputError, match=r"relu1\.faiss is not a whole index"):
        load(path)
    build(POINTS, "l2").save(path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputError, match=r"relu1\.faiss is not a whole index"):
        load(path)


@pytest.mark.parametrize(
    ("k", "exclude_self", "allowed"), [(0, False, "1 to 4"), (5, False, "1 to 4"), (4, True, "1 to 3")]
)
def test_k_beyond_the_rows_is_an_error(k: int, exclude_self: bool, allowed: str) -> None:
    with pytest.raises(InputError, match=f"k is {k}, allowed are {allowed}"):
        build(POINTS, "l2").search(POINTS, k, exclude_self=exclude_self)


def test_nan_is_an_error_that_names_its_row() -> None:
    reference = np.zeros((400, 2), dtype=np.float32)
    reference[321, 1] = np.nan
    with pytest.raises(InputError, match="row 321 holds NaN or infinity"):
        build(reference, "l2")
    with pytest.raises(InputError, match="row 321 holds NaN or infinity"):
        build(POINTS, "l2").search(reference, 1)


@pytest.mark.parametrize(
    "reference", [np.zeros((0, 3), np.float32), np.zeros(3, np.float32), np.zeros((2, 2))]
)
def test_a_reference_that_is_no_float32_matrix_is_an_error(reference) -> None:
    with pytest.raises(InputError, match="allowed is float32"):
        build(reference, "l2")


def test_a_row_whose_squares_float32_cannot_hold_is_an_error() -> None:
    with pytest.raises(InputError, match="row 1 has the length 1e\\+19, allowed are up to 4.61e\\+18"):
        build(POINTS * np.float32(2.5e18), "l2")
    assert build(POINTS * np.float32(1e18), "l2").search(POINTS, 1).shape == (4, 1)
    assert build(POINTS * np.float32(2.5e18), "cosine").search(POINTS, 4)[1].tolist()[:2] == [1, 2]


@pytest.mark.parametrize("description", ["[]", "{}", '{"engine": "flat", "metric": "l1"}', "no JSON"])
def test_a_description_that_is_not_ours_is_an_error(description: str, tmp_path: Path) -> None:
    build(POINTS, "l2").save(tmp_path / "fc.faiss")
    (tmp_path / "fc.json").write_text(description)
    with pytest.raises(InputError, match=r"fc\.faiss is not a whole index"):
        load(tmp_path / "fc.faiss")


def test_an_index_of_another_kind_is_an_error(tmp_path: Path) -> None:
    build(POINTS, "l2").save(tmp_path / "fc.faiss")
    faiss.write_index(faiss.IndexFlatIP(2), str(tmp_path / "fc.faiss"))
    with pytest.raises(InputError, match="is a IndexFlatIP, allowed is an IndexFlatL2"):
        load(tmp_path / "fc.faiss")


def test_queries_of_another_width_are_an_error() -> None:
    with pytest.raises(InputError, match=r"allowed are \[any number, 2\]"):
        build(POINTS, "l2").search(np.zeros((1, 3), np.float32), 1)
    with pytest.raises(InputError, match="2 queries are not the 4 reference rows"):
        build(POINTS, "l2").search(POINTS[:2], 1, exclude_self=True)
