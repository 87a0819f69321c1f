"""Exact neighbours where no bound spares a row: all distances, by matrix products.

For layers whose rows lie about as far from one another in every direction, as pooled features of a deep
network do. A squared distance is computed in float32 as |x|^2 + |y|^2 - 2xy, with a bound on its rounding;
rows that the bound does not tell from the k-th are put in order by their exact distance.
"""

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from layeraudit.neighbours.ordering import order_candidates
from layeraudit.neighbours.pairs import keep_nearest
from layeraudit.neighbours.rows import READ_AT_ONCE, UNDERFLOW, Rows, do_all, rounding_of_sum

QUERIES_AT_ONCE = 512

MOST_ROWS_AT_ONCE = 4096
"""Rows that are measured together: the products of so many with those queries stay in the cache."""

ROOM, SPARE_ROOM = 4, 64
"""Candidates of a query that are held before the nearest are sought among them: times k, and beside that."""

MOST_HELD = 2**22
"""Candidates that queries with very many equally near rows hold together."""


class DenseIndex:
    """The rows themselves."""

    ARRAYS = ()

    def __init__(self, reference: Rows, arrays: Mapping[str, NDArray[Any]], executor: Executor) -> None:
        self.arrays = arrays
        self._reference = reference
        self._longest = reference.scaled_lengths.max()
        self.memory = 2 * READ_AT_ONCE

    @classmethod
    def build(cls, reference: Rows, executor: Executor) -> Self:
        """Take the rows as they are."""
        return cls(reference, {}, executor)

    def search(self, queries: Rows, k: int, executor: Executor) -> NDArray[np.int64]:
        """Find the k nearest rows of each query: int64 [q, k], nearest first, ties by row number."""
        found = np.empty((len(queries), k), np.int64)
        n, left = len(self._reference), np.arange(len(queries))
        room, at_once = min(ROOM * k + SPARE_ROOM, n), len(queries)
        while len(left):
            full = []
            for start in range(0, len(left), at_once):
                some = left[start : start + at_once]
                is_full = self._search(queries, some, k, room, found, executor)
                full.append(some[is_full])
            left, room = np.concatenate(full), min(8 * room, n)
            at_once = max(1, MOST_HELD // room)
        return found

    def _search(
        self,
        queries: Rows,
        some: NDArray[np.int64],
        k: int,
        room: int,
        found: NDArray[np.int64],
        executor: Executor,
    ) -> NDArray[np.bool_]:
        """Write the neighbours of some queries, and tell which have too many candidates for the room."""
        d = self._reference.dimensions
        lengths = queries.scaled_lengths[some]
        # Sums of d products, the rounding of both lengths, and of what is added and subtracted.
        errors = rounding_of_sum(d + 8) * (lengths + self._longest) ** 2 + 8 * d * UNDERFLOW
        slack = (2.001 * errors).astype(np.float32)
        squares = np.full((len(some), room), np.inf, np.float32)
        rows = np.zeros((len(some), room), np.int32)
        counts, bounds = np.zeros(len(some), np.int64), np.full(len(some), np.inf, np.float32)
        step = max(1, min(MOST_ROWS_AT_ONCE, READ_AT_ONCE // (4 * d)))
        tiles = [slice(i, i + QUERIES_AT_ONCE) for i in range(0, len(some), QUERIES_AT_ONCE)]
        for first_row in range(0, len(self._reference), step):
            block = self._reference.take(slice(first_row, first_row + step))
            of_rows = _square(block)

            def measure(tile: slice, block: Any = block, of_rows: Any = of_rows, at: int = first_row) -> None:
                asked = queries.take(some[tile])
                held = (squares[tile], rows[tile], counts[tile], bounds[tile])
                keep_nearest(asked @ block.T, _square(asked), of_rows, at, slack[tile], k, *held)

            do_all(measure, tiles, executor, "measuring rows")
        is_full = counts < 0
        asking = np.flatnonzero(~is_full)
        nearest = squares[asking]
        kth = np.partition(nearest, k - 1, axis=1)[:, k - 1]
        query_of, place = np.nonzero(nearest <= (kth + slack[asking])[:, None])
        candidates = rows[asking[query_of], place]
        found[some[asking]] = order_candidates(
            self._reference, queries, some[asking], query_of, candidates, k, executor
        )[0]
        return is_full


def _square(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    squares: NDArray[np.float64] = np.einsum("nd,nd->n", rows, rows, dtype=np.float64)
    return squares.astype(np.float32)
