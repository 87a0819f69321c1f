"""Count how often each training row is among the neighbours of a split: its k-occurrence, in each layer.

Writes a row a training image: `row, y, y_true, is_poison`, and `occurrences_{layer}`. Rows that are
neighbours of very many are hubs (Radovanović, Nanopoulos & Ivanović 2010, Hubs in space).
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import open_matrix, read_split, written_whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument(
        "--neighbours", type=Path, nargs="+", required=True, help="{layer}.npy for each layer"
    )
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    train = read_split(arguments.train)
    occurrences = pd.DataFrame(
        {"row": np.arange(len(train)), "y": train.y, "y_true": train.y_true, "is_poison": train.is_poison}
        | {
            f"occurrences_{path.stem}": np.bincount(open_matrix(path, np.int64).ravel(), minlength=len(train))
            for path in arguments.neighbours
        }
    )
    with written_whole(arguments.output) as temporary:
        occurrences.to_parquet(temporary, index=False)


if __name__ == "__main__":
    end_in_a_sentence(main)
