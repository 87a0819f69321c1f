"""Plot what section 4 of the report asks: credibility of poison, depth, and the removal of suspects."""

from layeraudit.cli import Input, Output, run
from layeraudit.figures import save
from layeraudit.provenance import list_runs
from layeraudit.report.figures.section_4 import plot_section_4 as plot
from layeraudit.tables import read_records


def plot_section_4(
    *,
    table: Input,
    removal: Input,
    names: Input,
    svg: Output,
    png: Output,
    secml: list[str],
    layers: list[str],
    k: int,
) -> None:
    """Write the figure of section 4.

    names : titles of poisons and settings
    secml : the poisons that secml makes
    layers : from input to output
    """
    by_run, removed, titles = read_records([table, removal, names])
    figure = plot(by_run, removed, titles, secml=secml, layers=layers, k=k)
    save(figure, list_runs([by_run, removed]), [svg, png])


if __name__ == "__main__":
    run(plot_section_4)
