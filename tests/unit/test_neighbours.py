"""Neighbours by every engine: laid out by hand, in shards, on disk, and in bounded memory.

`nearest` of conftest is the oracle: brute force in float64, which shares nothing with the library.
"""

import itertools
import subprocess
import sys
from functools import partial
from pathlib import Path

import faiss
import numpy as np
import pytest
from conftest import METRICS, REPOSITORY, measure, nearest, normal
from hypothesis import given, settings
from hypothesis import strategies as st

from layeraudit.errors import InputError
from layeraudit.neighbours import build, load, merge, rows

EXACT = ["exact", "dense", "flat"]
ENGINES = [*EXACT, "hnsw"]
POINTS = np.array([[0, 0], [4, 0], [1, 0], [0, 2]], dtype=np.float32)


@pytest.mark.parametrize("engine", ENGINES)
def test_nearest_first(engine) -> None:
    found = build(POINTS, "l2", engine=engine).search(np.array([[0.4, 0]], np.float32), 4)
    assert found.tolist() == [[0, 2, 3, 1]]
    assert found.dtype == np.int64


@pytest.mark.parametrize("engine", ENGINES)
def test_cosine_looks_at_directions_alone(engine) -> None:
    reference = np.array([[1, 0], [0, 5], [3, 3], [-1, 0], [0, -7]], np.float32)
    found = build(reference, "cosine", engine=engine).search(np.array([[1, 10], [0, -0.1]], np.float32), 5)
    assert found.tolist() == [[1, 2, 0, 3, 4], [4, 0, 3, 2, 1]]


@pytest.mark.parametrize("engine", EXACT)
@pytest.mark.parametrize("d", [3, 600])
@pytest.mark.parametrize("k", [1, 5, 199, 200])
def test_ties_go_by_row_number_also_at_the_last_place(engine, d: int, k: int) -> None:
    reference = np.tile(np.arange(d, dtype=np.float32), (200, 1))
    found = build(reference, "l2", engine=engine).search(reference[:2] + 1, k)
    assert found.tolist() == [list(range(k))] * 2


@pytest.mark.parametrize("engine", EXACT)
def test_rows_at_the_same_distance_go_by_row_number_after_a_nearer_one(engine) -> None:
    """The corners of a cube around its centre, which comes last."""
    corners = [*itertools.product([-1, 1], repeat=3), (0, 0, 0)]
    found = build(np.array(corners, np.float32), "l2", engine=engine).search(np.zeros((1, 3), np.float32), 6)
    assert found.tolist() == [[8, 0, 1, 2, 3, 4]]


@pytest.mark.parametrize("engine", EXACT)
def test_a_row_is_not_its_own_neighbour_but_its_twin_is(engine) -> None:
    reference = np.array([[0, 0], [5, 5], [0, 0], [1, 1]], np.float32)
    found = build(reference, "l2", engine=engine).search(reference, 2, exclude_self=True)
    assert found.tolist() == [[2, 3], [3, 0], [0, 3], [0, 2]]


@pytest.mark.parametrize("engine", EXACT)
def test_a_row_behind_k_twins_of_its_own_is_still_excluded(engine) -> None:
    found = build(np.ones((9, 4), np.float32), "l2", engine=engine)
    found = found.search(np.ones((9, 4), np.float32), 3, exclude_self=True)
    assert found.tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], *[[0, 1, 2]] * 6]


@pytest.mark.parametrize("engine", EXACT)
@pytest.mark.parametrize("d", [7, 700])
def test_a_row_of_zeros_is_nearest_to_its_like_and_far_from_all_others(engine, d: int) -> None:
    reference = normal(50, d)
    reference[[20, 30]] = 0
    queries = np.concatenate([np.zeros((1, d), np.float32), reference[:1]])
    found = build(reference, "cosine", engine=engine).search(queries, 50)
    assert found[0, :2].tolist() == [20, 30]
    np.testing.assert_array_equal(found, nearest(reference, queries, 50, "cosine"))


@pytest.mark.parametrize("engine", EXACT)
def test_a_row_of_zeros_is_at_distance_1_from_all_others(engine) -> None:
    """From (1, 0), a direction 59 degrees away is nearer, one 61 degrees away is not."""
    angles = np.deg2rad([61, 59, -59, 180])
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    reference = np.concatenate([[[0, 0]], directions]).astype(np.float32)
    found = build(reference, "cosine", engine=engine).search(np.array([[3, 0]], np.float32), 5)
    assert found[0, 2:].tolist() == [0, 1, 4]


