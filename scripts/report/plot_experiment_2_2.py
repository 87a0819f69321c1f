"""Plot why the share of poison among the neighbours grows with depth, where it does."""

from typing import Any

from layeraudit.cli import Input, Output, run
from layeraudit.figures import save
from layeraudit.provenance import list_runs
from layeraudit.report.figures.experiment_2_2 import plot_depth as plot
from layeraudit.tables import read_table


def plot_experiment_2_2(
    *, table: Input, svg: Output, png: Output, trainings: dict[str, Any], layers: list[str], k: int
) -> None:
    """Write the figure of what each layer makes of clean images and of poison.

    trainings : two of those in the table, with the `epochs` of each
    layers : from input to output
    """
    figures = read_table(table)
    titles = {name: f"{training['epochs']} epochs" for name, training in trainings.items()}
    save(plot(figures, titles=titles, layers=layers, k=k), list_runs([figures]), [svg, png])


if __name__ == "__main__":
    run(plot_experiment_2_2)
