"""The k nearest of many rows, to each of many others.

`build` makes an index of reference rows, `load` reads one that was saved, and `search` finds for each query
the k nearest reference rows, nearest first, those at the same distance by row number. Distances are those of
the float32 rows that `rows` describes, computed in float64. An index does not hold the rows themselves: it is
loaded beside them.

There is an engine a module, and of the exact one two: `dense` takes the place of `exact` in layers where that
would look at nearly all rows. Each has a class with

    build(reference, executor) : makes it, of `Rows`
    __init__(reference, arrays, executor) : makes it again, of the same rows and its `arrays`
    arrays : what is saved, by the names in ARRAYS
    memory : bytes that it takes while it searches, beside the queries
    search(queries, k, executor) : int64 [q, k], as above, but that `hnsw` misses some
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from layeraudit.errors import InputError
from layeraudit.files import read_arrays, write_arrays
from layeraudit.neighbours.dense import DenseIndex
from layeraudit.neighbours.exact import MOST_PAIRS, ExactIndex
from layeraudit.neighbours.flat import FlatIndex
from layeraudit.neighbours.hnsw import HNSWIndex
from layeraudit.neighbours.memory import MEMORY_MB, queries_at_once
from layeraudit.neighbours.ordering import order_candidates
from layeraudit.neighbours.rows import Metric, Rows, worker_threads

Engine = Literal["exact", "flat", "hnsw"]

AnyIndex = ExactIndex | DenseIndex | FlatIndex | HNSWIndex

ENGINES: Mapping[str, type[AnyIndex]] = {
    "exact": ExactIndex,
    "dense": DenseIndex,
    "flat": FlatIndex,
    "hnsw": HNSWIndex,
}

FEWEST_DENSE = 4096
"""Rows below which the exact engine is quick however many it looks at."""

__all__ = ["ENGINES", "MEMORY_MB", "Engine", "Index", "Metric", "build", "load", "merge", "rows_of_shard"]


class Index:
    """An engine beside the rows that it was made of."""

    def __init__(self, name: str, reference: Rows, engine: AnyIndex) -> None:
        self.name = name
        self._reference = reference
        self._engine = engine
        self.recall: tuple[float, int] | None = None
        """Of an approximate engine's last search: the measured recall, and on how many queries."""

    def search(
        self,
        queries: NDArray[np.float32],
        k: int,
        *,
        exclude_self: bool = False,
        memory_mb: int = MEMORY_MB,
        threads: int = 1,
    ) -> NDArray[np.int64]:
        """Find the k nearest reference rows of each query.

        Parameters
        ----------
        queries : float32 [q, d], finite; may be mapped from a file
        k : from 1 to the number of reference rows
        exclude_self : query i is reference row i, and is no neighbour of its own
        memory_mb : mebibytes that the process is to take, beside the result; the fewer, the fewer queries
            are searched together
        threads : cores to compute on

        Returns
        -------
        int64 [q, k], nearest first, ties by row number

        Raises
        ------
        InputError
            Where k, the shape, a value or the memory is not allowed.
        """
        n, d = self._reference.matrix.shape
        if not 1 <= k <= n - exclude_self:
            raise InputError(
                f"k is {k}, allowed are 1 to {n - exclude_self}, the rows that can be neighbours"
            )
        _check_columns(queries, d)
        if exclude_self and len(queries) != n:
            raise InputError(f"{len(queries)} queries are not the {n} reference rows that they should be")
        if not len(queries):
            return np.empty((0, k), np.int64)
        at_once = queries_at_once(memory_mb, self._engine.memory, d, threads)
        found = np.empty((len(queries), k + exclude_self), np.int64)
        with worker_threads(threads) as executor:
            for some, block in _blocks(queries, self._reference.metric, at_once, executor):
                found[some] = self._engine.search(block, k + exclude_self, executor)
            if isinstance(self._engine, HNSWIndex):
                everything = Rows(queries, self._reference.metric, executor)
                self.recall = self._engine.recall(everything, found, exclude_self, executor)
        return _drop_own_rows(found) if exclude_self else found

    def search_shard(
        self,
        queries: NDArray[np.float32],
        k: int,
        *,
        first_row: int,
        exclude_self: bool = False,
        memory_mb: int = MEMORY_MB,
        threads: int = 1,
    ) -> NDArray[np.int64]:
        """Find what `merge` needs of this index, that of a shard of the reference.

        Parameters
        ----------
        first_row : row of the whole reference at which the shard begins

        Returns
        -------
        int64 [q, k], rows of the whole reference: the k nearest of the shard, k + 1 where a row is not to be
        its own neighbour, or all that the shard has
        """
        k = min(k + exclude_self, len(self._reference))
        return first_row + self.search(queries, k, memory_mb=memory_mb, threads=threads)

    def describe(self) -> dict[str, str | float | None]:
        """Describe the last search: the engine, and the recall where it was measured, and on how many."""
        recall, queries = self.recall or (None, None)
        return {"engine": self.name, "recall": recall, "recall_queries": queries}

    def save(self, path: Path) -> None:
        """Write the index, without the rows, to an `.npz`."""
        write_arrays(
            path,
            engine=np.array(self.name),
            metric=np.array(self._reference.metric),
            checksum=np.array(self._reference.checksum),
            shape=np.array(self._reference.matrix.shape),
            lengths=self._reference.lengths,
            **self._engine.arrays,
        )


