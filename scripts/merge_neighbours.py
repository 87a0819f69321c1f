"""Merge the nearest rows found in each shard of the training split: the same as a search in all of it."""

import numpy as np

from layeraudit.cli import Input, Output, run
from layeraudit.files import atomic_write_layers, open_layers, write_json, write_matrix
from layeraudit.neighbours import Engine, Metric, merge


def merge_neighbours(
    *,
    shards: list[Input],
    references: Input,
    queries: Input,
    output: Output,
    metric: Metric,
    engine: Engine,
    k: int,
    exclude_self: bool,
    memory_mb: int,
    threads: int = 1,
) -> None:
    """Write the neighbours in each layer, as `search_neighbours` does.

    exclude_self : the queries are the references' own rows
    """
    rows = open_layers(references, np.float32)
    with atomic_write_layers(output, rows) as folder:
        for name, sought in open_layers(queries, np.float32).items():
            found = merge(
                rows[name],
                sought,
                [open_layers(shard, np.int64, names=[name], rows=len(sought))[name] for shard in shards],
                k,
                metric,
                exclude_self=exclude_self,
                memory_mb=memory_mb,
                threads=threads,
            )
            write_matrix(folder / f"{name}.npy", found)
            write_json(folder / f"{name}.json", {"engine": engine, "recall": None, "recall_queries": None})


if __name__ == "__main__":
    run(merge_neighbours)
