"""Plot Table 1: share of poison among the neighbours by layer and group, the report's figures beside ours.

A panel a training. Writes the figure twice, as .svg and as .png.
"""

import argparse
from pathlib import Path

import pandas as pd

from layeraudit.errors import end_in_a_sentence
from layeraudit.figures import save
from layeraudit.figures.experiment_2_2 import plot_poisoned_neighbours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, nargs="+", required=True, help="a training each")
    parser.add_argument("--epochs", type=int, nargs="+", required=True, help="of each training")
    parser.add_argument("--batch-sizes", type=int, nargs="+", required=True, help="of each training")
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--poison", type=int, required=True, help="poison points in the training set")
    parser.add_argument("--clean", type=int, required=True, help="clean images in the training set")
    parser.add_argument("--output", type=Path, nargs="+", required=True)
    arguments = parser.parse_args()

    figure = plot_poisoned_neighbours(
        [pd.read_csv(table) for table in arguments.tables],
        titles=[
            f"{epochs} epochs in batches of {batch_size}"
            for epochs, batch_size in zip(arguments.epochs, arguments.batch_sizes, strict=True)
        ],
        k=arguments.k,
        n_poison=arguments.poison,
        n_train=arguments.clean + arguments.poison,
    )
    for path in arguments.output:
        save(figure, path)


if __name__ == "__main__":
    end_in_a_sentence(main)
