"""Measure experiment 2.1: what DkNN says of a network of ten digits with poison points in its training.

See `layeraudit.report.experiment_2_1` for the columns.
"""

from layeraudit.cli import Input, Output, run
from layeraudit.report.experiment_2_1 import (
    gather_points,
    measure_accuracy,
    measure_detectors,
    measure_groups,
)
from layeraudit.report.measures import write_measures
from layeraudit.tables import read_scores


def measure_experiment_2_1(
    *,
    train: list[Input],
    test: list[Input],
    groups: Output,
    accuracy: Output,
    detector: Output,
    seeds: list[int],
    layers: list[str],
    k: int,
) -> None:
    """Write the measures of every seed.

    train : scores, a file a seed
    test : scores, in the same order
    seeds : in that order
    layers : from input to output
    """
    points = gather_points(read_scores(train, seeds), read_scores(test, seeds))
    write_measures(groups, measure_groups(points))
    write_measures(accuracy, measure_accuracy(points))
    write_measures(detector, measure_detectors(points, layers, k))


if __name__ == "__main__":
    run(measure_experiment_2_1)
