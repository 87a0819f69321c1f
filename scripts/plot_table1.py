"""Plot Table 1: share of poison among the neighbours by layer and group, the report's figures beside ours.

Writes the figure twice, as .svg and as .png.
"""

import argparse
from pathlib import Path

import pandas as pd

from layeraudit.errors import end_in_a_sentence
from layeraudit.figures import plot_poisoned_neighbours, save


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--poison", type=int, required=True, help="poison points in the training set")
    parser.add_argument(
        "--train", type=int, required=True, help="images in the training set, poison included"
    )
    parser.add_argument("--output", type=Path, nargs="+", required=True)
    arguments = parser.parse_args()

    figure = plot_poisoned_neighbours(
        pd.read_csv(arguments.table), k=arguments.k, n_poison=arguments.poison, n_train=arguments.train
    )
    for path in arguments.output:
        save(figure, path)


if __name__ == "__main__":
    end_in_a_sentence(main)
