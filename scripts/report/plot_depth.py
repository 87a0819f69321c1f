"""Plot why the share of poison among the neighbours grows with depth, where it does: two trainings.

Writes the figure twice, as .svg and as .png.
"""

import argparse
from pathlib import Path

import pandas as pd

from layeraudit.errors import end_in_a_sentence
from layeraudit.figures import save
from layeraudit.report.figures.experiment_2_2 import plot_depth
from layeraudit.provenance import list_runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--trainings", nargs="+", required=True, help="their names in the table")
    parser.add_argument("--epochs", type=int, nargs="+", required=True, help="of each training")
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--output", type=Path, nargs="+", required=True)
    arguments = parser.parse_args()

    table = pd.read_csv(arguments.table)
    figure = plot_depth(
        table,
        titles={
            training: f"{epochs} epochs"
            for training, epochs in zip(arguments.trainings, arguments.epochs, strict=True)
        },
        k=arguments.k,
    )
    save(figure, list_runs([table]), arguments.output)


if __name__ == "__main__":
    end_in_a_sentence(main)
