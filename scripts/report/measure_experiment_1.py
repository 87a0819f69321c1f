"""Measure experiment 1: what a DkNN of clean images says of clean images and of poison points.

See `layeraudit.report.experiment_1` for the columns.
"""

from layeraudit.cli import Input, Output, run
from layeraudit.report.experiment_1 import measure_credibility, read_points
from layeraudit.report.measures import write_measures


def measure_experiment_1(
    *, test: list[Input], poison: list[Input], records: list[Input], measures: Output, seeds: list[int]
) -> None:
    """Write the measures of every seed.

    test : scores of held-out images, a file a seed
    poison : scores, set after set by seed
    records : of the poison, likewise
    seeds : in that order
    """
    write_measures(measures, measure_credibility(read_points(test, poison, records, seeds)))


if __name__ == "__main__":
    run(measure_experiment_1)
