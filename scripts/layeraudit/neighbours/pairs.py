"""Squared distances of pairs of rows, in compiled loops that leave the interpreter to other threads.

numba compiles them when they are first called, which takes seconds, and keeps the result beside this file.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

COLUMNS_AT_ONCE = 256
"""Columns whose squares are added up in float32; the sums of so many are added up in float64."""

MOST_COLUMNS = 512
"""Of rows of so many columns or fewer, `select_pairs` adds up all squares in float32."""

COMPARED_AT_ONCE = 32
"""Pairs of which it is asked together whether any is within its bound; mostly none is."""

SUMS = 64
"""In so many sums a distance is computed, which a vector unit does at once."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _compile(*fast: str) -> Callable[[_Function], _Function]:
    """Compile a function, with the liberties in rounding that are named."""

    def compile_it(function: _Function) -> _Function:
        options: dict[str, Any] = {"nogil": True, "fastmath": set(fast)}
        try:
            compiled: Any = njit(**options, cache=True)(function)
        except RuntimeError:  # where no folder is found that can be written
            compiled = njit(**options)(function)
        return cast(_Function, compiled)

    return compile_it


_AS_VECTOR_UNITS_DO = ("reassoc", "contract", "nsz")
"""Sums in any order; a product and a sum may be rounded once."""


