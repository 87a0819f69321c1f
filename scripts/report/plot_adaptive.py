"""Plot how Deep k-nearest neighbours fares under an attack that knows it."""

from layeraudit.cli import Input, Output, run
from layeraudit.figures import save
from layeraudit.provenance import list_runs
from layeraudit.report.figures.adaptive import plot_attack
from layeraudit.tables import read_table


def plot_adaptive(*, table: Input, svg: Output, png: Output) -> None:
    """Write the figure of the attack on Deep k-nearest neighbours."""
    figures = read_table(table)
    save(plot_attack(figures), list_runs([figures]), [svg, png])


if __name__ == "__main__":
    run(plot_adaptive)
