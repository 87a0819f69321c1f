"""The exact engines: their bounds, and their answers on rows made to break them, against brute force."""

import contextlib

import numpy as np
import pytest
from conftest import METRICS, measure, nearest, normal, scale
from hypothesis import given, settings
from hypothesis import strategies as st

from layeraudit import neighbours
from layeraudit.neighbours import build, dense, exact, ordering, rows

SMALL = {
    exact: {
        "NARROW": 4,
        "SAMPLED_ROWS": 8,
        "COLUMNS_AT_ONCE": 3,
        "CELL_ROWS": 5,
        "GROUP_ROWS": 2,
        "CELL_DIMENSIONS": 2,
        "LEADING_DIMENSIONS": 3,
        "QUERIES_AT_ONCE": 3,
        "MOST_PAIRS": 20,
        "CELLS_BEFORE_A_NARROWER_RADIUS": 1,
        "TILES_AT_ONCE": 2,
    },
    ordering: {
        "ROWS_AT_ONCE": 13,
        "TILE_ROWS": 6,
        "COLUMNS_AT_ONCE": 3,
        "QUERIES_AT_ONCE": 2,
        "MEASURED_AT_ONCE": 20,
    },
    dense: {"QUERIES_AT_ONCE": 3, "MOST_ROWS_AT_ONCE": 5, "ROOM": 1, "SPARE_ROOM": 1, "MOST_HELD": 7},
    rows: {"READ_AT_ONCE": 150},
}
"""Constants by which a few rows and columns take every path, in blocks that divide nothing."""


@contextlib.contextmanager
def small_constants(projected_dimensions):
    with pytest.MonkeyPatch.context() as patch:
        for module, constants in SMALL.items():
            for name, value in constants.items():
                patch.setattr(module, name, value)
        patch.setattr(exact, "PROJECTED_DIMENSIONS", projected_dimensions)
        yield


def sampled(n):
    """Give the rows whose directions the basis takes."""
    return np.sort(np.random.default_rng(0).permutation(n)[:8])


def make_clusters(generator, n, d, spread):
    centres = generator.normal(size=(3, d))
    return centres[generator.integers(0, 3, n)] + spread * generator.normal(size=(n, d))


def make_low_rank(generator, n, d):
    return generator.normal(size=(n, 2)) @ generator.normal(size=(2, d))


def make_last_bits(generator, n, d):
    """Two rows, and others that differ from one of them by a rounding in some places."""
    matrix = generator.normal(size=(2, d))[generator.integers(0, 2, n)].astype(np.float32)
    return np.where(generator.random((n, d)) < 0.3, np.nextafter(matrix, np.float32(9)), matrix)


def make_opposite_rests(generator, n, d):
    """Beside two dimensions, one direction, by the same length to either side."""
    matrix = make_low_rank(generator, n, d) + generator.choice([-1, 1], (n, 1)) * generator.normal(size=d)
    matrix[sampled(n)] = make_low_rank(generator, len(sampled(n)), d)
    return matrix


def make_sample_unlike_the_rest(generator, n, d):
    """Nothing of most rows is in the basis, whose rows lie along the first column."""
    matrix = generator.normal(size=(n, d))
    matrix[:, 0] = 0
    matrix[sampled(n)] = np.eye(1, d) * generator.normal(size=(len(sampled(n)), 1))
    return matrix


def make_some_zero(generator, n, d):
    return generator.normal(size=(n, d)) * (generator.random((n, 1)) < 0.7)


def make_grid(generator, n, d):
    return generator.integers(-1, 2, (n, d))


