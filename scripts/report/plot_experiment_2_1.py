"""Plot experiment 2.1: credibility of poison and of misclassified points, and what a threshold on it finds.

Writes each figure twice, as .svg and as .png.
"""

import argparse
from pathlib import Path

import pandas as pd

from layeraudit.errors import end_in_a_sentence
from layeraudit.figures import save
from layeraudit.report.figures.experiment_2_1 import plot_accuracy, plot_credibility, plot_detectors, plot_matched
from layeraudit.provenance import list_runs
from layeraudit.tables import read_scores
from layeraudit.report.experiment_2_1 import gather_points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, nargs="+", required=True, help="scores, a file a seed")
    parser.add_argument(
        "--test", type=Path, nargs="+", required=True, help="scores, in the same order of seeds"
    )
    parser.add_argument("--accuracy", type=Path, required=True, help="the table")
    parser.add_argument("--matched", type=Path, required=True, help="the table")
    parser.add_argument("--samples", type=Path, required=True, help="what that table was compared with")
    parser.add_argument("--layers", nargs="+", required=True)
    parser.add_argument("--k", type=int, required=True, help="neighbours of an image in a layer")
    parser.add_argument("--output-credibility", type=Path, nargs="+", required=True)
    parser.add_argument("--output-accuracy", type=Path, nargs="+", required=True)
    parser.add_argument("--output-detector", type=Path, nargs="+", required=True)
    parser.add_argument("--output-matched", type=Path, nargs="+", required=True)
    arguments = parser.parse_args()

    points = gather_points(read_scores(arguments.train), read_scores(arguments.test))
    accuracy, matched = pd.read_csv(arguments.accuracy), pd.read_csv(arguments.matched)
    samples = pd.read_parquet(arguments.samples)
    for figure, paths in (
        (plot_credibility(points), arguments.output_credibility),
        (plot_accuracy(accuracy), arguments.output_accuracy),
        (plot_detectors(points, arguments.layers, arguments.k), arguments.output_detector),
        (plot_matched(samples, matched), arguments.output_matched),
    ):
        save(figure, list_runs([accuracy, matched]), paths)


if __name__ == "__main__":
    end_in_a_sentence(main)