@pytest.mark.parametrize("engine", EXACT)
def test_distances_that_float32_cannot_tell_apart_are_told_apart(engine) -> None:
    """Squared distances of 1 to 1 + 4e-8, all of them 1 in float32: more than the first search asks for."""
    order = np.random.default_rng(0).permutation(200)
    reference = np.stack([np.ones(200), 1e-6 * order], axis=1).astype(np.float32)
    found = build(reference, "l2", engine=engine).search(np.zeros((1, 2), np.float32), 5)
    assert order[found[0]].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("engine", EXACT)
@pytest.mark.parametrize("size", [1, 19, 20, 21])
def test_rows_far_from_the_origin_are_told_apart_in_batches_of_any_size(
    engine, size: int, monkeypatch
) -> None:
    """From so many queries on faiss takes |x|^2 + |y|^2 - 2xy, which float32 cannot hold far out."""
    monkeypatch.setattr(faiss.cvar, "distance_compute_blas_threshold", 20)
    reference = np.random.default_rng(0).integers(-40, 40, (500, 16)).astype(np.float32)
    expected = nearest(reference, reference[:63], 8, "l2")
    index = build(reference + np.float32(1e5), "l2", engine=engine)
    for start in range(0, 63 - size + 1, size):
        found = index.search(reference[start : start + size] + np.float32(1e5), 8)
        assert found.tolist() == expected[start : start + size].tolist()


@pytest.mark.parametrize("engine", EXACT)
def test_cosine_scales_rows_that_are_too_short_or_long_for_float32(engine) -> None:
    directions = np.array([[3, 4], [4, 3], [0, 1], [-1, 0]])
    scales = np.array([[2.0**-145], [2.0**120], [2.0**-110], [1]])
    reference = (directions * scales).astype(np.float32)
    found = build(reference, "cosine", engine=engine).search(reference, 4)
    assert found.tolist() == [[0, 1, 2, 3], [1, 0, 2, 3], [2, 0, 1, 3], [3, 2, 0, 1]]


@pytest.mark.parametrize("engine", EXACT)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.slow
def test_threads_and_memory_change_nothing(engine, metric, threads: int, monkeypatch) -> None:
    monkeypatch.setattr(rows, "READ_AT_ONCE", 2**16)
    reference = normal(900, 600)
    queries = np.concatenate([reference[:400], normal(300, 600, seed=1)])
    index = build(reference, metric, engine=engine, threads=threads)
    least = memory_refused(lambda: index.search(queries, 9, memory_mb=1, threads=threads))
    expected = nearest(reference, queries, 9, metric)
    for memory_mb in (least, least + 3, 1000):
        found = index.search(queries, 9, memory_mb=memory_mb, threads=threads)
        np.testing.assert_array_equal(found, expected)


COUNT_THREADS = """
import faiss
from threadpoolctl import threadpool_info
from layeraudit.neighbours.rows import worker_threads

def count(_=None):
    blas = [of["num_threads"] for of in threadpool_info() if of["user_api"] == "blas"]
    return faiss.omp_get_max_threads(), max(blas)

print(count())
with worker_threads(3) as executor:
    print({*executor.map(count, range(9))})
print(count())
"""


def test_threads_are_not_multiplied() -> None:
    """Libraries that start threads of their own in each of ours would have the square of their number."""
    printed = subprocess.run(
        [sys.executable, "-c", COUNT_THREADS],
        env={"PYTHONPATH": str(REPOSITORY / "scripts"), "OMP_NUM_THREADS": "4"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert printed == ["(4, 4)", "{(1, 1)}", "(4, 4)"]


@settings(max_examples=12)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 14),
    metric=st.sampled_from(METRICS),
    engine=st.sampled_from(EXACT),
    exclude_self=st.booleans(),
    data=st.data(),
)
@pytest.mark.slow
def test_any_number_of_shards_gives_what_all_rows_give(seed, n, metric, engine, exclude_self, data) -> None:
    """Rows on a grid, so that there are twins and ties in every shard; shards with fewer rows than k."""
    reference = np.random.default_rng(seed).integers(-2, 3, (n, 3)).astype(np.float32)
    queries = reference if exclude_self else reference[::-1][:5] + np.float32(1)
    k = data.draw(st.integers(1, n - exclude_self))
    expected = build(reference, metric, engine=engine).search(queries, k, exclude_self=exclude_self)
    for shards in range(1, n + 1):
        parts = np.array_split(np.arange(n), shards)
        found = []
        for part in parts:
            index = build(reference[part], metric, engine=engine)
            found.append(part[index.search(queries, min(k + exclude_self, len(part)))])
        merged = merge(reference, queries, found, k, metric, exclude_self=exclude_self)
        np.testing.assert_array_equal(merged, expected)
        assert merged.dtype == np.int64


