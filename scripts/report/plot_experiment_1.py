"""Plot experiment 1: the distribution of credibility of clean images and of poison points."""

from layeraudit.cli import Input, Output, run
from layeraudit.figures import save
from layeraudit.provenance import describe_result
from layeraudit.report.experiment_1 import read_points
from layeraudit.report.figures.experiment_1 import plot_credibility


def plot_experiment_1(
    *, test: list[Input], poison: list[Input], records: list[Input], svg: Output, png: Output, run: str
) -> None:
    """Write the figure of credibility.

    test : scores of held-out images, a file a seed
    poison : scores, set after set by seed
    records : of the poison, likewise
    """
    save(plot_credibility(read_points(test, poison, records)), [describe_result(run)], [svg, png])


if __name__ == "__main__":
    run(plot_experiment_1)
