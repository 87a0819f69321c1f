"""Build the index of each layer's training activations, or of a shard, in which neighbours are sought.

Writes a folder with a `{layer}.npz` for each layer.
"""

import numpy as np

from layeraudit.cli import Input, Output, run
from layeraudit.files import atomic_write_folder, open_layers
from layeraudit.neighbours import Engine, Metric, build, rows_of_shard


def build_index(
    *,
    references: Input,
    output: Output,
    metric: Metric,
    engine: Engine,
    shard: str = "1-of-1",
    threads: int = 1,
) -> None:
    """Write an index for each layer.

    shard : as 2-of-3, of rows that follow each other
    """
    with atomic_write_folder(output) as folder:
        for name, reference in open_layers(references, np.float32).items():
            rows = rows_of_shard(len(reference), shard)
            index = build(reference[rows], metric, engine=engine, threads=threads, first_row=rows.start)
            index.save(folder / f"{name}.npz")


if __name__ == "__main__":
    run(build_index)