@pytest.mark.parametrize("metric", METRICS)
def test_shards_of_wide_rows_in_several_blocks_of_queries(metric) -> None:
    reference = normal(600, 700)
    reference[300:] = reference[:300]
    parts = np.array_split(np.random.default_rng(0).permutation(600), 3)
    found = [part[build(reference[part], metric).search(reference, 8)] for part in map(np.sort, parts)]
    least = memory_refused(lambda: merge(reference, reference, found, 7, metric, memory_mb=1, threads=2))
    merged = merge(reference, reference, found, 7, metric, exclude_self=True, memory_mb=least, threads=2)
    expected = nearest(reference, reference, 7, metric, exclude_self=True)
    np.testing.assert_array_equal(merged, expected)


def memory_refused(search) -> int:
    """Give the memory that an error says is needed."""
    with pytest.raises(InputError, match="memory_mb is 1, allowed are [0-9]+ and more") as refusal:
        search()
    return int(str(refusal.value).split("allowed are ")[1].split()[0])


def test_shards_of_other_rows_are_an_error() -> None:
    found = np.zeros((4, 3), np.int64)
    for queries, of_shard, reason in (
        (POINTS[:, :1], found, r"the queries are \[4, 1\], allowed are \[any number, 2\]"),
        (POINTS, found - 1, "the rows that were found are -1 to -1, allowed are 0 to 3"),
        (POINTS, found + 4, "the rows that were found are 4 to 4, allowed are 0 to 3"),
    ):
        with pytest.raises(InputError, match=reason):
            merge(POINTS, queries, [of_shard], 2, "l2")


def test_shards_that_found_too_few_rows_are_an_error() -> None:
    with pytest.raises(InputError, match="k is 3, allowed are 1 to 2"):
        merge(POINTS, POINTS, [np.zeros((4, 2), np.int64)], 3, "l2")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("d", [4, 600])
