"""Tabulate what the detectors of both benches cost in time and memory, see `layeraudit.leaderboard.benches`."""

import argparse
from pathlib import Path

from layeraudit.errors import end_in_a_sentence
from layeraudit.tables import read_records, write_table
from layeraudit.leaderboard.benches import BENCHES, EVASION, POISON, SHARED, read_shared_costs, tabulate_cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--costs-poison", type=Path, nargs="*", default=[], help="a file an experiment and detector"
    )
    parser.add_argument("--costs-evasion", type=Path, nargs="*", default=[])
    for step in SHARED:
        for bench in BENCHES:
            parser.add_argument(f"--{step}-{bench}", type=Path, nargs="*", default=[], help="benchmarks")
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--run", required=True, help="settings of the run, which the result names")
    arguments = parser.parse_args()

    costs = [
        table.assign(bench=bench)
        for bench, paths in [(POISON, arguments.costs_poison), (EVASION, arguments.costs_evasion)]
        for table in read_records(paths)
    ]
    costs += [
        read_shared_costs(getattr(arguments, f"{step}_{bench}"), bench, step)
        for step in SHARED
        for bench in BENCHES
    ]
    write_table(arguments.table, tabulate_cost(costs), arguments.run)


if __name__ == "__main__":
    end_in_a_sentence(main)
