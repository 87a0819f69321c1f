"""Plot the mean ranks of the detectors of a bench, and which of them cannot be told apart.

The figure is written to each file named for it, whose suffix says the form: svg or png.
"""

import argparse
from pathlib import Path

from layeraudit.errors import end_in_a_sentence
from layeraudit.figures import save
from layeraudit.leaderboard.figures.critical_difference import plot_critical_difference
from layeraudit.provenance import list_runs
from layeraudit.tables import read_records
from layeraudit.leaderboard.benches import BENCHES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranks", type=Path, required=True)
    parser.add_argument("--comparisons", type=Path, required=True)
    parser.add_argument("--names", type=Path, required=True, help="of detectors, poisons and inputs")
    parser.add_argument("--bench", choices=BENCHES, required=True)
    parser.add_argument("--output", type=Path, nargs="+", required=True)
    arguments = parser.parse_args()

    paths = [arguments.ranks, arguments.comparisons, arguments.names]
    ranks, comparisons, names = read_records(paths)
    figure = plot_critical_difference(ranks, comparisons, names, arguments.bench)
    save(figure, list_runs([ranks]), arguments.output)


if __name__ == "__main__":
    end_in_a_sentence(main)
