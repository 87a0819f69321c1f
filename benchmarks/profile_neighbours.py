"""Say where the time of the exact engine's search goes, and what the processor could do.

Each layer of MNIST that `neighbours.py` has made is searched for the 75 nearest of 60,000 rows to 10,000, on
one thread. `neighbours_profile.csv` takes the seconds of each function, without those that it calls, down to
a hundredth of the whole, and beside them the speed of a float32 matrix product and of copying memory.
"""

import cProfile
import csv
import pstats
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from neighbours import LAYERS, ROOT, THREADS, K

from layeraudit.neighbours.exact import ExactIndex
from layeraudit.neighbours.rows import Rows, worker_threads

WORK = ROOT / "results" / "benchmark_neighbours" / "mnist" / "layers"
LEAST_SHARE = 0.01


class InTurn(Executor):
    """Does each task when it is asked for, in the thread that asks, which is the one that is profiled."""

    def map(self, function: Any, *tasks: Any, **_: Any) -> Iterator[Any]:
        """Do the tasks."""
        return map(function, *tasks)


def profile(layer: str) -> Iterator[tuple[str, str, str, float]]:
    """Search a layer, and give each function's seconds."""
    reference, queries = (
        np.load(WORK / split / f"{layer}.npy", mmap_mode="r") for split in ("train", "test")
    )
    with worker_threads(THREADS) as executor:
        rows = Rows(reference, "cosine", executor)
        index = ExactIndex.build(rows, executor)
    with worker_threads(1):
        faiss.omp_set_num_threads(1)
        in_turn = InTurn()
        index.search(Rows(queries[:100], "cosine", in_turn), K, in_turn)  # compiles what is not compiled yet
        profiler = cProfile.Profile()
        profiler.enable()
        index.search(Rows(queries, "cosine", in_turn), K, in_turn)
        profiler.disable()
        statistics: Any = pstats.Stats(profiler)
        rest = statistics.total_tt
        for (file, _, name), (*_, own, _, _) in sorted(
            statistics.stats.items(), key=lambda entry: -entry[1][2]
        ):
            if own >= LEAST_SHARE * statistics.total_tt:
                # Compiled ones are named as <built-in method posix.preadv>, <method 'sort' of ...>.
                called = name.split("'")[1] if "'" in name else name.strip("<>").split(".")[-1]
                yield layer, called, Path(file).stem.strip("~"), own
                rest -= own
        yield layer, "all others", "", rest


def measure_machine() -> Iterator[tuple[str, str, str, float]]:
    """Give GFLOP/s of a float32 product of square matrices, and GB/s of copying, on one thread."""
    with worker_threads(1):
        side, memory = np.ones((4000, 4000), np.float32), np.ones(2**27, np.float32)
        best_product = best_copy = np.inf
        for _ in range(5):
            started = time.perf_counter()
            side @ side
            best_product = min(best_product, time.perf_counter() - started)
            started = time.perf_counter()
            memory[: 2**26] = memory[2**26 :]
            best_copy = min(best_copy, time.perf_counter() - started)
    yield "", "GFLOP/s of a float32 matrix product", "", 2 * 4000**3 / best_product / 1e9
    yield "", "GB/s of copying memory", "", 4 * 2**26 / best_copy / 1e9


def main() -> None:
    """Write the table."""
    lines = [line for layer in LAYERS for line in profile(layer)] + list(measure_machine())
    with (Path(__file__).parent / "neighbours_profile.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["layer", "function", "module", "seconds"])
        writer.writerows((*names, round(value, 3)) for *names, value in lines)


if __name__ == "__main__":
    main()
