"""Measure how long an engine takes to find the nearest rows, by the cosine metric, and what it finds.

Writes a row with what was searched, and

    build_seconds   from a file of rows to an index that can answer
    search_seconds  from a file of queries to their neighbours
    peak_mb         the most memory (MB = 2**20 bytes) that the process held, Python and libraries included
    recall          mean share of the true neighbours that were found
    same_order      share of the queries whose whole list is the true one, in its order

The engine first runs on a few rows, so that libraries are loaded and compiled when the clock starts. The
files were read once by then, to check them against their records, so that no disk is measured. The row stands
there without figures until it has them, so a process that is stopped leaves it so.
"""

import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from layeraudit.cli import Input, Output, run
from layeraudit.files import MatrixWriter, open_matrix, write_rows

COLUMNS = (
    *("engine", "dataset", "layer", "rows", "dimensions", "queries", "k"),
    *("build_seconds", "search_seconds", "peak_mb", "recall", "same_order", "run"),
)
READ_AT_ONCE = 2**23
"""Bytes of rows that are read and scaled together."""

QUERIES_AT_ONCE = 4096
"""As many as faiss itself searches together."""

MIXED_AT_ONCE = 10_000


class Task(NamedTuple):
    """What is to be searched: both matrices float32 [n, d], mapped from files."""

    references: NDArray[np.float32]
    queries: NDArray[np.float32]
    k: int
    threads: int


Search = Callable[[], NDArray[np.int64]]
"""Returns the neighbours of each query, int64 [q, k]."""


