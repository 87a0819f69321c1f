"""Plot experiment 1: the distribution of credibility of clean images and of poison points."""

from layeraudit.cli import Input, Output, run
from layeraudit.figures import save
from layeraudit.provenance import list_runs
from layeraudit.report.experiment_1 import read_points
from layeraudit.report.figures.experiment_1 import plot_credibility
from layeraudit.tables import read_table


def plot_experiment_1(
    *,
    test: list[Input],
    poison: list[Input],
    records: list[Input],
    table: Input,
    svg: Output,
    png: Output,
    seeds: list[int],
) -> None:
    """Write the figure of credibility.

    test : scores of held-out images, a file a seed
    poison : scores, set after set by seed
    records : of the poison, likewise
    seeds : in that order
    """
    figures = read_table(table)
    points = read_points(test, poison, records, seeds)
    save(plot_credibility(points, figures), list_runs([figures]), [svg, png])


if __name__ == "__main__":
    run(plot_experiment_1)
