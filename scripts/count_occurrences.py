"""Count how often each training row is among the neighbours of a split: its k-occurrence, in each layer.

Writes a row a training image: `row, y, y_true, is_poison`, and `occurrences_{layer}`. Rows that are
neighbours of very many are hubs (Radovanović, Nanopoulos & Ivanović 2010, Hubs in space).
"""

import numpy as np
import pandas as pd

from layeraudit.cli import Input, Output, run
from layeraudit.files import atomic_write, open_layers, read_split


def count_occurrences(*, train: Input, neighbours: Input, output: Output) -> None:
    """Write the k-occurrence of each training row."""
    rows = read_split(train)
    occurrences = pd.DataFrame(
        {"row": np.arange(len(rows)), "y": rows.y, "y_true": rows.y_true, "is_poison": rows.is_poison}
        | {
            f"occurrences_{layer}": np.bincount(found.ravel(), minlength=len(rows))
            for layer, found in open_layers(neighbours, np.int64).items()
        }
    )
    with atomic_write(output) as temporary:
        occurrences.to_parquet(temporary, index=False)


if __name__ == "__main__":
    run(count_occurrences)
