"""Exact neighbours by brute force, with faiss: all rows in memory, all distances computed.

It is the oracle of the other engines, and shares with them the rows and what their distance is, but no bound
except that on a sum's rounding.
"""

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any, Self

import faiss
import numpy as np
from numpy.typing import NDArray

from layeraudit.neighbours.pairs import measure_exactly
from layeraudit.neighbours.rows import UNDERFLOW, Rows, rounding_of_sum

QUERIES_AT_ONCE = 256

SPARE_CANDIDATES = 32
"""Candidates that faiss is asked for beyond k, so that one search is mostly enough."""


class FlatIndex:
    """All reference rows in a flat faiss index, whose float32 answers are then made exact."""

    ARRAYS = ()

    def __init__(self, reference: Rows, arrays: Mapping[str, NDArray[Any]], executor: Executor) -> None:
        self.arrays = arrays
        self._index = faiss.IndexFlatL2(reference.dimensions)
        for block in reference.blocks():
            self._index.add(reference.take(block))
        self._rows = faiss.rev_swig_ptr(self._index.get_xb(), len(reference) * reference.dimensions)
        self._rows = self._rows.reshape(len(reference), reference.dimensions)
        self.memory = self._rows.nbytes
        self._longest = reference.scaled_lengths.max()

    @classmethod
    def build(cls, reference: Rows, executor: Executor) -> Self:
        """Copy the rows."""
        return cls(reference, {}, executor)

    def search(self, queries: Rows, k: int, executor: Executor) -> NDArray[np.int64]:
        """Find the k nearest rows of each query: int64 [q, k], nearest first, ties by row number."""
        cuts = range(0, len(queries), QUERIES_AT_ONCE)
        blocks = [slice(i, min(i + QUERIES_AT_ONCE, len(queries))) for i in cuts]
        return np.concatenate(
            list(executor.map(lambda block: self._search_block(queries.take(block), k), blocks))
        )

    def _search_block(self, queries: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """Widen the candidates of each query until none outside them can be nearer than the k-th.

        faiss computes a squared distance in float32, for few rows as the sum of squared differences, for
        many as |x|^2 + |y|^2 - 2xy. Sums of d products, in whatever order, make either wrong by no more than
        gamma (|x| + |y|)^2.
        """
        n, d = self._rows.shape
        found = np.empty((len(queries), k), dtype=np.int64)
        lengths = np.sqrt(np.square(queries, dtype=np.float64).sum(axis=1))
        errors = rounding_of_sum(d + 4) * (lengths + self._longest) ** 2 + 4 * d * UNDERFLOW
        open_queries = np.arange(len(queries))
        width = min(k + SPARE_CANDIDATES, n)
        while len(open_queries):
            distances, candidates = self._index.search(queries[open_queries], width)
            still_open = []
            for query, furthest, rows in zip(open_queries, distances[:, -1], candidates, strict=True):
                exact = measure_exactly(self._rows[rows], queries[query][None])
                order = np.lexsort((rows, exact))[:k]
                found[query] = rows[order]
                if width < n and exact[order[-1]] >= furthest - errors[query]:
                    still_open.append(query)
            open_queries = np.array(still_open, dtype=np.int64)
            width = min(2 * width, n)
        return found
