"""Plot experiment 1: the distribution of credibility of clean images and of poison points.

Writes the figure twice, as .svg and as .png.
"""

import argparse
from pathlib import Path

from layeraudit.errors import end_in_a_sentence
from layeraudit.figures import save
from layeraudit.report.figures.experiment_1 import plot_credibility
from layeraudit.provenance import describe_result
from layeraudit.report.experiment_1 import read_points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--test", type=Path, nargs="+", required=True, help="scores of held-out images, a file a seed"
    )
    parser.add_argument(
        "--poison", type=Path, nargs="+", required=True, help="scores, each poison_{points}.parquet, by seed"
    )
    parser.add_argument(
        "--records", type=Path, nargs="+", required=True, help="of the poison, each poison_{points}.csv"
    )
    parser.add_argument("--output", type=Path, nargs="+", required=True)
    parser.add_argument("--run", required=True, help="settings of the run, which the result names")
    arguments = parser.parse_args()

    figure = plot_credibility(read_points(arguments.test, arguments.poison, arguments.records))
    save(figure, [describe_result(arguments.run)], arguments.output)


if __name__ == "__main__":
    end_in_a_sentence(main)
