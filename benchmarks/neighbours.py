"""Measure engines for nearest neighbours side by side, on real activations.

Sought are the 75 nearest of 60,000 training rows, by the cosine metric of `layeraudit.neighbours.rows`, for
10,000 test rows: the activations of the report's CNN on MNIST and Fashion-MNIST, in layers of 12,544, 3,200,
128 and 10 dimensions, on two threads. Measured are

    build_seconds   from a file of rows to an index that can answer
    search_seconds  from a file of queries to their neighbours
    peak_mb         the most memory (MB = 2**20 bytes) that the process held, Python and libraries included
    recall          the mean share of the true neighbours that were found
    same_order      the share of queries whose whole list is the true one, in its order

Every measurement has a process of its own, which first runs its engine on a few rows, so that libraries are
loaded and compiled when the clock starts. The files have been read once by then, so no disk is measured. The
true neighbours are in the order of float64 distances, ties by row number, and are found here, by none of the
library's engines: see `order_exactly`.

`neighbours.csv` and `neighbours_growth.csv` take each measurement as it is made, and `README.md` the tables
of them. What is already there is not measured again, so a run that was stopped goes on with the same command.
An engine that was stopped at the limit has a row without figures.
"""

import argparse
import csv
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "scripts"
sys.path.insert(0, str(SCRIPTS))

DATASETS = ("mnist", "fashion_mnist")
LAYERS = ("relu1", "relu2", "relu3", "fc")
K = 75
THREADS = 2
MEGABYTE = 2**20
READ_AT_ONCE = 2**23
"""Bytes of rows that are read and scaled together."""

QUERIES_AT_ONCE = 4096
"""As many as faiss itself searches together."""

LEVELS = 8
LINKS = 32
SPARE_CANDIDATES = 32
ROUNDING_MARGIN = 8
WARM_UP_ROWS, WARM_UP_QUERIES = 1000, 10
GROWTH_K = (5, 20, 75, 300)

FINDINGS = "<!-- findings, written by hand -->"
END_OF_FINDINGS = "<!-- end of findings -->"


class Task(NamedTuple):
    """What one process is to search."""

    train: Path
    test: Path
    rows: int
    queries: int
    k: int


class Measurement(NamedTuple):
    """A row of the table; its figures are empty where the engine was stopped."""

    engine: str
    dataset: str
    layer: str
    rows: int
    dimensions: int
    queries: int
    k: int
    build_seconds: float | None = None
    search_seconds: float | None = None
    peak_mb: float | None = None
    recall: float | None = None
    same_order: float | None = None
    run: int = 1

    @property
    def key(self) -> tuple[str, str, str, int, int, int, int]:
        """What was measured."""
        return self.engine, self.dataset, self.layer, self.rows, self.queries, self.k, self.run


GROWTH_FIELDS = [name for name in Measurement._fields if name not in ("recall", "same_order")]

Search = Callable[[], NDArray[np.int64]]


# Rows, as an engine that is not ours has to be given them.


