"""The order of candidates by their exact distance.

Distances are first computed in float32, with a bound on their rounding, and in float64 only where that
leaves the order open.
"""

from concurrent.futures import Executor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layeraudit.neighbours.pairs import COLUMNS_AT_ONCE, measure_exactly, measure_pairs
from layeraudit.neighbours.rows import UNDERFLOW, UNIT_ROUNDOFF, Rows, do_all, rounding_of_sum

ROWS_AT_ONCE = 256
"""Rows that a thread has in hand, with all queries that they are candidates of."""

TILE_ROWS = 128
"""Of these, the rows that stay in a core's cache, some columns at a time."""

QUERIES_AT_ONCE = 128
"""Queries whose candidates a thread puts in order together."""

MEASURED_AT_ONCE = 2**18
"""Elements of rows that are measured together in float64, which stay in the cache."""


def order_candidates(
    reference: Rows,
    queries: Rows,
    asking: NDArray[np.int64],
    query_of: NDArray[np.integer[Any]],
    place_of: NDArray[np.integer[Any]],
    k: int,
    executor: Executor,
    arrangement: NDArray[np.int64] | None = None,
    squares: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the k nearest candidates of each query.

    Parameters
    ----------
    asking : int64 [q], rows of the queries
    query_of : int32 or int64 [p], of each pair, the query as an index into `asking`, which has k pairs or
        more; ascending
    place_of : int32 or int64 [p], of each pair, the candidate's place in the arrangement
    arrangement : int64 [n], the rows of the reference, those that are alike near each other, which is faster;
        their own order where none is given
    squares : float64 [p], the squared distances, where `select_pairs` has computed them already

    Returns
    -------
    int64 [q, k] : rows, nearest first, ties by row number
    float64 [q] : upper bound on the squared distance of the k-th
    """
    if arrangement is None:
        arrangement = np.arange(len(reference))
    terms = reference.dimensions
    if squares is None:
        squares = _measure_candidates(reference, queries, asking[query_of], place_of, executor, arrangement)
        terms = COLUMNS_AT_ONCE
    # Three more, as pairs are sorted by the float32 next to their squared distance.
    rounding = rounding_of_sum(terms + 2) + 3 * UNIT_ROUNDOFF
    absolute = reference.dimensions * UNDERFLOW
    rows = np.empty((len(asking), k), np.int64)
    furthest = np.empty(len(asking))
    cuts = [*range(0, len(asking), QUERIES_AT_ONCE), len(asking)]
    of_cuts = np.searchsorted(query_of, np.array(cuts, query_of.dtype))

    def order(number: int) -> None:
        start = cuts[number]
        some, pairs = slice(start, cuts[number + 1]), slice(of_cuts[number], of_cuts[number + 1])
        row_of = arrangement[place_of[pairs]]
        rows[some], furthest[some] = _order(
            reference,
            queries,
            asking[some],
            query_of[pairs] - start,
            row_of,
            squares[pairs] * (1 - rounding) - absolute,
            squares[pairs] * (1 + rounding) + absolute,
            k,
        )

    do_all(order, range(len(cuts) - 1), executor, "putting in order")
    return rows, furthest


def _order(
    reference: Rows,
    queries: Rows,
    asking: NDArray[np.int64],
    query_of: NDArray[np.integer[Any]],
    row_of: NDArray[np.int64],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    k: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Do the same for few queries, with bounds on the squared distances."""
    order = np.argsort(sort_key(query_of, upper.astype(np.float32)))
    row_of, lower, upper = row_of[order], lower[order], upper[order]
    first = np.searchsorted(query_of, np.arange(len(asking)))

    # Neighbours in this order whose distances may be the other way round form a run; runs are in order.
    open_order = lower[1:] <= upper[:-1]
    new_run = np.concatenate([[True], ~open_order | (query_of[1:] != query_of[:-1])])
    run = np.cumsum(new_run) - 1
    starts = np.flatnonzero(new_run)
    place = np.arange(len(query_of)) - first[query_of]
    asked = np.flatnonzero((np.bincount(run) > 1)[run] & (place[starts] < k)[run])

    exact = np.empty(len(asked))
    at_once = -(-MEASURED_AT_ONCE // reference.dimensions)
    for start in range(0, len(asked), at_once):
        some = asked[start : start + at_once]
        rows, others = reference.take(row_of[some]), queries.take(asking[query_of[some]])
        exact[start : start + at_once] = measure_exactly(rows, others)
    row_of[asked] = row_of[asked][np.lexsort((row_of[asked], exact, run[asked]))]
    return row_of[first[:, None] + np.arange(k)], upper[first + k - 1]


def _measure_candidates(
    reference: Rows,
    queries: Rows,
    query_of: NDArray[np.integer[Any]],
    place_of: NDArray[np.integer[Any]],
    executor: Executor,
    arrangement: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Compute the squared distance of each pair, a block of rows at a time: float64 [p]."""
    tiles = -(-len(reference) // TILE_ROWS)
    # Few bytes are sorted faster. Within a tile the pairs stay in the order of the queries.
    tile_of = (place_of // TILE_ROWS).astype(np.min_scalar_type(tiles))
    order = np.argsort(tile_of, kind="stable")
    starts = np.searchsorted(tile_of, np.arange(tiles + 1), sorter=order)
    of_block = max(1, ROWS_AT_ONCE // TILE_ROWS)
    matrix, scales = queries.in_place
    squares = np.empty(len(order))

    def measure(tile: int) -> None:
        cuts = starts[tile : tile + of_block + 1]
        pairs = order[cuts[0] : cuts[-1]]
        if not len(pairs):
            return
        places = place_of[pairs] - tile * TILE_ROWS
        present = np.bincount(places) > 0
        rows, row_scales = reference.take_raw(arrangement[tile * TILE_ROWS + np.flatnonzero(present)])
        row_of = (np.cumsum(present) - 1)[places]
        asking, query = np.unique(query_of[pairs], return_inverse=True)
        squares[pairs] = measure_pairs(
            matrix, scales, asking, rows, row_scales.ravel(), query, row_of, cuts - cuts[0], COLUMNS_AT_ONCE
        )

    do_all(measure, range(0, tiles, of_block), executor, "measuring candidates")
    return squares


def sort_key(query_of: NDArray[np.integer[Any]], squares: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Return a key that sorts pairs by query, then by squared distance, which is its lower half.

    A float32 that is not negative has the order of its bits.
    """
    return query_of.astype(np.uint64) << np.uint64(32) | squares.view(np.uint32)
