"""Tabulate what the detectors of both benches cost in time and memory, see `layeraudit.tables.benches`."""

import argparse
from pathlib import Path

from layeraudit.errors import end_in_a_sentence
from layeraudit.tables import read_records, write_table
from layeraudit.tables.benches import EVASION, POISON, tabulate_cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--costs-poison", type=Path, nargs="*", default=[], help="a file an experiment and detector"
    )
    parser.add_argument("--costs-evasion", type=Path, nargs="*", default=[])
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--run", required=True, help="settings of the run, which the result names")
    arguments = parser.parse_args()

    costs = [
        table.assign(bench=bench)
        for bench, paths in [(POISON, arguments.costs_poison), (EVASION, arguments.costs_evasion)]
        for table in read_records(paths)
    ]
    write_table(arguments.table, tabulate_cost(costs), arguments.run)


if __name__ == "__main__":
    end_in_a_sentence(main)
