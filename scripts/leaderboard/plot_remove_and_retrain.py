"""Plot networks that were trained without the suspects of each detector, as `.svg` and `.png`."""

from layeraudit.cli import Input, Output, run
from layeraudit.figures import save
from layeraudit.leaderboard.figures.benches import plot_filters
from layeraudit.provenance import list_runs
from layeraudit.tables import read_records


def plot_remove_and_retrain(*, table: Input, names: Input, svg: Output, png: Output) -> None:
    """Plot the accuracy of the networks and the success of the attack, before and after.

    table : of the poison bench
    """
    found, titles = read_records([table, names])
    save(plot_filters(found, titles), list_runs([found]), [svg, png])


if __name__ == "__main__":
    run(plot_remove_and_retrain)