def build(
    reference: NDArray[np.float32],
    metric: Metric,
    *,
    engine: Engine = "exact",
    threads: int = 1,
    first_row: int = 0,
) -> Index:
    """Index the reference rows.

    Parameters
    ----------
    reference : float32 [n, d], finite, one row or more; may be mapped from a file
    first_row : the number of its first row, where it is a shard, for what is said of a row

    Raises
    ------
    InputError
        Where the shape, the type or a value is not allowed; a value, with its row.
    """
    with worker_threads(threads) as executor:
        rows = Rows(reference, metric, executor, first_row=first_row)
        made = ENGINES[engine].build(rows, executor)
        if isinstance(made, ExactIndex) and len(rows) >= FEWEST_DENSE and not made.spares_work(executor):
            return Index("dense", rows, DenseIndex.build(rows, executor))
        return Index(engine, rows, made)


def load(path: Path, reference: NDArray[np.float32], *, threads: int = 1) -> Index:
    """Read an index that `save` wrote, of these rows.

    Raises
    ------
    InputError
        Where the file is missing or damaged, or is an index of other rows.
    """
    named: list[Any] = read_arrays(path, "engine", "metric", "checksum", "shape", "lengths")
    engine, metric = str(named[0]), str(named[1])
    checksum, (shape, lengths) = str(named[2]), named[3:]
    if engine not in ENGINES or metric not in get_args(Metric):
        raise InputError(f"{path} is no index: its engine is {engine!r} and its metric {metric!r}")
    if tuple(shape) != reference.shape:
        raise InputError(
            f"{path} is the index of {shape.tolist()} rows and columns, not {list(reference.shape)}"
        )
    arrays = read_arrays(path, *ENGINES[engine].ARRAYS)
    with worker_threads(threads) as executor:
        rows = Rows(reference, cast(Metric, metric), executor, lengths=lengths)
        if rows.checksum != checksum:
            raise InputError(f"{path} is the index of other rows than these")
        made = ENGINES[engine](rows, dict(zip(ENGINES[engine].ARRAYS, arrays, strict=True)), executor)
    return Index(engine, rows, made)


def merge(
    reference: NDArray[np.float32],
    queries: NDArray[np.float32],
    found: Sequence[NDArray[np.int64]],
    k: int,
    metric: Metric,
    *,
    exclude_self: bool = False,
    memory_mb: int = MEMORY_MB,
    threads: int = 1,
) -> NDArray[np.int64]:
    """Find the k nearest rows among those found in parts of the reference.

    Parameters
    ----------
    reference : float32 [n, d], all of it
    queries : float32 [q, d]
    found : int64 [q, any number] for each part, rows of the reference: the k nearest of the part, k + 1 where
        a row is not to be its own neighbour, or all that the part has

    Returns
    -------
    int64 [q, k], nearest first, ties by row number: what a search in all of the reference gives
    """
    _check_columns(queries, reference.shape[1])
    k += exclude_self
    of_query = sum(of_part.shape[1] for of_part in found)
    if of_query < k:
        raise InputError(f"k is {k}, allowed are 1 to {of_query}, the rows that were found")
    nearest = np.empty((len(queries), k), np.int64)
    most = max(1, MOST_PAIRS // of_query)
    index_bytes = 8 * len(reference) + 2 * np.dtype(np.int64).itemsize * of_query * min(most, len(queries))
    at_once = min(queries_at_once(memory_mb, index_bytes, reference.shape[1], threads), most)
    with worker_threads(threads) as executor:
        rows = Rows(reference, metric, executor)
        for some, block in _blocks(queries, metric, at_once, executor):
            candidates = np.concatenate([of_part[some] for of_part in found], axis=1)
            if candidates.size and not 0 <= candidates.min() <= candidates.max() < len(reference):
                raise InputError(
                    f"the rows that were found are {candidates.min()} to {candidates.max()}, "
                    f"allowed are 0 to {len(reference) - 1}"
                )
            asking = np.arange(len(block))
            nearest[some] = order_candidates(
                rows,
                block,
                asking,
                np.repeat(asking, of_query),
                candidates.ravel(),
                k,
                executor,
            )[0]
    return _drop_own_rows(nearest) if exclude_self else nearest


def rows_of_shard(rows: int, shard: str) -> slice:
    """Return the rows of a shard named as 2-of-3: stretches as even as can be, the longer ones first.

    Raises
    ------
    InputError
        Where there is no such shard, or it would be empty.
    """
    named = re.fullmatch(r"(\d+)-of-(\d+)", shard)
    number, shards = map(int, named.groups()) if named else (0, 0)
    if not 1 <= number <= shards <= rows:
        raise InputError(f"the shard is {shard!r}, allowed are 1-of-1 to {rows}-of-{rows} for {rows} rows")
    size, longer = divmod(rows, shards)
    start = (number - 1) * size + min(number - 1, longer)
    return slice(start, start + size + (number <= longer))


def _check_columns(queries: NDArray[np.float32], columns: int) -> None:
    if queries.ndim != 2 or queries.shape[1] != columns:
        raise InputError(f"the queries are {list(queries.shape)}, allowed are [any number, {columns}]")


def _blocks(
    queries: NDArray[np.float32], metric: Metric, at_once: int, executor: Executor
) -> Iterator[tuple[slice, Rows]]:
    """Cut queries into blocks, and show how many are done."""
    for start in tqdm(range(0, len(queries), at_once), desc="blocks of queries", disable=None):
        some = slice(start, start + at_once)
        block = Rows(queries[some], metric, executor, first_row=start)
        yield some, block
        block.release()


def _drop_own_rows(found: NDArray[np.int64]) -> NDArray[np.int64]:
    """Drop from the k + 1 nearest rows of each row itself; or the last, where k + 1 others are as near."""
    own = found == np.arange(len(found))[:, None]
    own[~own.any(axis=1), -1] = True
    others: NDArray[np.int64] = found[~own].reshape(len(found), -1)
    return others
