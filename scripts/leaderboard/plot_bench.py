"""Plot how well the detectors of a bench find their targets in every experiment, as `.svg` and `.png`."""

from layeraudit.cli import Input, Output, run
from layeraudit.figures import save
from layeraudit.leaderboard.benches import Bench
from layeraudit.leaderboard.figures.benches import plot_auroc
from layeraudit.provenance import list_runs
from layeraudit.tables import read_records


def plot_bench(*, table: Input, ranks: Input, names: Input, svg: Output, png: Output, bench: Bench) -> None:
    """Plot the AUROC of every detector in every experiment."""
    found, ranked, titles = read_records([table, ranks, names])
    save(plot_auroc(found, ranked, titles, bench), list_runs([found, ranked]), [svg, png])


if __name__ == "__main__":
    run(plot_bench)
