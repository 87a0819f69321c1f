"""Plot the paper's results on MNIST: accuracy and credibility of each kind of input, and reliability."""

from layeraudit.cli import Input, Output, run
from layeraudit.figures import save
from layeraudit.provenance import list_runs
from layeraudit.report.figures.dknn_mnist import plot_inputs, plot_reliability
from layeraudit.tables import read_records


def plot_dknn_mnist(
    *, inputs_table: Input, reliability_table: Input, inputs: list[Output], reliability: list[Output]
) -> None:
    """Write a figure of each table, as `.svg` and as `.png`."""
    tables = read_records([inputs_table, reliability_table])
    for plot, table, paths in zip(
        (plot_inputs, plot_reliability), tables, (inputs, reliability), strict=True
    ):
        save(plot(table), list_runs(tables), paths)


if __name__ == "__main__":
    run(plot_dknn_mnist)
