"""Judge all claims: whether each holds, with p-values corrected for their number."""

import argparse
from pathlib import Path

import pandas as pd

from layeraudit.errors import end_in_a_sentence
from layeraudit.statistics import judge_claims
from layeraudit.tables import write_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--claims", type=Path, nargs="+", required=True, help="a table an experiment")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    # A table without claims has no types, and would take them from the others.
    claims = pd.concat(filter(len, map(pd.read_csv, arguments.claims)), ignore_index=True)
    write_table(arguments.output, judge_claims(claims))


if __name__ == "__main__":
    end_in_a_sentence(main)
