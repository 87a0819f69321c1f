"""Plot whether ILA makes attacks fool other networks more often, on the images of one data set."""

from layeraudit.cli import Input, Output, run
from layeraudit.figures import save
from layeraudit.provenance import list_runs
from layeraudit.report.figures.transfer import plot_success
from layeraudit.tables import read_table


def plot_transfer(*, table: Input, svg: Output, png: Output, dataset: str) -> None:
    """Write the figure of transfer on one data set."""
    figures = read_table(table)
    save(plot_success(figures, dataset), list_runs([figures]), [svg, png])


if __name__ == "__main__":
    run(plot_transfer)
