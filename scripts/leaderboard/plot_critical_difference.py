"""Plot the mean ranks of a bench's detectors, and which cannot be told apart, as `.svg` and `.png`."""

from layeraudit.cli import Input, Output, run
from layeraudit.figures import save
from layeraudit.leaderboard.benches import Bench
from layeraudit.leaderboard.figures.critical_difference import plot_ranks
from layeraudit.provenance import list_runs
from layeraudit.tables import read_records


def plot_critical_difference(
    *, ranks: Input, comparisons: Input, names: Input, svg: Output, png: Output, bench: Bench
) -> None:
    """Plot the critical difference diagram of a bench."""
    ranked, compared, titles = read_records([ranks, comparisons, names])
    save(plot_ranks(ranked, compared, titles, bench), list_runs([ranked]), [svg, png])


if __name__ == "__main__":
    run(plot_critical_difference)