KINDS = {
    "anywhere": lambda g, n, d: g.normal(size=(n, d)),
    "on a grid": make_grid,
    "clusters": lambda g, n, d: make_clusters(g, n, d, 0.1),
    "tight clusters": lambda g, n, d: make_clusters(g, n, d, 1e-3),
    "clusters as tight as rounding": lambda g, n, d: make_clusters(g, n, d, 10.0 ** g.integers(-7, -3)),
    "tight clusters of low rank": lambda g, n, d: (
        make_low_rank(g, 3, d)[g.integers(0, 3, n)] + 1e-5 * g.normal(size=(n, d))
    ),
    "twins": lambda g, n, d: g.normal(size=(4, d))[g.integers(0, 4, n)],
    "all equal": lambda g, n, d: np.ones((n, 1)) * g.normal(size=d),
    "constant columns": lambda g, n, d: np.where(np.arange(d) < d // 2, 1, g.normal(size=(n, d))),
    "some zero": make_some_zero,
    "all zero": lambda g, n, d: np.zeros((n, d)),
    "low rank": make_low_rank,
    "tiny": lambda g, n, d: 1e-30 * g.normal(size=(n, d)),
    "tiny beside large": lambda g, n, d: g.normal(size=(n, d)) * g.choice([1e-30, 1e-12, 1], (n, 1)),
    "subnormal": lambda g, n, d: 1e-44 * g.normal(size=(n, d)),
    "huge": lambda g, n, d: 1e15 * g.normal(size=(n, d)),
    "of all lengths": lambda g, n, d: g.normal(size=(n, d)) * 10.0 ** g.uniform(-30, 15, (n, 1)),
    "far from the origin": lambda g, n, d: 1e4 + g.normal(size=(n, d)),
    "as far as float32 reaches": lambda g, n, d: 1e7 + g.normal(size=(n, d)),
    "last bits": make_last_bits,
    "opposite rests": make_opposite_rests,
    "a sample unlike the rest": make_sample_unlike_the_rest,
    "positive, as after a ReLU": lambda g, n, d: np.maximum(make_low_rank(g, n, d), 0),
}


def assert_nearest(found, reference, queries, k, metric, *, exclude_self=False):
    """Check neighbours against brute force, where distances may differ by a last bit of float64.

    The sum of the same squares in another order may have another last bit, which may part a tie of rows
    that are no twins. Twins are at the same distance however it is summed.
    """
    squares = measure(reference, queries, metric, exclude_self=exclude_self)
    assert found.shape == (len(queries), k)
    assert all(len(set(of_query)) == k for of_query in found.tolist())
    np.testing.assert_allclose(
        np.take_along_axis(squares, found, axis=1), np.sort(squares, axis=1)[:, :k], rtol=1e-12
    )
    twin_of = np.unique(scale(reference, metric) + np.float32(0), axis=0, return_inverse=True)[1].ravel()
    for query, of_query in enumerate(found):
        for twins in set(twin_of[of_query]):
            members = [row for row in np.flatnonzero(twin_of == twins) if not (exclude_self and row == query)]
            together = of_query[twin_of[of_query] == twins].tolist()
            assert together == members[: len(together)]


@pytest.mark.slow
@settings(max_examples=120)
@given(
    kind=st.sampled_from(list(KINDS)),
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 40),
    d=st.integers(1, 13),
    metric=st.sampled_from(METRICS),
    exclude_self=st.booleans(),
    projected_dimensions=st.integers(1, 6),
    data=st.data(),
)
def test_agrees_with_brute_force(kind, seed, n, d, metric, exclude_self, projected_dimensions, data) -> None:
    generator = np.random.default_rng(seed)
    both = KINDS[kind](generator, n + 7, d).astype(np.float32)
    reference, queries = both[:n], both[:n] if exclude_self else both[-11:]
    k = data.draw(st.integers(1, n - exclude_self))
    with small_constants(projected_dimensions):
        found, by_dense = (
            build(reference, metric, engine=engine).search(queries, k, exclude_self=exclude_self)
            for engine in ("exact", "dense")
        )
    by_flat = build(reference, metric, engine="flat").search(queries, k, exclude_self=exclude_self)
    if kind == "on a grid" and metric == "l2":
        expected = nearest(reference, queries, k, metric, exclude_self=exclude_self)
        np.testing.assert_array_equal(found, expected)
    assert_nearest(found, reference, queries, k, metric, exclude_self=exclude_self)
    np.testing.assert_array_equal(found, by_flat)
    np.testing.assert_array_equal(by_dense, by_flat)


