"""Plot what section 4 of the report asks: credibility of poison, depth, and the removal of suspects.

Writes the figure twice, as .svg and as .png.
"""

import argparse
from pathlib import Path

from layeraudit.errors import end_in_a_sentence
from layeraudit.figures import save
from layeraudit.report.figures.section_4 import plot_section_4
from layeraudit.provenance import list_runs
from layeraudit.tables import read_records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--credibility", type=Path, required=True, help="the table")
    parser.add_argument("--depth", type=Path, required=True, help="the table")
    parser.add_argument("--removal", type=Path, required=True, help="the table")
    parser.add_argument("--names", type=Path, required=True, help="titles of poisons and settings")
    parser.add_argument("--secml", nargs="*", default=[], help="the poisons that secml makes")
    parser.add_argument("--layers", nargs="+", required=True, help="from input to output")
    parser.add_argument("--k", type=int, required=True, help="neighbours of an image in a layer")
    parser.add_argument("--output", type=Path, nargs="+", required=True)
    arguments = parser.parse_args()

    tables = read_records([arguments.credibility, arguments.depth, arguments.removal, arguments.names])
    figure = plot_section_4(*tables, secml=arguments.secml, layers=arguments.layers, k=arguments.k)
    save(figure, list_runs(tables[:3]), arguments.output)


if __name__ == "__main__":
    end_in_a_sentence(main)