def scale(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale rows in place to length 1: by the float32 reciprocal of the float64 length; zeros stay."""
    step = max(1, READ_AT_ONCE // (8 * rows.shape[1]))
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        squares = np.square(block, dtype=np.float64).sum(axis=1)
        lengths = np.sqrt(np.where(squares == 0, 1, squares))
        block *= (1 / lengths).astype(np.float32)[:, None]
    return rows


def shape_of(path: Path) -> tuple[int, int]:
    """Read the shape of a file of rows."""
    rows, columns = np.load(path, mmap_mode="r").shape
    return rows, columns


def read_scaled(path: Path, start: int, stop: int) -> NDArray[np.float32]:
    """Read and scale some rows of a file; no page of it is mapped, which would count as memory."""
    matrix: Any = np.load(path, mmap_mode="r")
    columns = matrix.shape[1]
    offset = matrix.offset + 4 * columns * start
    stop = min(stop, len(matrix))
    rows: NDArray[np.float32] = np.fromfile(path, np.float32, (stop - start) * columns, offset=offset)
    return scale(rows.reshape(-1, columns))


def blocks(n: int, step: int) -> list[tuple[int, int]]:
    """Cut n rows into blocks."""
    return [(start, min(start + step, n)) for start in range(0, n, step)]


# The engines: each is built from a task, and gives what then searches.


def build_exact(task: Task) -> Search:
    """Build the library's exact engine, which maps the rows and scales them itself."""
    from layeraudit.neighbours import build

    index = build(np.load(task.train, mmap_mode="r")[: task.rows], "cosine", engine="exact", threads=THREADS)

    def search() -> NDArray[np.int64]:
        queries = np.load(task.test, mmap_mode="r")[: task.queries]
        return index.search(queries, task.k, threads=THREADS)

    return search


def fill(index: Any, storage: Any, task: Task) -> None:
    """Add the rows of a task to a faiss index, a block at a time: so they are in memory once."""
    step = max(1024, READ_AT_ONCE // (4 * index.d))
    storage.codes.resize(4 * index.d * (task.rows + step))  # without room, rows move as the index grows
    storage.codes.resize(0)
    for start, stop in blocks(task.rows, step):
        index.add(read_scaled(task.train, start, stop))


def flat_index(task: Task) -> tuple[Any, NDArray[np.float32]]:
    """Make a flat faiss index, and a view of its rows, read straight into their place."""
    import faiss

    dimensions = shape_of(task.train)[1]
    index = faiss.IndexFlatL2(dimensions)
    index.codes.resize(4 * dimensions * task.rows)  # `add` would move all rows as the index grows
    rows = faiss.rev_swig_ptr(index.get_xb(), task.rows * dimensions).reshape(task.rows, dimensions)
    for start, stop in blocks(task.rows, max(1, READ_AT_ONCE // (4 * dimensions))):
        rows[start:stop] = read_scaled(task.train, start, stop)
    index.ntotal = task.rows
    return index, rows


def search_faiss(index: Any, task: Task) -> Search:
    """Search a faiss index for the neighbours."""

    def search() -> NDArray[np.int64]:
        found = np.empty((task.queries, task.k), np.int64)
        for start, stop in blocks(task.queries, QUERIES_AT_ONCE):
            found[start:stop] = index.search(read_scaled(task.test, start, stop), task.k)[1]
        return found

    return search


def build_faiss_flat(task: Task) -> Search:
    """Build faiss's brute force."""
    return search_faiss(flat_index(task)[0], task)


def build_faiss_panorama(task: Task) -> Search:
    """Build faiss's brute force that leaves off far rows at one of 8 levels; its rows are not rotated."""
    import faiss

    index = faiss.IndexFlatL2Panorama(shape_of(task.train)[1], min(LEVELS, shape_of(task.train)[1]))
    fill(index, index, task)
    return search_faiss(index, task)


def build_faiss_hnsw(task: Task) -> Search:
    """Build faiss's graph."""
    import faiss

    index = faiss.IndexHNSWFlat(shape_of(task.train)[1], LINKS)
    index.hnsw.efSearch = max(2 * task.k, 64)
    fill(index, faiss.downcast_index(index.storage), task)
    return search_faiss(index, task)


def build_scikit_learn(task: Task) -> Search:
    """Build scikit-learn's brute force."""
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=task.k, algorithm="brute", n_jobs=THREADS)
    index.fit(read_scaled(task.train, 0, task.rows))

    def search() -> NDArray[np.int64]:
        found: NDArray[np.int64] = index.kneighbors(
            read_scaled(task.test, 0, task.queries), return_distance=False
        )
        return found

    return search


def build_pynndescent(task: Task) -> Search:
    """Build PyNNDescent's graph, with its own number of neighbours (30)."""
    from pynndescent import NNDescent

    index = NNDescent(read_scaled(task.train, 0, task.rows), n_jobs=THREADS, random_state=0)
    index.prepare()

    def search() -> NDArray[np.int64]:
        return np.asarray(index.query(read_scaled(task.test, 0, task.queries), k=task.k)[0], np.int64)

    return search


ENGINES: dict[str, Callable[[Task], Search]] = {
    "exact": build_exact,
    "faiss_flat": build_faiss_flat,
    "faiss_panorama": build_faiss_panorama,
    "faiss_hnsw": build_faiss_hnsw,
    "scikit_learn": build_scikit_learn,
    "pynndescent": build_pynndescent,
}
SIDE_BY_SIDE = ("faiss_flat", "exact")


# The true neighbours.


def order_exactly(
    reference: NDArray[np.float32],
    queries: NDArray[np.float32],
    candidates: NDArray[np.int64],
    distances: NDArray[np.float32],
    k: int,
) -> tuple[NDArray[np.int64], int]:
    """Order the candidates of each query by their float64 distance, ties by row number.

    A query whose k-th is hardly nearer than its farthest candidate, by no more than 8 times the largest
    rounding seen among its candidates, is compared with all rows instead.

    Parameters
    ----------
    reference, queries : float32 [n, d], [q, d], scaled
    candidates, distances : [q, c], the rows that float32 finds nearest, and their squared distances

    Returns
    -------
    int64 [q, k], and the number of queries that were compared with all rows
    """

    def squares(query: int, rows: NDArray[np.int64] | slice) -> NDArray[np.float64]:
        differences = reference[rows] - queries[query].astype(np.float64)
        sums: NDArray[np.float64] = np.einsum("nd,nd->n", differences, differences)
        return sums

    def order(query: int) -> tuple[NDArray[np.int64], bool]:
        rows = candidates[query]
        exact = squares(query, rows)
        rounding = np.abs(exact - distances[query]).max()
        kth = np.partition(exact, k - 1)[k - 1]
        is_open = len(rows) < len(reference) and kth >= distances[query].max() - ROUNDING_MARGIN * rounding
        if is_open:
            step = max(1, READ_AT_ONCE // (8 * reference.shape[1]))
            exact = np.concatenate([squares(query, slice(*b)) for b in blocks(len(reference), step)])
            rows = np.arange(len(reference))
        return rows[np.lexsort((rows, exact))[:k]], is_open

    with ThreadPoolExecutor(THREADS) as executor:
        ordered = list(executor.map(order, range(len(queries))))
    return np.stack([rows for rows, _ in ordered]), sum(bool(is_open) for _, is_open in ordered)


def compare(found: NDArray[np.int64], true: NDArray[np.int64]) -> tuple[float, float]:
    """Give the recall, and the share of queries whose lists are the same."""
    shares = [np.isin(a, b).mean() for a, b in zip(true, found, strict=True)]
    return float(np.mean(shares)), float((found == true).all(axis=1).mean())


# A process of its own.


def measure_here(engine: str, task: Task, output: Path, limit: float) -> None:
    """Measure in this process: write the neighbours to a file, and print the figures.

    The alarm, which nothing here listens for, ends the process at the limit.
    """
    few = task._replace(
        rows=min(task.rows, max(WARM_UP_ROWS, 2 * task.k)), queries=min(task.queries, WARM_UP_QUERIES)
    )
    ENGINES[engine](few)()
    signal.setitimer(signal.ITIMER_REAL, limit)
    started = time.perf_counter()
    search = ENGINES[engine](task)
    built = time.perf_counter()
    found = search()
    ended = time.perf_counter()
    signal.setitimer(signal.ITIMER_REAL, 0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    np.save(output, found)
    figures = {
        "build_seconds": round(built - started, 3),
        "search_seconds": round(ended - built, 3),
        "peak_mb": round(peak / MEGABYTE),
    }
    print(json.dumps(figures))


def find_true_neighbours(task: Task, output: Path) -> None:
    """Find the true neighbours, and write them to a file."""
    index, rows = flat_index(task)
    width = min(task.k + SPARE_CANDIDATES, task.rows)
    nearest = []
    compared_with_all = 0
    for block in blocks(task.queries, QUERIES_AT_ONCE):
        queries = read_scaled(task.test, *block)
        distances, candidates = index.search(queries, width)
        ordered, compared = order_exactly(rows, queries, candidates, distances, task.k)
        nearest.append(ordered)
        compared_with_all += compared
    partial = output.with_name(f".partial-{output.name}")
    np.save(partial, np.concatenate(nearest))
    partial.replace(output)
    print(json.dumps({"compared_with_all": compared_with_all}))


def make_activations(dataset: str, work: Path) -> None:
    """Train the report's CNN on all training images, and capture the layers of all images."""
    import torch

    from layeraudit.activations import capture
    from layeraudit.networks import ReportCNN
    from layeraudit.training import train

    with np.load(work / f"{dataset}.npz") as arrays:
        x = torch.from_numpy(arrays["x"].astype(np.float32) / 255)
        y, n_train = torch.from_numpy(arrays["y"]), int(arrays["n_train"])
    torch.set_num_threads(THREADS)
    torch.manual_seed(1)
    network = ReportCNN()
    train(network, x[:n_train], y[:n_train], epochs=6, batch_size=500, learning_rate=1e-3, seed=1)
    for split, images in (("train", x[:n_train]), ("test", x[n_train:])):
        folder = work / dataset / "layers" / split
        folder.mkdir(parents=True, exist_ok=True)
        matrices: dict[str, Any] = {}
        start = 0
        for batch in capture(network, images, LAYERS, batch_size=500):
            for layer, values in batch.items():
                if layer not in matrices:
                    matrices[layer] = np.lib.format.open_memmap(
                        folder / f".partial-{layer}.npy", "w+", np.float32, (len(images), values.shape[1])
                    )
                matrices[layer][start : start + len(values)] = values.numpy()
            start += len(batch[LAYERS[0]])
        for layer, matrix in matrices.items():
            matrix.flush()
            (folder / f".partial-{layer}.npy").replace(folder / f"{layer}.npy")


def mix_rows(source: Path, output: Path, rows: int) -> None:
    """Make more rows than there are: each a mixture of two real ones, drawn with replacement.

    Row i is w a + (1 - w) b, with a and b drawn from all rows and w uniform in [0, 1).
    """
    generator = np.random.default_rng(0)
    real = np.load(source)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".partial-{output.name}")
    mixed = np.lib.format.open_memmap(partial, "w+", np.float32, (rows, real.shape[1]))
    for start, stop in blocks(rows, 10_000):
        one, other = generator.integers(len(real), size=(2, stop - start))
        weight = generator.random((stop - start, 1), np.float32)
        mixed[start:stop] = weight * real[one] + (1 - weight) * real[other]
    mixed.flush()
    partial.replace(output)


# The program that starts these processes.


class Bench:
    """The folders and limits of a run, and its two tables."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.work: Path = arguments.work.resolve()
        self.output: Path = arguments.output
        self.limit: float = arguments.limit
        self.again: bool = arguments.again
        self.tables = {
            name: read_table(self.output / name) for name in ("neighbours.csv", "neighbours_growth.csv")
        }

    def layer(self, dataset: str, split: str, layer: str) -> Path:
        """Say where a layer's activations lie."""
        return self.work / dataset / "layers" / split / f"{layer}.npy"

    def run(self, *arguments: str | Path | float) -> dict[str, Any] | None:
        """Run this program in a process of its own; none, where it was stopped or killed."""
        threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(threads, str(THREADS)), "TQDM_DISABLE": "1"}
        command = [sys.executable, str(Path(__file__).resolve()), *map(str, arguments)]
        ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
        # At its limit, or by the system where memory runs out.
        if ended.returncode in (-signal.SIGALRM, -signal.SIGKILL):
            return None
        if ended.returncode:
            sys.exit(f"{' '.join(map(str, arguments))} has failed; what is measured is kept")
        said = [line for line in ended.stdout.splitlines() if line.startswith("{")]
        figures: dict[str, Any] = json.loads(said[-1]) if said else {}
        return figures

    def prepare(self, dataset: str) -> None:
        """Make a data set's activations, where they are not there."""
        wanted = [self.layer(dataset, split, layer) for split in ("train", "test") for layer in LAYERS]
        if all(path.exists() for path in wanted):
            return
        images = self.work / f"{dataset}.npz"
        if not images.exists():
            fetch = [str(SCRIPTS / "fetch_dataset.py"), "--name", dataset, "--output", str(images)]
            if subprocess.run([sys.executable, *fetch], check=False).returncode:
                sys.exit(f"{dataset} cannot be fetched, so nothing is measured on it")
        print(f"training on {dataset}", flush=True)
        if self.run("activations", dataset, self.work) is None:
            sys.exit(f"training on {dataset} was killed: is there memory enough?")

    def true_neighbours(self, dataset: str, layer: str, task: Task) -> NDArray[np.int64]:
        """Give the true neighbours, of the cache where they are in it."""
        path = self.work / dataset / "true_neighbours" / f"{layer}.npy"
        if not path.exists() or path.stat().st_mtime < task.train.stat().st_mtime:
            path.parent.mkdir(parents=True, exist_ok=True)
            started = time.perf_counter()
            figures = self.run("truth", *task, path)
            if figures is None:
                sys.exit(f"the search for the true neighbours of {dataset} {layer} was killed")
            print(
                f"true neighbours of {dataset} {layer} found in {time.perf_counter() - started:.0f} s, "
                f"{figures['compared_with_all']} of {task.queries} queries by comparing with all rows",
                flush=True,
            )
        true: NDArray[np.int64] = np.load(path)
        return true

    def measure(
        self,
        table: str,
        engine: str,
        dataset: str,
        layer: str,
        task: Task,
        *,
        run: int = 1,
        true: bool = False,
    ) -> None:
        """Make one measurement and write it down, unless it is there."""
        made = Measurement(
            engine, dataset, layer, task.rows, shape_of(task.train)[1], task.queries, task.k, run=run
        )
        kept = [one for one in self.tables[table] if one.key != made.key]
        if len(kept) < len(self.tables[table]) and not self.again:
            return
        nearest = self.true_neighbours(dataset, layer, all_of(task.train, task.test)) if true else None
        for path in task.train, task.test:
            with path.open("rb") as file:
                while file.read(READ_AT_ONCE):
                    pass
        output = self.work / f"found-{os.getpid()}.npy"
        try:
            figures = self.run("measure", engine, *task, output, self.limit)
            if figures is not None:
                made = made._replace(**figures)
                if nearest is not None:
                    recall, same_order = compare(np.load(output), nearest[: task.queries])
                    made = made._replace(recall=round(recall, 6), same_order=round(same_order, 6))
        finally:
            output.unlink(missing_ok=True)
        self.tables[table] = [*kept, made]
        fields = Measurement._fields if table == "neighbours.csv" else GROWTH_FIELDS
        write_table(self.output / table, self.tables[table], fields)
        write_whole(self.work / "machine.txt", describe_machine() + "\n")
        said = [f"{name} {value}" for name, value in made._asdict().items() if value is not None]
        print(", ".join(said) + ("" if figures is not None else ": stopped"), flush=True)

    def measure_growth(self, layer: str) -> None:
        """Measure the library's engine on fewer rows, fewer queries, and other k."""
        whole = all_of(self.layer("mnist", "train", layer), self.layer("mnist", "test", layer))
        tasks = [whole._replace(rows=whole.rows // part) for part in (8, 4, 2, 1)]
        tasks += [whole._replace(queries=whole.queries // 10)]
        tasks += [whole._replace(k=k) for k in GROWTH_K]
        for task in dict.fromkeys(tasks):
            self.measure("neighbours_growth.csv", "exact", "mnist", layer, task)
        if layer == "relu3":
            mixed = self.work / "mnist_mixed" / "layers" / "train" / f"{layer}.npy"
            if not mixed.exists():
                self.run("mix", whole.train, mixed, 10 * whole.rows)
            for rows in whole.rows, 10 * whole.rows:
                for engine in SIDE_BY_SIDE:
                    task = whole._replace(train=mixed, rows=rows)
                    self.measure("neighbours_growth.csv", engine, "mnist_mixed", layer, task)


def all_of(train: Path, test: Path) -> Task:
    """Give the task of all rows and queries."""
    return Task(train, test, shape_of(train)[0], shape_of(test)[0], K)


# The tables.


def read_table(path: Path) -> list[Measurement]:
    """Read the measurements of a file, where it exists."""
    if not path.exists():
        return []
    types = get_type_hints(Measurement)

    def parse(name: str, text: str) -> Any:
        kind = types[name]
        return kind(text) if kind in (str, int) else float(text) if text else None

    with path.open(newline="") as file:
        return [
            Measurement(**{name: parse(name, text) for name, text in row.items()})
            for row in csv.DictReader(file)
        ]


def write_table(path: Path, measurements: Iterable[Measurement], fields: Sequence[str]) -> None:
    """Write measurements to a file, whole or not at all."""
    lines = [list(fields)]
    for one in measurements:
        values = one._asdict()
        lines.append(["" if values[name] is None else f"{values[name]}" for name in fields])
    write_whole(path, "".join(",".join(line) + "\n" for line in lines))


def write_whole(path: Path, text: str) -> None:
    """Write a file by a temporary name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    partial.write_text(text)
    partial.replace(path)


def fit_exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Fit b in `seconds = a sizes^b`, as the slope of the line through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def middle(values: Sequence[float], form: str) -> str:
    """Put the median and the range of some figures into words."""
    if len(values) == 1:
        return format(values[0], form)
    return f"{np.median(values):{form}} [{min(values):{form}}, {max(values):{form}}]"


def markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Lay out a table."""
    rows = [list(head), ["---"] * len(head), *map(list, lines)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def tabulate_ratios(measurements: Sequence[Measurement]) -> str:
    """Set the library's exact engine against faiss's brute force, in runs made by turns."""
    whole = [one for one in measurements if one.search_seconds is not None]
    lines = []
    for dataset in DATASETS:
        pairs: dict[str, list[tuple[Measurement, Measurement]]] = {layer: [] for layer in LAYERS}
        for layer in LAYERS:
            of_layer = {(m.engine, m.run): m for m in whole if (m.dataset, m.layer) == (dataset, layer)}
            for run in sorted({run for _, run in of_layer}):
                if ("exact", run) in of_layer and ("faiss_flat", run) in of_layer:
                    pairs[layer].append((of_layer["exact", run], of_layer["faiss_flat", run]))
        rows = [(layer, [[pair] for pair in pairs[layer]]) for layer in LAYERS if pairs[layer]]
        if len(rows) == len(LAYERS):
            rows.append(("together", [list(run) for run in zip(*pairs.values(), strict=False)]))
        for layer, runs in rows:
            searches, wholes = [], []
            for run_pairs in runs:
                ours, theirs = zip(*run_pairs, strict=True)
                searches.append(_seconds(ours) / _seconds(theirs))
                wholes.append(_seconds(ours, build=True) / _seconds(theirs, build=True))
            every = [pair for run_pairs in runs for pair in run_pairs]
            lines.append(
                [
                    dataset,
                    layer,
                    f"{len(runs)}",
                    middle([_seconds([m for m, _ in run]) for run in runs], ".1f"),
                    middle([_seconds([m for _, m in run]) for run in runs], ".1f"),
                    middle(searches, ".3f"),
                    middle(wholes, ".3f"),
                    *[f"{max(pair[side].peak_mb or 0 for pair in every):,.0f}" for side in (0, 1)],
                    *[f"{min(pair[side].recall or 0 for pair in every):.4f}" for side in (0, 1)],
                    *[f"{min(pair[side].same_order or 0 for pair in every):.4f}" for side in (0, 1)],
                ]
            )
    head = ["data set", "layer", "runs", "search, s: `exact`", "`faiss_flat`", "ratio", "with the build"]
    for figure in "peak MB", "recall", "same order":
        head += [f"{figure}: `exact`", "`faiss_flat`"]
    return markdown(head, lines)


def _seconds(measurements: Iterable[Measurement], *, build: bool = False) -> float:
    return sum((m.search_seconds or 0) + ((build and m.build_seconds) or 0) for m in measurements)


def tabulate_engines(measurements: Sequence[Measurement]) -> str:
    """Set all engines side by side, by their first run on most queries; name those that were stopped."""
    lines = []
    for dataset in DATASETS:
        for layer in LAYERS:
            for engine in ENGINES:
                here = [m for m in measurements if (m.engine, m.dataset, m.layer) == (engine, dataset, layer)]
                if not here:
                    continue
                one = max(here, key=lambda m: (m.queries, -m.run))
                figures = ["stopped"] + [""] * 5
                if one.build_seconds is not None and one.search_seconds is not None:
                    figures = [
                        f"{one.build_seconds:.1f}",
                        f"{one.search_seconds:.1f}",
                        f"{1000 * one.search_seconds / one.queries:.2f}",
                        f"{one.peak_mb:,.0f}",
                        f"{one.recall:.4f}",
                        f"{one.same_order:.4f}",
                    ]
                lines.append([dataset, layer, f"`{engine}`", f"{one.queries:,}", *figures])
    head = ["data set", "layer", "engine", "queries", "build, s", "search, s", "ms a query", "peak MB"]
    return markdown([*head, "recall", "same order"], lines)


def tabulate_growth(measurements: Sequence[Measurement]) -> str:
    """Set search times against rows, queries and k, with the exponents fitted to them."""
    lines = []
    groups = dict.fromkeys((m.engine, m.dataset, m.layer) for m in measurements)
    for engine, dataset, layer in groups:
        here = [
            m
            for m in measurements
            if (m.engine, m.dataset, m.layer) == (engine, dataset, layer) and m.search_seconds is not None
        ]
        if not here:
            continue
        most = {"rows": max(m.rows for m in here), "queries": max(m.queries for m in here), "k": K}
        for size in most:
            others = {name: value for name, value in most.items() if name != size}
            along = sorted(
                (m for m in here if all(getattr(m, name) == value for name, value in others.items())),
                key=lambda m: (getattr(m, size), m.run),
            )
            sizes = [getattr(m, size) for m in along]
            if len(set(sizes)) < 2:
                continue
            searches = [m.search_seconds or 0 for m in along]
            builds = [m.build_seconds or 0 for m in along]
            by_size = ", ".join(f"{x:,}: {y:.1f}" for x, y in zip(sizes, searches, strict=True))
            peaks = ", ".join(f"{m.peak_mb:,.0f}" for m in along)
            exponents = [f"{fit_exponent(sizes, searches):.2f}", ""]
            if size == "rows":
                exponents[1] = f"{fit_exponent(sizes, builds):.2f}"
            lines.append([f"`{engine}`", dataset, layer, size, by_size, *exponents, peaks])
    head = ["engine", "data set", "layer", "of", "search, s", "exponent", "of the build", "peak MB"]
    return markdown(head, lines)


def describe_machine() -> str:
    """Say on what is measured, and when."""
    with Path("/proc/cpuinfo").open() as file:
        model = next(
            (line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown"
        )
    with Path("/proc/meminfo").open() as file:
        memory = int(next(line for line in file if line.startswith("MemTotal")).split()[1]) / MEGABYTE
    packages = ("torch", "faiss-cpu", "numpy", "scikit-learn", "pynndescent")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    python = f"Python {sys.version.split()[0]}"
    cores = len(os.sched_getaffinity(0))
    return f"{model}, {cores} cores, {memory:.0f} GB; {python}, {versions}; {date.today()}"


PAGE = """\
# Nearest neighbours: the exact engine beside others

`make benchmark-neighbours` measures what `neighbours.csv` and `neighbours_growth.csv` do not have yet, and
writes this page, but for the findings. It trains the report's CNN on MNIST and on Fashion-MNIST (6 epochs,
batches of 500, Adam at 0.001, seed 1; 9 GB in `results/benchmark_neighbours/`) and seeks, by cosine, the 75
nearest of the 60,000 training rows for the 10,000 test rows, in layers of 12,544, 3,200, 128 and 10
dimensions. `neighbours.py` says how time, memory, recall and order are measured. Two threads;
{machine}.

{findings}

## `exact` against brute force

Ratios are time of `exact` over time of `faiss_flat`, from runs made by turns: median [range]. Below 1,
`exact` is faster. Memory is the highest of the runs, recall and order the lowest.

{ratios}

## All engines

{engines}

`exact` and `faiss_flat` are measured on all queries, the others on the number that is stated.
`faiss_panorama` has 8 levels (in 10 dimensions faiss takes 5) and rows that are not rotated; `faiss_hnsw` has
32 links and efSearch 150; `pynndescent` is built with 30 neighbours and prepared, and its memory is also that
of its compiler, some 700 MB.{stopped}

## How `exact` grows

An exponent b says that time grows as size^b, by the slope of log time over log size. `mnist_mixed` are
made-up rows: each w a + (1 - w) b, with a and b drawn from the training rows, and w uniform in [0, 1).

{growth}
"""


def write_page(output: Path, work: Path, tables: dict[str, list[Measurement]]) -> None:
    """Write the tables into the page; what stands between the marks of the findings stays."""
    path = output / "README.md"
    page = path.read_text() if path.exists() else ""
    findings = f"{FINDINGS}\n{END_OF_FINDINGS}"
    if FINDINGS in page and END_OF_FINDINGS in page:
        findings = page[page.index(FINDINGS) : page.index(END_OF_FINDINGS) + len(END_OF_FINDINGS)]
    measured = tables["neighbours.csv"]
    stopped = sorted({f"`{m.engine}`" for m in measured if m.search_seconds is None})
    machine = work / "machine.txt"
    text = PAGE.format(
        machine=machine.read_text().strip() if machine.exists() else "on what machine is not known",
        findings=findings,
        ratios=tabulate_ratios(measured),
        engines=tabulate_engines(measured),
        stopped=f" Where {' and '.join(stopped)} {'has' if len(stopped) == 1 else 'have'} no figures, a "
        "measurement took longer than its limit, 900 s if not told otherwise, or more memory than there was."
        if stopped
        else "",
        growth=tabulate_growth(tables["neighbours_growth.csv"]),
    )
    write_whole(path, text)


def choices_of(allowed: Iterable[str]) -> Callable[[str], list[str]]:
    """Give a reader of names with commas between them."""
    names = list(allowed)

    def read(text: str) -> list[str]:
        for name in text.split(","):
            if name not in names:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(names)}")
        return [name for name in names if name in text.split(",")]

    return read


def run_alone(arguments: Sequence[str]) -> None:
    """Do what a process of its own was started for."""
    step, *given = arguments
    if step == "activations":
        make_activations(given[0], Path(given[1]))
    elif step == "mix":
        mix_rows(Path(given[0]), Path(given[1]), int(given[2]))
    else:
        engine = given.pop(0) if step == "measure" else ""
        train, test, rows, queries, k, output, *limit = given
        task = Task(Path(train), Path(test), int(rows), int(queries), int(k))
        if step == "measure":
            measure_here(engine, task, Path(output), float(limit[0]))
        else:
            find_true_neighbours(task, Path(output))


def main() -> None:
    """Measure what is not measured yet, and write the page."""
    if sys.argv[1:2] and sys.argv[1] in ("activations", "mix", "truth", "measure"):
        run_alone(sys.argv[1:])
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    work = ROOT / "results" / "benchmark_neighbours"
    parser.add_argument("--only", type=choices_of(ENGINES), default=list(ENGINES), help="engines, by commas")
    parser.add_argument("--datasets", type=choices_of(DATASETS), default=list(DATASETS))
    parser.add_argument("--layers", type=choices_of(LAYERS), default=list(LAYERS))
    parser.add_argument("--runs", type=int, default=3, help="runs of exact and faiss_flat on mnist")
    parser.add_argument("--fashion-runs", type=int, default=1, help="and on fashion_mnist")
    parser.add_argument("--queries", type=int, default=1000, help="queries of the engines beside these")
    parser.add_argument("--limit", type=float, default=900, help="seconds for building and searching")
    parser.add_argument("--again", action="store_true", help="measure what is in the tables again")
    parser.add_argument("--no-growth", action="store_true", help="leave off how exact grows")
    parser.add_argument("--tables", action="store_true", help="measure nothing, write the page")
    parser.add_argument("--work", type=Path, default=work, help="activations, true neighbours")
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parent, help="tables, page")
    arguments = parser.parse_args()

    bench = Bench(arguments)
    if not arguments.tables:
        measure_all(bench, arguments)
    write_page(bench.output, bench.work, bench.tables)


def measure_all(bench: Bench, arguments: argparse.Namespace) -> None:
    """Measure what is asked for, the two engines that are set against each other first."""
    runs = {"mnist": arguments.runs, "fashion_mnist": arguments.fashion_runs}
    for dataset in arguments.datasets:
        bench.prepare(dataset)
        for layer in arguments.layers:
            whole = all_of(bench.layer(dataset, "train", layer), bench.layer(dataset, "test", layer))
            for run in range(1, runs[dataset] + 1):
                for engine in SIDE_BY_SIDE:
                    if engine in arguments.only:
                        bench.measure("neighbours.csv", engine, dataset, layer, whole, run=run, true=True)
            write_page(bench.output, bench.work, bench.tables)
    if "exact" in arguments.only and not arguments.no_growth:
        bench.prepare("mnist")
        for layer in arguments.layers:
            bench.measure_growth(layer)
            write_page(bench.output, bench.work, bench.tables)
    for dataset in arguments.datasets:
        for layer in arguments.layers:
            whole = all_of(bench.layer(dataset, "train", layer), bench.layer(dataset, "test", layer))
            fewer = whole._replace(queries=min(arguments.queries, whole.queries))
            for engine in arguments.only:
                if engine not in SIDE_BY_SIDE:
                    bench.measure("neighbours.csv", engine, dataset, layer, fewer, true=True)
            write_page(bench.output, bench.work, bench.tables)


if __name__ == "__main__":
    main()
