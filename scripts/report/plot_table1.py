"""Plot Table 1: share of poison among the neighbours by layer and group, the report's figures beside ours.

A panel a training. Writes the figure twice, as .svg and as .png.
"""

import argparse
from pathlib import Path

import pandas as pd

from layeraudit.errors import end_in_a_sentence
from layeraudit.figures import save
from layeraudit.report.figures.experiment_2_2 import plot_poisoned_neighbours
from layeraudit.provenance import list_runs

KINDS = {"secml": "poison points", "label_flips": "flipped labels"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, nargs="+", required=True, help="a training each")
    for name, of in [("kinds", str), ("poison", int), ("clean", int), ("epochs", int), ("batch-sizes", int)]:
        parser.add_argument(f"--{name}", type=of, nargs="+", required=True, help="of each training")
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--output", type=Path, nargs="+", required=True)
    arguments = parser.parse_args()

    tables = [pd.read_csv(table) for table in arguments.tables]
    trainings = zip(
        arguments.kinds,
        arguments.poison,
        arguments.clean,
        arguments.epochs,
        arguments.batch_sizes,
        strict=True,
    )
    figure = plot_poisoned_neighbours(
        tables,
        titles=[
            f"{clean:,} clean rows, {poison} {KINDS[kind]}, {epochs} epochs of {batch_size}"
            for kind, poison, clean, epochs, batch_size in trainings
        ],
        k=arguments.k,
        base_rates=[
            100 * poison / (poison + clean)
            for poison, clean in zip(arguments.poison, arguments.clean, strict=True)
        ],
    )
    save(figure, list_runs(tables), arguments.output)


if __name__ == "__main__":
    end_in_a_sentence(main)
