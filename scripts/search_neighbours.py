"""Search the k nearest training rows of each row of a split, in each layer.

Writes a folder with two files a layer: `{layer}.npy`, int64 [n, k], rows of the training split, nearest
first, ties by row number; and `{layer}.json`, the engine, and the recall that was measured on a sample of the
rows where the engine is approximate. The training split's own rows are not their own neighbours.
"""

import numpy as np

from layeraudit.cli import Input, Output, run
from layeraudit.files import atomic_write_layers, open_layers, write_json, write_matrix
from layeraudit.neighbours import load


def search_neighbours(
    *,
    index: Input,
    references: Input,
    queries: Input,
    output: Output,
    k: int,
    exclude_self: bool,
    memory_mb: int,
    threads: int = 1,
) -> None:
    """Write the neighbours in each layer.

    exclude_self : the queries are the index's own rows
    """
    rows = open_layers(references, np.float32)
    with atomic_write_layers(output, rows) as folder:
        for name, sought in open_layers(queries, np.float32).items():
            loaded = load(index / f"{name}.npz", rows[name], threads=threads)
            found = loaded.search(sought, k, exclude_self=exclude_self, memory_mb=memory_mb, threads=threads)
            if loaded.recall:
                print("recall {:.4f}, measured on {} of the queries by brute force".format(*loaded.recall))
            write_matrix(folder / f"{name}.npy", found)
            write_json(folder / f"{name}.json", loaded.describe())


if __name__ == "__main__":
    run(search_neighbours)
