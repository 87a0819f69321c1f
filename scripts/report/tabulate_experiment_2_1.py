"""Tabulate experiment 2.1: a network of ten digits, with poison points in its training, judged by DkNN.

Writes the tables, the random samples that the poison points are compared with (a row a sample: `control,
statistic, seed, value`), and what the report claims, put to the test. See `layeraudit.report.experiment_2_1`.
"""

import argparse
from pathlib import Path

import numpy as np

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import atomic_write
from layeraudit.statistics import tabulate_claims
from layeraudit.tables import read_scores, write_table
from layeraudit.report.experiment_2_1 import (
    average_over_seeds,
    compare_matched_samples,
    gather_points,
    measure_detectors,
    measure_groups,
    measure_recovery,
    tabulate_accuracy,
    tabulate_groups,
    tabulate_matched,
    tabulate_recovery,
    weigh_claims,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, nargs="+", required=True, help="scores, a file a seed")
    parser.add_argument(
        "--test", type=Path, nargs="+", required=True, help="scores, in the same order of seeds"
    )
    parser.add_argument("--seeds", type=int, nargs="+", required=True, help="in that order")
    parser.add_argument("--layers", nargs="+", required=True)
    parser.add_argument("--k", type=int, required=True, help="neighbours of an image in a layer")
    parser.add_argument("--as-reported", action="store_true", help="set the report's figures beside ours")
    parser.add_argument("--output", type=Path, required=True, help="credibility and accuracy of the groups")
    parser.add_argument("--output-recovered", type=Path, required=True)
    parser.add_argument("--output-accuracy", type=Path, required=True)
    parser.add_argument("--output-matched", type=Path, required=True)
    parser.add_argument("--output-samples", type=Path, required=True)
    parser.add_argument("--output-detector", type=Path, required=True)
    parser.add_argument("--output-claims", type=Path, required=True)
    parser.add_argument("--run", required=True, help="settings of the run, which the result names")
    arguments = parser.parse_args()

    points = gather_points(read_scores(arguments.train), read_scores(arguments.test))
    points["seed"] = np.asarray(arguments.seeds)[points["seed"]]

    groups = measure_groups(points)
    recovery = measure_recovery(points)
    matched, samples = compare_matched_samples(points)
    detectors = measure_detectors(points, arguments.layers, arguments.k)

    as_reported = arguments.as_reported
    write_table(arguments.output, tabulate_groups(groups, as_reported=as_reported), arguments.run)
    write_table(
        arguments.output_recovered, tabulate_recovery(recovery, as_reported=as_reported), arguments.run
    )
    write_table(arguments.output_accuracy, tabulate_accuracy(points), arguments.run)
    write_table(arguments.output_matched, tabulate_matched(matched), arguments.run)
    with atomic_write(arguments.output_samples) as temporary:
        samples.to_parquet(temporary, index=False)
    keys = ["evaluated", "among", "score", "threshold"]
    write_table(arguments.output_detector, average_over_seeds(detectors, keys), arguments.run)
    claims = weigh_claims(groups, recovery, matched, detectors, as_reported=as_reported)
    write_table(arguments.output_claims, tabulate_claims(claims), arguments.run)


if __name__ == "__main__":
    end_in_a_sentence(main)
