"""Plot how Deep k-nearest neighbours fares under an attack that knows it."""

import argparse
from pathlib import Path

from layeraudit.errors import end_in_a_sentence
from layeraudit.figures import save
from layeraudit.report.figures.adaptive import plot_attack
from layeraudit.provenance import list_runs
from layeraudit.tables import read_records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--output", type=Path, nargs="+", required=True, help="svg or png")
    arguments = parser.parse_args()

    (table,) = read_records([arguments.table])
    figure = plot_attack(table.fillna({"layer": ""}))
    save(figure, list_runs([table]), arguments.output)


if __name__ == "__main__":
    end_in_a_sentence(main)