@_compile()
def measure_exactly(rows: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    """Compute the squared distance of each row to the row beside it, or to the only one: float64 [n].

    This is what "the distance" is, to the last bit: the squares of every 64th column are added up in their
    order, and so are the 64 sums. It is the same for the same two rows whatever else is measured, and
    wherever, which it is not where a library chooses the order.
    """
    squares = np.empty(len(rows))
    sums = np.empty(SUMS)
    for i in range(len(rows)):
        row, other = rows[i], others[min(i, len(others) - 1)]
        sums[:] = 0
        for start in range(0, len(row), SUMS):
            a, b = row[start : start + SUMS], other[start : start + SUMS]
            for j in range(len(a)):
                difference = np.float64(a[j]) - np.float64(b[j])
                sums[j] += difference * difference
        squares[i] = sums.sum()
    return squares


@_compile(*_AS_VECTOR_UNITS_DO)
def _measure(query: Any, row: Any) -> Any:
    square = np.float32(0)
    for i in range(len(query)):
        difference = row[i] - query[i]
        square += difference * difference
    return square


@_compile(*_AS_VECTOR_UNITS_DO)
def _measure_four(query: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    of_a = of_b = of_c = of_d = np.float32(0)
    for i in range(len(query)):
        value = query[i]
        difference = a[i] - value
        of_a += difference * difference
        difference = b[i] - value
        of_b += difference * difference
        difference = c[i] - value
        of_c += difference * difference
        difference = d[i] - value
        of_d += difference * difference
    return of_a, of_b, of_c, of_d


@_compile(*_AS_VECTOR_UNITS_DO)
def _copy_scaled(rows: Any, scales: Any, wanted: Any, start: int, stop: int, copy: Any) -> None:
    for i in range(len(wanted)):
        row, scale, target = rows[wanted[i], start:stop], scales[wanted[i]], copy[i, : stop - start]
        for j in range(len(row)):
            target[j] = row[j] * scale


@_compile(*_AS_VECTOR_UNITS_DO)
def measure_pairs(
    queries: NDArray[np.float32],
    scales: NDArray[np.float32],
    asking: NDArray[np.int64],
    rows: NDArray[np.float32],
    row_scales: NDArray[np.float32],
    query_of: NDArray[np.int64],
    row_of: NDArray[np.int64],
    cuts: NDArray[np.int64],
    columns: int,
) -> NDArray[np.float64]:
    """Compute the squared distance of each pair.

    Parameters
    ----------
    queries, rows : float32 [any number, d]
    scales, row_scales : float32, by which each is multiplied
    asking : int64 [q], the queries that the pairs are of
    query_of : int64 [p], of each pair the query, as an index into `asking`; it is faster where pairs of a
        query are next to each other
    row_of : int64 [p]
    cuts : int64 [tiles + 1], where among the pairs each tile begins and ends, whose rows stay in the cache
        while its pairs are computed
    columns : that are taken at a time, up to `COLUMNS_AT_ONCE`

    Returns
    -------
    float64 [p], wrong by `rounding_of_sum(columns + 2)` at most, relative to themselves
    """
    squares = np.zeros(len(query_of))
    all_rows = np.arange(len(rows))
    some_queries = np.empty((len(asking), columns), np.float32)
    some_rows = np.empty((len(rows), columns), np.float32)
    for start in range(0, queries.shape[1], columns):
        stop = min(start + columns, queries.shape[1])
        _copy_scaled(queries, scales, asking, start, stop, some_queries)
        _copy_scaled(rows, row_scales, all_rows, start, stop, some_rows)
        width = stop - start
        for tile in range(len(cuts) - 1):
            p = cuts[tile]
            while p < cuts[tile + 1]:
                q = query_of[p]
                query = some_queries[q, :width]
                if p + 4 <= cuts[tile + 1] and q == query_of[p + 1] == query_of[p + 2] == query_of[p + 3]:
                    of_four = _measure_four(
                        query,
                        some_rows[row_of[p], :width],
                        some_rows[row_of[p + 1], :width],
                        some_rows[row_of[p + 2], :width],
                        some_rows[row_of[p + 3], :width],
                    )
                    for i in range(4):
                        squares[p + i] += of_four[i]
                    p += 4
                else:
                    squares[p] += _measure(query, some_rows[row_of[p], :width])
                    p += 1
    return squares


@_compile(*_AS_VECTOR_UNITS_DO)
def select_pairs(
    excess: NDArray[np.float32],
    queries: NDArray[np.float32],
    query_of: NDArray[np.int64],
    rows: NDArray[np.float32],
    first_row: int,
    bounds: NDArray[np.float64],
    found_query: NDArray[np.int32],
    found_row: NDArray[np.int32],
    found_square: NDArray[np.float32],
    count: int,
) -> int:
    """Add to what was found the pairs that are within their bounds.

    Parameters
    ----------
    excess : float32 [q, n]; pairs where it is positive are beyond their bounds for certain
    queries, rows : float32 [any number, d], d up to `MOST_COLUMNS`
    query_of : int64 [q], of each row of `excess` the query
    first_row : of the first column of `excess` the row; the others follow
    bounds : float64, of each query, on its squared distances
    found_query, found_row, found_square : what was found, in the first `count` places; the squared distances
        are wrong by `rounding_of_sum(d + 2)` at most, relative to themselves

    Returns
    -------
    how many were found by now; -1 where there is no room for all
    """
    hits = np.empty(excess.shape[1] + 3, np.int64)
    squares = np.empty(4, np.float32)
    for i in range(excess.shape[0]):
        number = 0
        for start in range(0, excess.shape[1], COMPARED_AT_ONCE):
            some = excess[i, start : start + COMPARED_AT_ONCE]
            any_within = False
            for j in range(len(some)):
                any_within |= not some[j] > 0  # so that what overflowed, if ever, is kept
            if any_within:
                for j in range(len(some)):
                    if not some[j] > 0:
                        hits[number] = first_row + start + j
                        number += 1
        if not number:
            continue
        hits[number : number + 3] = hits[number - 1]
        query, bound = queries[query_of[i]], bounds[query_of[i]]
        for j in range(0, number, 4):
            squares[0], squares[1], squares[2], squares[3] = _measure_four(
                query, rows[hits[j]], rows[hits[j + 1]], rows[hits[j + 2]], rows[hits[j + 3]]
            )
            for m in range(min(4, number - j)):
                if squares[m] <= bound:
                    if count == len(found_query):
                        return -1
                    found_query[count] = query_of[i]
                    found_row[count] = hits[j + m]
                    found_square[count] = squares[m]
                    count += 1
    return count


@_compile(*_AS_VECTOR_UNITS_DO)
def keep_nearest(
    products: NDArray[np.float32],
    query_squares: NDArray[np.float32],
    row_squares: NDArray[np.float32],
    first_row: int,
    slack: NDArray[np.float32],
    k: int,
    kept_square: NDArray[np.float32],
    kept_row: NDArray[np.int32],
    counts: NDArray[np.int64],
    bounds: NDArray[np.float32],
) -> None:
    """Add to what each query holds the rows that may be among its k nearest.

    Where there is no room for one more, those are dropped that lie beyond the k-th nearest and the slack.

    Parameters
    ----------
    products : float32 [q, n], of each query with each row
    query_squares, row_squares : float32 [q], [n], squared lengths
    first_row : of the first column of `products` the row; the others follow
    slack : float32 [q], twice the error of a squared distance
    kept_square, kept_row : float32 and int32 [q, room], what each query holds in its first `counts` places
    counts : int64 [q]; -1 where there is no room for all rows that the slack does not tell apart
    bounds : float32 [q], squared distances beyond which no row is held
    """
    room = kept_square.shape[1]
    for i in range(products.shape[0]):
        count, bound, own = counts[i], bounds[i], query_squares[i]
        if count < 0:
            continue
        for start in range(0, products.shape[1], COMPARED_AT_ONCE):
            some, lengths = (
                products[i, start : start + COMPARED_AT_ONCE],
                row_squares[start : start + COMPARED_AT_ONCE],
            )
            any_within = False
            for j in range(len(some)):
                any_within |= not own + lengths[j] - np.float32(2) * some[j] > bound
            if not any_within:
                continue
            for j in range(len(some)):
                square = own + lengths[j] - np.float32(2) * some[j]
                if count == room and not square > bound:
                    bound = np.partition(kept_square[i], k - 1)[k - 1] + slack[i]
                    count = 0
                    for m in range(room):
                        if not kept_square[i, m] > bound:
                            kept_square[i, count] = kept_square[i, m]
                            kept_row[i, count] = kept_row[i, m]
                            count += 1
                if square > bound:
                    continue
                if count == room:
                    count = -1
                    break
                kept_square[i, count] = square
                kept_row[i, count] = first_row + start + j
                count += 1
            if count < 0:
                break
        # Places that were given up hold no row.
        for m in range(max(count, 0), room):
            kept_square[i, m] = np.inf
        counts[i], bounds[i] = count, bound
