"""Plot whether ILA makes attacks fool other networks more often, on the images of one data set.

The figure is written to each file named for it, whose suffix says the form: svg or png.
"""

import argparse
from pathlib import Path

from layeraudit.errors import end_in_a_sentence
from layeraudit.figures import save
from layeraudit.report.figures.transfer import plot_success
from layeraudit.provenance import list_runs
from layeraudit.tables import read_records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--output", type=Path, nargs="+", required=True)
    arguments = parser.parse_args()

    (table,) = read_records([arguments.table])
    figure = plot_success(table.fillna({"guide": "", "layer": ""}), arguments.dataset)
    save(figure, list_runs([table]), arguments.output)


if __name__ == "__main__":
    end_in_a_sentence(main)
