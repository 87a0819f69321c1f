"""Approximate neighbours for millions of rows, by faiss's hierarchical navigable small-world graph.

It finds most of the neighbours; `recall` says what share.
"""

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any, Self

import faiss
import numpy as np
from numpy.typing import NDArray

from layeraudit.errors import InputError
from layeraudit.neighbours.flat import FlatIndex
from layeraudit.neighbours.ordering import order_candidates
from layeraudit.neighbours.rows import Rows

LINKS = 32
"""Links of a row to others in the graph."""

QUERIES_AT_ONCE = 256

MEASURED_QUERIES = 100
"""Queries whose neighbours are also sought by brute force."""


class HNSWIndex:
    """All rows in a graph that is walked towards a query.

    Its array `graph` uint8 [bytes] is faiss's own form of the index, rows included.
    """

    ARRAYS = ("graph",)

    def __init__(self, reference: Rows, arrays: Mapping[str, NDArray[Any]], executor: Executor) -> None:
        self.arrays = arrays
        self._reference = reference
        self.memory = 3 * arrays["graph"].nbytes
        self._index: Any = faiss.deserialize_index(arrays["graph"])

    @classmethod
    def build(cls, reference: Rows, executor: Executor) -> Self:
        """Link each row to those near it."""
        index = faiss.IndexHNSWFlat(reference.dimensions, LINKS)
        for block in reference.blocks():
            index.add(reference.take(block))
        return cls(reference, {"graph": faiss.serialize_index(index)}, executor)

    def search(self, queries: Rows, k: int, executor: Executor) -> NDArray[np.int64]:
        """Find most of the k nearest rows of each query: int64 [q, k], nearest first, ties by row number.

        Raises
        ------
        InputError
            Where the graph leads to fewer than k rows, as it may where many are equal.
        """
        self._index.hnsw.efSearch = max(2 * k, 64)
        found = np.empty((len(queries), k), np.int64)
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            asking = np.arange(start, min(start + QUERIES_AT_ONCE, len(queries)))
            candidates = self._index.search(queries.take(asking), k)[1]
            if (candidates < 0).any():
                raise InputError(
                    f"the graph leads to {(candidates >= 0).sum(axis=1).min()} of the {k} neighbours asked "
                    "for; take the engine exact"
                )
            query_of = np.repeat(np.arange(len(asking)), k)
            found[asking] = order_candidates(
                self._reference, queries, asking, query_of, candidates.ravel(), k, executor
            )[0]
        return found

    def recall(
        self, queries: Rows, found: NDArray[np.int64], exclude_self: bool, executor: Executor
    ) -> tuple[float, int]:
        """Measure what share of the true neighbours of some queries was found, and give their number.

        A query that is a row of the reference itself is not counted as one of them where `exclude_self`.
        """
        generator = np.random.default_rng(0)
        some = np.sort(generator.permutation(len(queries))[:MEASURED_QUERIES])
        sample = Rows(queries.matrix[some], queries.metric, executor)
        true = FlatIndex.build(self._reference, executor).search(sample, found.shape[1], executor)
        counted = true != some[:, None] if exclude_self else np.full(true.shape, True)
        hits = [np.isin(a, b) for a, b in zip(true, found[some], strict=True)]
        return float(np.mean(np.array(hits)[counted])), len(some)
