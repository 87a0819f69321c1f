"""The compiled loops that measure pairs of rows, against float64."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import REPOSITORY
from hypothesis import given
from hypothesis import strategies as st

from layeraudit.neighbours.pairs import SUMS, measure_exactly, measure_pairs, select_pairs
from layeraudit.neighbours.rows import rounding_of_sum


def ones(n):
    return np.ones(n, np.float32)


def whole_numbers(generator, *shape):
    return generator.integers(-9, 10, shape).astype(np.float32)


def all_at_once(pairs):
    return np.array([0, pairs])


COMPILE = """
import numpy as np
from layeraudit.neighbours.pairs import measure_exactly
rows = np.float32([[0, 0], [3, 4]])
print(measure_exactly(rows, rows[:1]).tolist())
"""


@pytest.mark.slow
def test_loops_are_compiled_where_no_folder_can_be_written(tmp_path: Path) -> None:
    """Neither beside the module nor in the home, where numba keeps what it compiles, is a folder."""
    package = tmp_path / "layeraudit"
    shutil.copytree(REPOSITORY / "scripts/layeraudit", package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "neighbours/__pycache__").touch()
    (tmp_path / "home").touch()
    home = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "home")}
    printed = subprocess.run(
        [sys.executable, "-c", COMPILE],
        env={"PYTHONPATH": str(tmp_path)} | home,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed == "[0.0, 25.0]\n"


def test_two_pairs_by_hand() -> None:
    queries, rows = np.float32([[0, 0], [3, 4]]), np.float32([[0, 0], [1, 1]])
    squares = measure_pairs(
        queries,
        np.float32([1, 2]),
        np.array([0, 1]),
        rows,
        np.float32([1, 3]),
        np.array([0, 1]),
        np.array([1, 1]),
        all_at_once(2),
        256,
    )
    assert squares.tolist() == [18, (6 - 3) ** 2 + (8 - 3) ** 2]


@given(
    seed=st.integers(0, 2**32 - 1),
    d=st.integers(1, 40),
    columns=st.integers(1, 40),
    pairs=st.integers(0, 60),
    tiles=st.integers(1, 5),
    sort=st.booleans(),
)
def test_whole_numbers_are_measured_without_error_however_they_are_cut(
    seed, d, columns, pairs, tiles, sort
) -> None:
    generator = np.random.default_rng(seed)
    queries, rows = whole_numbers(generator, 9, d), whole_numbers(generator, 11, d)
    scales, row_scales = (2.0 ** generator.integers(-2, 3, n).astype(np.float32) for n in (9, 11))
    asking = generator.permutation(9)[:5]
    query_of, row_of = generator.integers(0, 5, pairs), generator.integers(0, 11, pairs)
    if sort:
        query_of.sort()
    cuts = np.sort(np.r_[0, generator.integers(0, pairs + 1, tiles - 1), pairs])
    squares = measure_pairs(queries, scales, asking, rows, row_scales, query_of, row_of, cuts, columns)
    expected = (queries * scales[:, None])[asking[query_of]] - (rows * row_scales[:, None])[row_of]
    np.testing.assert_array_equal(squares, np.square(expected, dtype=np.float64).sum(axis=1))


@pytest.mark.parametrize("columns", [100, 256])
def test_real_numbers_are_measured_within_the_bound(columns: int) -> None:
    generator = np.random.default_rng(0)
    queries, rows = generator.normal(size=(2, 40, 3000)).astype(np.float32)
    scales = np.float32(1) / np.linalg.norm(queries, axis=1).astype(np.float32)
    query_of, row_of = np.divmod(np.arange(1600), 40)
    squares = measure_pairs(
        queries, scales, np.arange(40), rows, ones(40), query_of, row_of, all_at_once(1600), columns
    )
    differences = (queries * scales[:, None])[query_of].astype(np.float64) - rows[row_of]
    expected = np.square(differences).sum(axis=1)
    assert np.abs(squares / expected - 1).max() <= rounding_of_sum(columns + 2)


@given(
    seed=st.integers(0, 2**32 - 1),
    d=st.integers(1, 20),
    n=st.integers(1, 80),
    share=st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    room=st.integers(0, 200),
    count=st.integers(0, 3),
)
def test_the_pairs_within_both_bounds_are_selected(seed, d, n, share, room, count) -> None:
    generator = np.random.default_rng(seed)
    queries, rows = whole_numbers(generator, 6, d), whole_numbers(generator, n + 4, d)
    query_of = np.sort(generator.permutation(6)[:3])
    within = generator.random((3, n)) < share
    excess = np.where(within, -generator.random((3, n)), generator.random((3, n)) + 0.1).astype(np.float32)
    excess[within & (generator.random((3, n)) < 0.2)] = np.nan
    bounds = generator.integers(0, 200 * d, 6).astype(np.float64)
    found = (np.full(room, -1, np.int32), np.full(room, -1, np.int32), np.full(room, -1, np.float32))
    taken = select_pairs(excess, queries, query_of, rows, 4, bounds, *found, min(count, room))

    squares = np.square(queries[query_of][:, None] - rows[4:]).sum(axis=2)
    places = np.argwhere(within & (squares <= bounds[query_of][:, None]))
    if min(count, room) + len(places) > room:
        assert taken == -1
        return
    assert taken == min(count, room) + len(places)
    some = slice(min(count, room), taken)
    np.testing.assert_array_equal(found[0][some], query_of[places[:, 0]])
    np.testing.assert_array_equal(found[1][some], places[:, 1] + 4)
    np.testing.assert_array_equal(found[2][some], squares[tuple(places.T)])
    assert (found[0][: some.start] == -1).all() and (found[0][taken:] == -1).all()


@pytest.mark.parametrize("d", [1, SUMS - 1, SUMS, SUMS + 1, 1000])
def test_the_distance_is_that_of_float64(d: int) -> None:
    rows, others = np.random.default_rng(d).normal(size=(2, 20, d)).astype(np.float32)
    for other in (others, others[:1]):
        expected = np.square(rows.astype(np.float64) - other).sum(axis=1)
        np.testing.assert_allclose(measure_exactly(rows, other), expected, rtol=1e-14)
        alone = [measure_exactly(rows[i : i + 1], other[i % len(other)][None])[0] for i in range(20)]
        assert measure_exactly(rows, other).tolist() == alone