@pytest.mark.parametrize("metric", METRICS)
def test_where_cells_leave_nearly_all_rows_all_distances_are_computed(metric, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(neighbours, "FEWEST_DENSE", 1000)
    low_rank = (normal(2000, 3) @ normal(3, 64, seed=1)).astype(np.float32)
    for reference, engine in ((normal(2000, 64), "dense"), (low_rank, "exact")):
        index = build(reference, metric)
        assert index.describe()["engine"] == engine
        found = index.search(reference[:100], 7)
        np.testing.assert_array_equal(found, nearest(reference, reference[:100], 7, metric))
        index.save(tmp_path / "index.npz")
        loaded = neighbours.load(tmp_path / "index.npz", reference)
        assert loaded.describe()["engine"] == engine
        np.testing.assert_array_equal(loaded.search(reference[:100], 7), found)


def test_rows_that_are_equally_near_by_the_thousand_are_all_asked() -> None:
    """More than a query has room for: the first of them by row number are its neighbours."""
    reference = np.repeat(np.eye(3, 6, dtype=np.float32), 2000, axis=0)
    found = build(reference, "cosine", engine="dense").search(reference[[0, 5999]], 30)
    np.testing.assert_array_equal(found, [np.arange(30), np.arange(4000, 4030)])


@pytest.mark.slow
@settings(max_examples=60)
@given(
    kind=st.sampled_from(list(KINDS)),
    seed=st.integers(0, 2**32 - 1),
    d=st.sampled_from([3, 6, 13]),
    metric=st.sampled_from(METRICS),
    k=st.integers(1, 12),
    factor=st.sampled_from([0, 0.5, 0.9, 1, 1 + 1.1e-4, 1.01, 100]),
)
def test_a_radius_that_is_guessed_wrong_changes_nothing(kind, seed, d, metric, k, factor) -> None:
    """The distance of the k-th neighbour as the guess, times a factor: too narrow, just wide enough, wide."""
    reference = KINDS[kind](np.random.default_rng(seed), 26, d).astype(np.float32)
    kth = np.sqrt(np.sort(measure(reference, reference, metric), axis=1)[:, k - 1])
    original = exact.ExactIndex._radii_of

    def guess(self, asked, tile, k, *, opposite):
        return original(self, asked, tile, k, opposite=True) if opposite else factor * kth[tile] + 1e-30

    with small_constants(4), pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact.ExactIndex, "_radii_of", guess)
        found = build(reference, metric).search(reference, k)
    assert_nearest(found, reference, reference, k, metric)


@pytest.mark.slow
@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    metric=st.sampled_from(METRICS),
    k=st.integers(1, 8),
    size=st.sampled_from([0.01, 0.1, 0.5]),
)
def test_points_that_are_displaced_by_their_errors_change_nothing(seed, metric, k, size) -> None:
    """Errors far above rounding, so that each place that forgets one loses rows."""
    generator = np.random.default_rng(seed)
    reference = make_clusters(generator, 30, 7, 0.3).astype(np.float32)
    project = exact._project

    def displace(*arguments):
        points, errors = project(*arguments)
        noise = size * generator.random((len(points), 1)) * generator.normal(size=points.shape)
        displaced = (points + noise).astype(np.float32)
        displaced[:, -1] = np.abs(displaced[:, -1])
        return displaced, errors + np.linalg.norm(displaced - points.astype(np.float64), axis=1) * (1 + 1e-6)

    with small_constants(4), pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "_project", displace)
        found = build(reference, metric).search(reference, k)
    assert_nearest(found, reference, reference, k, metric)


@pytest.mark.parametrize("metric", METRICS)
def test_half_the_radius_changes_nothing_in_wide_rows(metric, monkeypatch) -> None:
    reference, queries = normal(1200, 700), normal(50, 700, seed=1)
    original = exact.ExactIndex._radii_of
    guesses = []

    def halve(self, asked, tile, k, *, opposite):
        guesses.append(opposite)
        return original(self, asked, tile, k, opposite=opposite) * (1 if opposite else 0.5)

    monkeypatch.setattr(exact.ExactIndex, "_radii_of", halve)
    found = build(reference, metric).search(queries, 10)
    np.testing.assert_array_equal(found, nearest(reference, queries, 10, metric))
    assert guesses[0] is False


