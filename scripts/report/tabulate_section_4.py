"""Tabulate what section 4 of the report asks: credibility of larger sets of poison, depth, and removal.

Reads the scores of the training rows of every run of the poison bench that has poison; `--settings`,
`--poisons` and `--seeds` say of each file, in their order, what it is of. Writes a table of the credibility
of poison, one of poison among the neighbours by layer, one of networks before and after suspects are removed,
and the report's questions, put to the test. See `layeraudit.report.section_4` for the columns.
"""

import argparse
from pathlib import Path

from layeraudit.errors import end_in_a_sentence
from layeraudit.statistics import tabulate_claims
from layeraudit.tables import read_records, read_scores, write_table
from layeraudit.report.section_4 import (
    describe_poison,
    gather_points,
    measure_changes,
    measure_credibility,
    measure_depth,
    measure_removal,
    tabulate_credibility,
    tabulate_depth,
    tabulate_removal,
    weigh_claims,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, nargs="+", required=True, help="a file a run")
    parser.add_argument("--settings", nargs="+", required=True, help="of each file")
    parser.add_argument("--poisons", nargs="+", required=True, help="of each file")
    parser.add_argument("--seeds", type=int, nargs="+", required=True, help="of each file")
    parser.add_argument("--secml", nargs="*", default=[], help="those poisons that secml makes")
    parser.add_argument("--trained", type=Path, nargs="+", required=True, help="an experiment a file")
    parser.add_argument(
        "--retrained", type=Path, nargs="+", required=True, help="an experiment and detector a file"
    )
    parser.add_argument("--layers", nargs="+", required=True, help="from input to output")
    parser.add_argument("--k", type=int, required=True, help="neighbours of an image in a layer")
    parser.add_argument("--table-credibility", type=Path, required=True)
    parser.add_argument("--table-depth", type=Path, required=True)
    parser.add_argument("--table-removal", type=Path, required=True)
    parser.add_argument("--claims", type=Path, required=True)
    parser.add_argument("--run", required=True, help="settings of the run, which the result names")
    arguments = parser.parse_args()
    layers, secml = arguments.layers, arguments.secml

    points = gather_points(
        read_scores(arguments.scores),
        settings=arguments.settings,
        poisons=arguments.poisons,
        seeds=arguments.seeds,
        layers=layers,
    )
    described = describe_poison(points)
    credibility = measure_credibility(points)
    changes = measure_changes(credibility, described, secml)
    depth = measure_depth(points, layers, arguments.k)
    removal = measure_removal(read_records(arguments.trained), read_records(arguments.retrained), secml)

    write_table(
        arguments.table_credibility, tabulate_credibility(credibility, changes, described), arguments.run
    )
    write_table(arguments.table_depth, tabulate_depth(depth), arguments.run)
    write_table(arguments.table_removal, tabulate_removal(removal), arguments.run)
    claims = weigh_claims(points, credibility, changes, depth, removal, layers=layers, secml=secml)
    write_table(arguments.claims, tabulate_claims(claims), arguments.run)


if __name__ == "__main__":
    end_in_a_sentence(main)
