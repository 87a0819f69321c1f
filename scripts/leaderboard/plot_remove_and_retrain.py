"""Plot what networks are like that were trained without the rows that each detector suspects.

The figure is written to each file named for it, whose suffix says the form: svg or png.
"""

import argparse
from pathlib import Path

from layeraudit.errors import end_in_a_sentence
from layeraudit.figures import save
from layeraudit.leaderboard.figures.benches import plot_filters
from layeraudit.provenance import list_runs
from layeraudit.tables import read_records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--names", type=Path, required=True, help="of detectors, poisons and inputs")
    parser.add_argument("--output", type=Path, nargs="+", required=True)
    arguments = parser.parse_args()

    table, names = read_records([arguments.table, arguments.names])
    figure = plot_filters(table, names)
    save(figure, list_runs([table]), arguments.output)


if __name__ == "__main__":
    end_in_a_sentence(main)
