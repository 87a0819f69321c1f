"""Search the nearest rows of a shard of the training split to each row of a split, in each layer.

Writes a folder with a `{layer}.npy` for each layer: int64 [n, m], rows of the whole training split, nearest
first: k of them, k + 1 where the split's own rows are not to be their own neighbours, or all that the shard
has.
"""

import numpy as np

from layeraudit.cli import Input, Output, run
from layeraudit.files import atomic_write_layers, open_layers, write_matrix
from layeraudit.neighbours import load, rows_of_shard


def search_shard(
    *,
    index: Input,
    references: Input,
    queries: Input,
    output: Output,
    shard: str,
    k: int,
    exclude_self: bool,
    memory_mb: int,
    threads: int = 1,
) -> None:
    """Write the neighbours that a shard has, in each layer.

    shard : as 2-of-3
    exclude_self : the queries are the references' own rows
    """
    all_rows = open_layers(references, np.float32)
    with atomic_write_layers(output, all_rows) as folder:
        for name, sought in open_layers(queries, np.float32).items():
            rows = rows_of_shard(len(all_rows[name]), shard)
            found = load(index / f"{name}.npz", all_rows[name][rows], threads=threads).search_shard(
                sought,
                k,
                first_row=rows.start,
                exclude_self=exclude_self,
                memory_mb=memory_mb,
                threads=threads,
            )
            write_matrix(folder / f"{name}.npy", found)


if __name__ == "__main__":
    run(search_shard)
