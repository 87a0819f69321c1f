"""Plot which attacks made on another network Deep k-nearest neighbours detects."""

from layeraudit.cli import Input, Output, run
from layeraudit.figures import save
from layeraudit.provenance import list_runs
from layeraudit.report.figures.transfer import plot_detection
from layeraudit.tables import read_table


def plot_dknn_against_transfer(*, table: Input, svg: Output, png: Output) -> None:
    """Write the figure of detection."""
    figures = read_table(table)
    save(plot_detection(figures), list_runs([figures]), [svg, png])


if __name__ == "__main__":
    run(plot_dknn_against_transfer)
