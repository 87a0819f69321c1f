"""Tabulate experiment 1: clean images and poison points, judged by a DkNN of clean images.

Writes the table, and what the report claims of it, put to the test. See `layeraudit.report.experiment_1`.
"""

import argparse
from pathlib import Path

from layeraudit.errors import end_in_a_sentence
from layeraudit.statistics import tabulate_claims
from layeraudit.tables import write_table
from layeraudit.report.experiment_1 import read_points, tabulate_credibility, weigh_claims


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--test", type=Path, nargs="+", required=True, help="scores of held-out images, a file a seed"
    )
    parser.add_argument(
        "--poison", type=Path, nargs="+", required=True, help="scores, each poison_{points}.parquet, by seed"
    )
    parser.add_argument(
        "--records", type=Path, nargs="+", required=True, help="of the poison, each poison_{points}.csv"
    )
    parser.add_argument("--as-reported", action="store_true", help="set the report's figures beside ours")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--output-claims", type=Path, required=True)
    parser.add_argument("--run", required=True, help="settings of the run, which the result names")
    arguments = parser.parse_args()

    points = read_points(arguments.test, arguments.poison, arguments.records)
    as_reported = arguments.as_reported
    write_table(arguments.output, tabulate_credibility(points, as_reported=as_reported), arguments.run)
    claims = weigh_claims(points, as_reported=as_reported)
    write_table(arguments.output_claims, tabulate_claims(claims), arguments.run)


if __name__ == "__main__":
    end_in_a_sentence(main)