def make_real(name):
    generator = np.random.default_rng(0)
    if name == "wide":
        matrix = make_clusters(generator, 3000, 700, 0.7)
        matrix[1500:2000] = matrix[:500]
    elif name == "wide, of low rank":
        matrix = generator.normal(size=(2050, 5)) @ generator.normal(size=(5, 700))
    elif name == "wide, of nearly low rank":
        matrix = generator.normal(size=(2050, 5)) @ generator.normal(size=(5, 700))
        matrix += 1e-4 * generator.normal(size=matrix.shape)
    elif name == "wide, with a sample unlike the rest":
        matrix = 1e-3 * generator.normal(size=(2050, 700))
        some = generator.permutation(2050)[:1536]
        matrix[some] = generator.normal(size=(1536, 20)) @ generator.normal(size=(20, 700))
    elif name == "wide, far from the origin":
        matrix = 1e4 + generator.normal(size=(2050, 520))
    elif name == "wide, in tight clusters":
        matrix = make_clusters(generator, 2050, 520, 1e-5)
    elif name == "wide, in last bits":
        matrix = make_last_bits(generator, 300, 600)
    elif name == "narrow":
        matrix = generator.normal(size=(5000, 40))
        matrix[4000:] = matrix[:1000]
    elif name == "narrow, in clusters far apart":
        matrix = 1e5 * generator.normal(size=(3, 30))[generator.integers(0, 3, 2500)]
        matrix += generator.normal(size=matrix.shape)
    elif name == "narrow, far from the origin":
        matrix = 1e4 + generator.normal(size=(4000, 30))
    elif name == "fewer distinct rows than k":
        matrix = generator.normal(size=(5, 600))[generator.integers(0, 5, 300)]
    else:
        matrix = np.ones((1100, 520)) if name == "all equal" else generator.normal(size=(1, 1))
    return matrix.astype(np.float32)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "name",
    [
        "wide",
        "wide, of low rank",
        "wide, of nearly low rank",
        "wide, with a sample unlike the rest",
        "wide, far from the origin",
        "wide, in tight clusters",
        "wide, in last bits",
        "narrow",
        "narrow, in clusters far apart",
        "narrow, far from the origin",
        "fewer distinct rows than k",
        "all equal",
        "one row of one column",
    ],
)
@pytest.mark.slow
def test_agrees_with_brute_force_at_its_real_constants(name, metric) -> None:
    reference = make_real(name)
    n, d = reference.shape
    asked = np.linspace(0, n - 1, 12).astype(np.int64)
    noise = np.float32(1e-3) * normal(len(asked), d, seed=2)
    queries = np.concatenate([reference[asked], reference[asked] + noise, normal(3, d, seed=3)])
    index = build(reference, metric, threads=2)
    for some, k in (
        (queries, min(n, 30)),
        (queries[-1:], min(n, 200)),
        (queries[:5], min(n, 3)),
        (queries[:1], 1),
    ):
        assert_nearest(index.search(some, k, threads=2), reference, some, k, metric)


def test_wide_rows_without_themselves_at_real_constants() -> None:
    reference = make_real("wide")[1000:2500]
    found = build(reference, "cosine", threads=2).search(reference, 5, exclude_self=True, threads=2)
    squares = 2 - 2 * scale(reference, "cosine").astype(np.float64) @ scale(reference, "cosine").T
    np.fill_diagonal(squares, np.inf)
    np.testing.assert_allclose(
        np.take_along_axis(squares, found, axis=1), np.sort(squares, axis=1)[:, :5], atol=1e-6
    )
    some = np.arange(0, 1500, 100)
    squares = measure(reference, reference[some], "cosine")
    squares[np.arange(len(some)), some] = np.inf
    np.testing.assert_array_equal(found[some], np.argsort(squares, axis=1, kind="stable")[:, :5])


def represent(reference, queries, metric):
    """Give the points of rows and of queries, each with its error; the rows in their own order."""
    index = build(reference, metric)
    engine = index._engine
    back = np.argsort(engine._arrangement)
    with rows.worker_threads(1) as executor:
        asked = engine._represent(rows.Rows(queries, metric, executor), executor)
    return (engine._points[back], engine._errors[back]), (asked.points, asked.errors)


