"""Measure where the time of the exact engine's search goes, and what the processor could do.

Each layer is searched on one thread. Writes the seconds of each function, without those that it calls, down
to a hundredth of the whole, and beside them the speed of a float32 matrix product and of copying memory.
"""

import cProfile
import pstats
import timeit
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from layeraudit.cli import Input, run
from layeraudit.files import open_layers, write_rows
from layeraudit.neighbours.exact import ExactIndex
from layeraudit.neighbours.rows import Rows, worker_threads

COLUMNS = ("layer", "function", "module", "seconds")
LEAST_SHARE = 0.01
IN_TURN: Any = SimpleNamespace(map=map)
"""An executor that runs its tasks in the calling thread, which is the profiled one."""


def profile(
    references: NDArray[np.float32], queries: NDArray[np.float32], k: int
) -> Iterator[tuple[str, str, float]]:
    """Search, and yield name, module and seconds of each function."""
    faiss.omp_set_num_threads(1)
    index = ExactIndex.build(Rows(references, "cosine", IN_TURN), IN_TURN)
    index.search(Rows(queries[:100], "cosine", IN_TURN), k, IN_TURN)  # compiles what is not compiled yet
    with cProfile.Profile() as profiler:
        index.search(Rows(queries, "cosine", IN_TURN), k, IN_TURN)
    statistics: Any = pstats.Stats(profiler)
    rest = statistics.total_tt
    for (file, _, name), (*_, own, _, _) in sorted(statistics.stats.items(), key=lambda item: -item[1][2]):
        if own >= LEAST_SHARE * statistics.total_tt:
            # Compiled ones are named as <built-in method posix.preadv>, <method 'sort' of ...>.
            called = name.split("'")[1] if "'" in name else name.strip("<>").split(".")[-1]
            yield called, Path(file).stem.strip("~"), own
            rest -= own
    yield "all others", "", rest


def profile_search(*, train: Input, test: Input, output: Path, names: list[str], k: int) -> None:
    """Write the table.

    names : the layers, from input to output
    """
    queries = open_layers(test, np.float32, names=names)
    side, memory = np.ones((4000, 4000), np.float32), np.ones(2**27, np.float32)
    with worker_threads(1):
        rows = [
            (layer, *row)
            for layer, references in open_layers(train, np.float32, names=names).items()
            for row in profile(references, queries[layer], k)
        ]
        multiply = min(timeit.repeat(lambda: side @ side, number=1))
        copy = min(timeit.repeat(lambda: np.copyto(memory[: 2**26], memory[2**26 :]), number=1))
    rows.append(("", "GFLOP/s of a float32 matrix product", "", 2 * 4000**3 / multiply / 1e9))
    rows.append(("", "GB/s of copying memory", "", 4 * 2**26 / copy / 1e9))
    lines = ((*words, round(value, 3)) for *words, value in rows)
    write_rows(output, COLUMNS, (dict(zip(COLUMNS, line, strict=True)) for line in lines))


if __name__ == "__main__":
    run(profile_search)