def test_a_saved_index_gives_the_same_neighbours(engine, metric, d: int, tmp_path: Path) -> None:
    reference, path = normal(80, d), tmp_path / "relu1.npz"
    np.save(tmp_path / "relu1.npy", reference)
    index = build(reference, metric, engine=engine)
    index.save(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["relu1.npy", "relu1.npz"]
    with np.load(path, allow_pickle=False) as arrays:
        assert all(not arrays[name].dtype.hasobject for name in arrays.files)
    expected = index.search(reference, 7)
    for rows_again in (reference, np.load(tmp_path / "relu1.npy", mmap_mode="r")):
        loaded = load(path, rows_again, threads=2)
        assert loaded.name == engine
        np.testing.assert_array_equal(loaded.search(reference, 7), expected)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("metric", METRICS)
def test_an_index_beside_other_rows_is_an_error(engine, metric, tmp_path: Path) -> None:
    reference, path = normal(30, 6), tmp_path / "relu1.npz"
    build(reference, metric, engine=engine).save(path)
    for other, reason in (
        (reference[:-1], r"the index of \[30, 6\] rows and columns, not \[29, 6\]"),
        (reference.T.copy(), r"the index of \[30, 6\] rows and columns, not \[6, 30\]"),
        (normal(30, 6, seed=1), "the index of other rows than these"),
        (reference[::-1].copy(), "the index of other rows than these"),
    ):
        with pytest.raises(InputError, match=f"relu1\\.npz is {reason}"):
            load(path, other)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_damaged_or_missing_index_is_one_sentence(engine, tmp_path: Path) -> None:
    path = tmp_path / "relu1.npz"
    with pytest.raises(InputError, match=r"relu1\.npz does not exist"):
        load(path, POINTS)
    build(POINTS, "l2", engine=engine).save(path)
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[whole.index(b"lengths.npy") + 150] ^= 255
    for content in (b"", b"no index", whole[:-5], whole[: len(whole) // 2], bytes(damaged)):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"relu1\.npz is not a whole \.npz file"):
            load(path, POINTS)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"engine": np.array("tree")}, "is no index: its engine is 'tree'"),
        ({"metric": np.array("l1")}, "is no index: .* its metric 'l1'"),
        ({"engine": np.array("hnsw")}, "lacks an array: .*graph"),
        ({"lengths": None}, "lacks an array: lengths"),
    ],
)
def test_an_npz_that_is_not_an_index_is_an_error(changed, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "fc.npz"
    build(POINTS, "l2").save(path)
    with np.load(path) as arrays:
        content = dict(arrays) | changed
    np.savez(path, **{name: array for name, array in content.items() if array is not None})
    with pytest.raises(InputError, match=f"fc\\.npz {reason}"):
        load(path, POINTS)


@pytest.mark.parametrize(
    ("k", "exclude_self", "allowed"), [(0, False, "1 to 4"), (5, False, "1 to 4"), (4, True, "1 to 3")]
)
def test_k_beyond_the_rows_is_an_error(k: int, exclude_self: bool, allowed: str) -> None:
    with pytest.raises(InputError, match=f"k is {k}, allowed are {allowed}"):
        build(POINTS, "l2").search(POINTS, k, exclude_self=exclude_self)


def test_queries_of_another_shape_or_type_are_an_error() -> None:
    index = build(POINTS, "l2")
    for queries in (np.zeros((1, 3), np.float32), np.zeros(2, np.float32), np.zeros((1, 2, 1), np.float32)):
        with pytest.raises(InputError, match=r"allowed are \[any number, 2\]"):
            index.search(queries, 1)
    with pytest.raises(InputError, match="the rows are float64 .* allowed is float32"):
        index.search(np.zeros((1, 2)), 1)
    with pytest.raises(InputError, match="2 queries are not the 4 reference rows"):
        index.search(POINTS[:2], 1, exclude_self=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_no_queries_have_no_neighbours(engine) -> None:
    found = build(POINTS, "l2", engine=engine).search(POINTS[:0], 3)
    assert found.shape == (0, 3)
    assert found.dtype == np.int64


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 321, 399])
def test_a_value_that_is_no_number_is_an_error_that_names_its_row(
    engine, metric, value: float, row: int, monkeypatch
) -> None:
    """In blocks of five rows."""
    monkeypatch.setattr(rows, "READ_AT_ONCE", 40)
    bad = np.ones((400, 2), np.float32)
    bad[row, 1] = value
    with pytest.raises(InputError, match=f"row {row} holds NaN or infinity"):
        build(bad, metric, engine=engine)
    with pytest.raises(InputError, match=f"row {row} holds NaN or infinity"):
        build(POINTS, metric, engine=engine).search(bad, 1)


def test_a_bad_query_beyond_those_that_memory_holds_is_named_by_its_row() -> None:
    """The least memory is for a few hundred queries."""
    index, queries = build(normal(300, 600), "l2"), normal(2500, 600)
    least = memory_refused(lambda: index.search(queries, 1, memory_mb=1))
    queries[2345, 7] = np.nan
    with pytest.raises(InputError, match="row 2345 holds NaN or infinity"):
        index.search(queries, 1, memory_mb=least)
    queries[2345] = 1e30
    with pytest.raises(InputError, match=r"row 2345 has the length 2\.45e\+31"):
        index.search(queries, 1, memory_mb=least)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "reference",
    [np.zeros((0, 3), np.float32), np.zeros((3, 0), np.float32), np.zeros(3, np.float32), np.zeros((2, 2))],
)
def test_a_reference_that_is_no_float32_matrix_is_an_error(engine, reference) -> None:
    with pytest.raises(InputError, match="allowed is float32"):
        build(reference, "l2", engine=engine)


@pytest.mark.parametrize("engine", EXACT)
def test_a_row_whose_squares_float32_cannot_hold_is_an_error(engine) -> None:
    with pytest.raises(InputError, match="row 1 has the length 1e\\+19, allowed are up to 1.15e\\+18"):
        build(POINTS * np.float32(2.5e18), "l2", engine=engine)
    longest = POINTS * np.float32(2**58)
    found = build(longest, "l2", engine=engine).search(-longest, 4)
    assert found.tolist() == nearest(longest, -longest, 4, "l2").tolist()
    found = build(POINTS * np.float32(2.5e18), "cosine", engine=engine).search(POINTS, 4)
    assert found.tolist() == nearest(POINTS, POINTS, 4, "cosine").tolist()