def excess(of_rows, of_queries, distances):
    """How much farther apart points are than rows, as a share of what their errors allow; at most 1.

    By the smallest radius, for what float32 loses by underflow.
    """
    (points, errors), (asked, asked_errors) = of_rows, of_queries
    differences = asked[:, None].astype(np.longdouble) - points
    apart = np.sqrt(np.square(differences).sum(axis=2))
    allowed = asked_errors[:, None] + errors + exact.SMALLEST_RADIUS
    return (apart - distances * (1 + 1e-15)) / allowed


@pytest.mark.slow
@settings(max_examples=60)
@given(
    kind=st.sampled_from(list(KINDS)),
    seed=st.integers(0, 2**32 - 1),
    d=st.integers(5, 30),
    metric=st.sampled_from(METRICS),
    projected_dimensions=st.integers(1, 6),
)
def test_points_are_no_farther_apart_than_rows(kind, seed, d, metric, projected_dimensions) -> None:
    both = KINDS[kind](np.random.default_rng(seed), 45, d).astype(np.float32)
    reference, queries = both[:30], both[20:]
    distances = np.sqrt(measure(reference, queries, metric).astype(np.longdouble))
    with small_constants(projected_dimensions):
        of_rows, of_queries = represent(reference, queries, metric)
    assert excess(of_rows, of_queries, distances).max() <= 1


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("d", [600, 3000])
def test_points_of_wide_rows_are_no_farther_apart_than_rows(metric, d: int) -> None:
    """Rows in the span of the basis, whose rests are all rounding, and their neighbours in the last bit.

    That the check can fail is shown by errors that are a thousand times smaller.
    """
    reference = (normal(60, 5) @ normal(5, d, seed=1)).astype(np.float32)
    queries = np.nextafter(reference, np.float32(9))
    distances = np.sqrt(measure(reference, queries, metric).astype(np.longdouble))
    (points, errors), (asked, asked_errors) = represent(reference, queries, metric)
    assert excess((points, errors), (asked, asked_errors), distances).max() <= 1
    assert excess((points, errors / 1000), (asked, asked_errors / 1000), distances).max() > 1


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 5, 22])
def test_equal_rows_are_at_the_same_distance_whatever_is_measured_with_them(k: int, metric) -> None:
    """Of these 22 pairs, 20 are measured four at a time, and in float64 one is measured alone."""
    generator = np.random.default_rng(0)
    reference = np.repeat(generator.normal(size=(1, 12_544)), 22, axis=0).astype(np.float32)
    index = build(reference, metric)
    for query in generator.normal(size=(8, 1, 12_544)).astype(np.float32):
        assert index.search(query, k).tolist() == [list(range(k))]


def test_a_copy_of_a_file_is_searched_as_it_was_changed(tmp_path) -> None:
    np.save(tmp_path / "rows.npy", np.arange(12, dtype=np.float32).reshape(6, 2))
    reference = np.load(tmp_path / "rows.npy", mmap_mode="c")
    reference[:] = reference[::-1].copy()
    assert build(reference, "l2").search(np.zeros((1, 2), np.float32), 6).tolist() == [[5, 4, 3, 2, 1, 0]]


def test_very_many_candidates_are_taken_in_parts(monkeypatch) -> None:
    """Rows that no bound tells apart: each query has all of them as candidates."""
    reference = np.random.default_rng(0).normal(size=(1200, 600)).astype(np.float32)
    queries = np.random.default_rng(1).normal(size=(600, 600)).astype(np.float32)
    expected = build(reference, "l2", engine="flat").search(queries, 5)
    monkeypatch.setattr(exact, "MOST_PAIRS", 40_000)
    sizes = []

    def order_and_note(*arguments):
        sizes.append(len(arguments[3]))
        return ordering.order_candidates(*arguments)

    monkeypatch.setattr(exact, "order_candidates", order_and_note)
    np.testing.assert_array_equal(build(reference, "l2").search(queries, 5), expected)
    assert len(sizes) > 10
    assert max(sizes) <= 40_000
