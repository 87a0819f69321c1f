"""Aggregate the scores of all seeds into the report's Table 1.

Evaluated points are the held-out images and the poison points. See `layeraudit.report.experiment_2_2` for
the columns.
"""

import argparse
from pathlib import Path

import pandas as pd

from layeraudit.errors import end_in_a_sentence
from layeraudit.tables import read_scores, write_table
from layeraudit.report.experiment_2_2 import tabulate_poisoned_neighbours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, nargs="+", required=True, help="scores, a file a seed")
    parser.add_argument(
        "--test", type=Path, nargs="+", required=True, help="scores, in the same order of seeds"
    )
    parser.add_argument("--layers", nargs="+", required=True)
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--as-reported", action="store_true", help="set the report's figures beside ours")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--run", required=True, help="settings of the run, which the result names")
    arguments = parser.parse_args()

    train, test = read_scores(arguments.train), read_scores(arguments.test)
    evaluated = pd.concat([test, train[train["is_poison"]]], ignore_index=True)
    table = tabulate_poisoned_neighbours(
        evaluated, arguments.layers, arguments.k, as_reported=arguments.as_reported
    )
    write_table(arguments.output, table, arguments.run, numbers="%.2f")


if __name__ == "__main__":
    end_in_a_sentence(main)