def cut(n: int, step: int) -> Iterator[slice]:
    """Cut n rows into blocks."""
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def read_scaled(matrix: Any, rows: slice | None = None) -> NDArray[np.float32]:
    """Read rows, scaled to length 1 as `layeraudit.neighbours.rows` describes it; zeros stay.

    No page of the file is mapped, which would count as memory.
    """
    rows, columns = rows or slice(0, len(matrix)), matrix.shape[1]
    scaled = np.empty((rows.stop - rows.start, columns), np.float32)
    for block in cut(len(scaled), max(1, READ_AT_ONCE // (4 * columns))):
        some = scaled[block]
        offset = matrix.offset + 4 * columns * (rows.start + block.start)
        some[:] = np.fromfile(matrix.filename, np.float32, some.size, offset=offset).reshape(some.shape)
        squares = np.square(some, dtype=np.float64).sum(axis=1, keepdims=True)
        some *= (1 / np.sqrt(np.where(squares == 0, 1, squares))).astype(np.float32)
    return scaled


def build_exact(task: Task) -> Search:
    """Build the library's exact engine, which scales the rows itself."""
    from layeraudit.neighbours import build

    index = build(task.references, "cosine", engine="exact", threads=task.threads)
    return lambda: index.search(task.queries, task.k, threads=task.threads)


def build_faiss(task: Task, kind: str) -> Search:
    """Build faiss's brute force, one that leaves off far rows at one of 8 levels, or a graph of 32 links."""
    import faiss

    faiss.omp_set_num_threads(task.threads)
    n, columns = task.references.shape
    index: Any
    if kind == "graph":
        index = faiss.IndexHNSWFlat(columns, 32)
        index.hnsw.efSearch = max(2 * task.k, 64)
    elif kind == "levels":
        index = faiss.IndexFlatL2Panorama(columns, min(8, columns))
    else:
        index = faiss.IndexFlatL2(columns)
    storage: Any = faiss.downcast_index(index.storage) if kind == "graph" else index
    step = max(1024, READ_AT_ONCE // (4 * columns))
    storage.codes.resize(4 * columns * (n + step))  # without room, rows move as the index grows
    storage.codes.resize(0)
    for rows in cut(n, step):
        index.add(read_scaled(task.references, rows))
    blocks = list(cut(len(task.queries), QUERIES_AT_ONCE))
    return lambda: np.concatenate(
        [index.search(read_scaled(task.queries, rows), task.k)[1] for rows in blocks]
    )


def build_scikit_learn(task: Task) -> Search:
    """Build scikit-learn's brute force."""
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=task.k, algorithm="brute", n_jobs=task.threads)
    index.fit(read_scaled(task.references))
    return lambda: index.kneighbors(read_scaled(task.queries), return_distance=False)


def build_pynndescent(task: Task) -> Search:
    """Build PyNNDescent's graph, with its own number of neighbours (30)."""
    from pynndescent import NNDescent

    index = NNDescent(read_scaled(task.references), n_jobs=task.threads, random_state=0)
    index.prepare()
    return lambda: np.asarray(index.query(read_scaled(task.queries), k=task.k)[0], np.int64)


ENGINES: dict[str, Callable[[Task], Search]] = {
    "exact": build_exact,
    "faiss_flat": partial(build_faiss, kind="all"),
    "faiss_panorama": partial(build_faiss, kind="levels"),
    "faiss_hnsw": partial(build_faiss, kind="graph"),
    "scikit_learn": build_scikit_learn,
    "pynndescent": build_pynndescent,
}


def write_mixed_rows(source: Path, output: Path, rows: int) -> None:
    """Write made-up rows: w a + (1 - w) b, with a and b drawn from real ones, w uniform in [0, 1)."""
    generator = np.random.default_rng(0)
    real = open_matrix(source, np.float32)
    with MatrixWriter(output, np.float32, rows=rows) as matrix:
        for block in cut(rows, MIXED_AT_ONCE):
            one, other = generator.integers(len(real), size=(2, block.stop - block.start))
            weight = generator.random((len(one), 1), np.float32)
            matrix.append(weight * real[one] + (1 - weight) * real[other])


def compare(found: NDArray[np.int64], true: NDArray[np.int64]) -> dict[str, float]:
    """Return the recall, and the share of the queries whose lists are the same."""
    recall = np.mean([np.isin(a, b).mean() for a, b in zip(true, found, strict=True)])
    same_order = (found == true).all(axis=1).mean()
    return {"recall": round(float(recall), 6), "same_order": round(float(same_order), 6)}


def measure_search(
    *,
    train: Input,
    test: Input,
    neighbours: Input | None = None,
    output: Output,
    dataset: str,
    layer: str,
    engine: str,
    rows: int,
    queries: int,
    k: int,
    turn: int,
    mixed: bool,
    threads: int = 1,
) -> None:
    """Write the row of a measurement.

    train : activations of the rows among which neighbours are sought
    test : activations of the queries
    neighbours : the true ones
    mixed : seek among rows that are made up of real ones
    """
    references = train / f"{layer}.npy"
    if mixed:
        real, references = references, output.with_suffix(".npy")
        with ProcessPoolExecutor(1) as process:  # its memory does not count
            process.submit(write_mixed_rows, real, references, rows).result()
    task = Task(
        open_matrix(references, np.float32)[:rows],
        open_matrix(test / f"{layer}.npy", np.float32)[:queries],
        k,
        threads,
    )
    row: dict[str, object] = {"engine": engine, "layer": layer, "queries": queries, "k": k, "run": turn}
    row["dataset"] = f"{dataset}_mixed" if mixed else dataset
    row["rows"], row["dimensions"] = task.references.shape
    write_rows(output, COLUMNS, [row])

    few = task._replace(references=task.references[: max(1000, 2 * k)], queries=task.queries[:10])
    ENGINES[engine](few)()
    started = time.perf_counter()
    search = ENGINES[engine](task)
    built = time.perf_counter()
    found = search()
    ended = time.perf_counter()
    row |= {
        "build_seconds": round(built - started, 3),
        "search_seconds": round(ended - built, 3),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    if neighbours is not None:
        row |= compare(found, open_matrix(neighbours / f"{layer}.npy", np.int64)[:queries])
    write_rows(output, COLUMNS, [row])
    if mixed:
        references.unlink()


if __name__ == "__main__":
    run(measure_search)
