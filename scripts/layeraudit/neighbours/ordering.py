"""The order of candidates by their exact distance.

Distances are first computed in float32, with a bound on their rounding, and in float64 only where that
leaves the order open.
"""

from concurrent.futures import Executor

import faiss
import numpy as np
from numpy.typing import NDArray

from layeraudit.neighbours.rows import UNDERFLOW, UNIT_ROUNDOFF, Rows, measure_exactly, rounding_of_sum

ROWS_AT_ONCE = 256
COLUMNS_AT_ONCE = 512
"""A block of so many rows and columns stays in a core's cache while all its pairs are computed."""

MEASURED_AT_ONCE = 2**18
"""Elements of rows that are measured together in float64, likewise."""


def order_candidates(
    reference: Rows,
    queries: Rows,
    asking: NDArray[np.int64],
    query_of: NDArray[np.int64],
    place_of: NDArray[np.int64],
    k: int,
    executor: Executor,
    arrangement: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the k nearest candidates of each query.

    Parameters
    ----------
    asking : int64 [q], rows of the queries
    query_of : int64 [p], of each pair, the query as an index into `asking`, which has k pairs at least
    place_of : int64 [p], of each pair, the candidate's place in the arrangement
    arrangement : int64 [n], the rows of the reference, those that are alike near each other, which is faster;
        their own order where none is given

    Returns
    -------
    int64 [q, k] : rows, nearest first, ties by row number
    float64 [q] : upper bound on the squared distance of the k-th
    """
    if arrangement is None:
        arrangement = np.arange(len(reference))
    squares = _squared_distances(reference, queries, asking, query_of, place_of, executor, arrangement)
    row_of = arrangement[place_of]
    relative = rounding_of_sum(COLUMNS_AT_ONCE + 4) + 2 * UNIT_ROUNDOFF
    absolute = reference.dimensions * UNDERFLOW

    order = np.argsort(sort_key(query_of, squares.astype(np.float32)))
    query_of, row_of, squares = query_of[order], row_of[order], squares[order]
    first = np.searchsorted(query_of, np.arange(len(asking)))
    furthest = squares[first + k - 1] * (1 + relative) + absolute

    # Neighbours in this order whose distances may be the other way round form a run; runs are in order.
    open_order = squares[1:] * (1 - relative) - absolute <= squares[:-1] * (1 + relative) + absolute
    new_run = np.concatenate([[True], ~open_order | (query_of[1:] != query_of[:-1])])
    run = np.cumsum(new_run) - 1
    starts = np.flatnonzero(new_run)
    place = np.arange(len(query_of)) - first[query_of]
    asked = np.flatnonzero((np.bincount(run) > 1)[run] & (place[starts] < k)[run])

    exact = np.empty(len(asked))

    def measure(start: int) -> None:
        some = asked[start : start + at_once]
        rows, others = reference.take(row_of[some]), queries.take(asking[query_of[some]])
        exact[start : start + at_once] = measure_exactly(rows, others)

    at_once = -(-MEASURED_AT_ONCE // reference.dimensions)
    list(executor.map(measure, range(0, len(asked), at_once)))
    row_of[asked] = row_of[asked][np.lexsort((row_of[asked], exact, run[asked]))]
    return row_of[first[:, None] + np.arange(k)], furthest


def _squared_distances(
    reference: Rows,
    queries: Rows,
    asking: NDArray[np.int64],
    query_of: NDArray[np.int64],
    place_of: NDArray[np.int64],
    executor: Executor,
    arrangement: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Compute the squared distance of each pair, a block of rows and a stretch of columns at a time."""
    stretches = [
        slice(i, min(i + COLUMNS_AT_ONCE, reference.dimensions))
        for i in range(0, reference.dimensions, COLUMNS_AT_ONCE)
    ]
    columns = [np.empty((len(asking), part.stop - part.start), np.float32) for part in stretches]

    def lay_out(block: slice) -> None:
        taken, factors = queries.take_raw(asking[block])
        for part, target in zip(stretches, columns, strict=True):
            np.multiply(taken[:, part], factors, out=target[block])

    list(executor.map(lay_out, queries.blocks(len(asking))))

    # Within a block by query, whose columns are then read once for all its pairs.
    order = np.lexsort((query_of, place_of // ROWS_AT_ONCE))
    query_of, place_of = query_of[order], place_of[order]
    cuts = np.flatnonzero(np.diff(place_of // ROWS_AT_ONCE, prepend=-1, append=-1))
    squares = np.empty(len(order))

    def measure(start: int, stop: int) -> None:
        places, local = np.unique(place_of[start:stop], return_inverse=True)
        taken, factors = reference.take_raw(arrangement[places])
        local, asking = local.astype(np.int64), query_of[start:stop]
        sums = np.zeros(stop - start)
        scaled = np.empty(len(taken) * COLUMNS_AT_ONCE, np.float32)
        for part, of_queries in zip(stretches, columns, strict=True):
            width = part.stop - part.start
            rows = scaled[: len(taken) * width].reshape(len(taken), width)
            np.multiply(taken[:, part], factors, out=rows)
            sums += measure_pairs(of_queries, asking, rows, local)
        squares[order[start:stop]] = sums

    list(executor.map(measure, cuts[:-1], cuts[1:]))
    return squares


def sort_key(query_of: NDArray[np.int64], squares: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Give a key that sorts pairs by query, then by squared distance, which is its lower half.

    A float32 that is not negative has the order of its bits.
    """
    return query_of.astype(np.uint64) << np.uint64(32) | squares.view(np.uint32)


def measure_pairs(
    queries: NDArray[np.float32],
    query_of: NDArray[np.int64],
    rows: NDArray[np.float32],
    row_of: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Compute the squared distance of each pair: float32 [p], wrong by `rounding_of_sum(d + 2)` at most."""
    squares = np.empty(len(query_of), np.float32)
    pointers = [faiss.swig_ptr(array) for array in (queries, query_of, rows, row_of, squares)]
    faiss.pairwise_indexed_L2sqr(rows.shape[1], len(squares), *pointers)  # type: ignore[attr-defined]
    return squares
