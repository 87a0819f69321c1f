"""Plot experiment 2.1: credibility of poison and of misclassified points, and what a threshold on it finds.

Writes each figure twice, as .svg and as .png.
"""

from layeraudit.cli import Input, Output, run
from layeraudit.figures import save
from layeraudit.provenance import list_runs
from layeraudit.report.experiment_2_1 import gather_points
from layeraudit.report.figures.experiment_2_1 import plot_accuracy, plot_credibility, plot_detectors
from layeraudit.tables import read_records, read_scores


def plot_experiment_2_1(
    *,
    train: list[Input],
    test: list[Input],
    table: Input,
    accuracy_table: Input,
    credibility: list[Output],
    accuracy: list[Output],
    detector: list[Output],
    layers: list[str],
    k: int,
) -> None:
    """Write the three figures.

    train : scores, a file a seed
    test : scores, in the same order
    layers : from input to output
    """
    points = gather_points(read_scores(train), read_scores(test))
    tables = of_groups, by_credibility = read_records([table, accuracy_table])
    for figure, paths in (
        (plot_credibility(points), credibility),
        (plot_accuracy(by_credibility, of_groups), accuracy),
        (plot_detectors(points, layers, k), detector),
    ):
        save(figure, list_runs(tables), paths)


if __name__ == "__main__":
    run(plot_experiment_2_1)