@pytest.mark.parametrize("metric", METRICS)
def test_the_recall_is_what_brute_force_says(metric) -> None:
    reference, queries, k = normal(2000, 60), normal(90, 60, seed=1), 10
    index = build(reference, metric, engine="hnsw")
    assert index.recall is None
    found = index.search(queries, k)
    expected = nearest(reference, queries, k, metric)
    recall = np.mean([np.isin(true, row).mean() for true, row in zip(expected, found, strict=True)])
    assert 0.5 < recall < 1
    assert index.recall == (pytest.approx(recall), 90)
    squares = np.take_along_axis(measure(reference, queries, metric), found, axis=1)
    assert (np.diff(squares, axis=1) >= 0).all()


def test_the_recall_is_measured_on_some_of_many_queries_and_by_no_exact_engine() -> None:
    reference = normal(150, 5)
    for engine, recall in (("exact", None), ("flat", None), ("hnsw", (1, 100))):
        index = build(reference, "l2", engine=engine)
        index.search(reference, 3)
        assert index.recall == recall


def test_a_graph_of_equal_rows_gives_enough_neighbours_or_an_error() -> None:
    reference = np.ones((3000, 5), np.float32)
    index = build(reference, "l2", engine="hnsw")
    try:
        found = index.search(reference[:4], 40)
    except InputError as error:
        assert "take the engine exact" in str(error)
    else:
        assert all(len(set(row)) == 40 for row in found)


SEARCH_AND_MEASURE = """
import sys
from pathlib import Path
import numpy as np
from layeraudit.neighbours import build, load

def memory(kind):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(kind))

small = np.random.default_rng(0).normal(size=(600, 600)).astype(np.float32)
small.setflags(write=False)
build(small, "l2", engine=sys.argv[1]).search(small, 5)  # what the libraries take once
before = memory("VmRSS")
reference = np.load("wide.npy", mmap_mode="r")
found = load(Path(sys.argv[1] + ".npz"), reference).search(reference, 5, memory_mb=int(sys.argv[2]))
print(memory("VmHWM") - before, (found[:, 0] == np.arange(6000)).all())
"""


@pytest.mark.slow
def test_a_mapped_file_is_searched_without_being_held(tmp_path: Path) -> None:
    """60 MB of rows, whose points take less than 1 MB, are searched for their own, few at a time."""
    reference = normal(6000, 5) @ normal(5, 2600, seed=1)
    np.save(tmp_path / "wide.npy", reference)
    growth = {}
    for engine in EXACT:
        index = build(reference, "l2", engine=engine, threads=2)
        index.save(tmp_path / f"{engine}.npz")
        search = index.search
        least = memory_refused(lambda search=search: search(reference, 5, memory_mb=1))
        printed = subprocess.run(
            [sys.executable, "-c", SEARCH_AND_MEASURE, engine, str(least)],
            cwd=tmp_path,
            env={"PYTHONPATH": str(REPOSITORY / "scripts"), "OMP_NUM_THREADS": "2"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        growth[engine] = float(printed[0])
        assert printed[1] == "True"
    assert max(growth["exact"], growth["dense"]) < 48 < 60 < growth["flat"], growth


def test_the_memory_of_a_merge_does_not_grow_with_what_was_found() -> None:
    reference = normal(400, 2)
    least = [
        memory_refused(partial(merge, reference, np.zeros((n, 2), np.float32), found, 100, "l2", memory_mb=1))
        for n in (20_000, 60_000)
        for found in [[np.zeros((n, 100), np.int64)] * 2]
    ]
    assert least[0] == least[1]


def test_merging_does_not_hold_mapped_queries(tmp_path: Path) -> None:
    def mapped_mb() -> float:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssFile"))

    np.save(tmp_path / "wide.npy", normal(6000, 2600))
    queries = np.load(tmp_path / "wide.npy", mmap_mode="r")
    found = [np.zeros((6000, 1), np.int64), np.ones((6000, 1), np.int64)]
    merge(queries[:2], queries[:10], [of_shard[:10] for of_shard in found], 1, "l2")  # maps libraries
    before = mapped_mb()
    merge(queries[:2], queries, found, 1, "l2")
    assert mapped_mb() - before < 30 < 60
