"""Plot the paper's results on MNIST: accuracy and credibility of each kind of input, and reliability."""

import argparse
from pathlib import Path

import pandas as pd

from layeraudit.errors import end_in_a_sentence
from layeraudit.figures import save
from layeraudit.report.figures.dknn_mnist import plot_inputs, plot_reliability
from layeraudit.provenance import list_runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs-table", type=Path, required=True)
    parser.add_argument("--reliability-table", type=Path, required=True)
    parser.add_argument("--inputs-figure", type=Path, nargs="+", required=True)
    parser.add_argument("--reliability-figure", type=Path, nargs="+", required=True)
    arguments = parser.parse_args()

    inputs, reliability = map(pd.read_csv, (arguments.inputs_table, arguments.reliability_table))
    for figure, paths in [
        (plot_inputs(inputs), arguments.inputs_figure),
        (plot_reliability(reliability), arguments.reliability_figure),
    ]:
        save(figure, list_runs([inputs, reliability]), paths)


if __name__ == "__main__":
    end_in_a_sentence(main)
