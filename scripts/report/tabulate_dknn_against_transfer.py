"""Tabulate whether Deep k-nearest neighbours catches attacks that were made on another network.

See `layeraudit.report.dknn_against_transfer` for the columns.
"""

import argparse
from pathlib import Path

import pandas as pd

from layeraudit.errors import end_in_a_sentence
from layeraudit.tables import read_records, read_scores, write_table
from layeraudit.report.dknn_against_transfer import (
    make_claims,
    measure_detection,
    tabulate_detection,
)
from layeraudit.report.transfer import CHOSEN, add_choice, choose_layers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for_each = {"type": Path, "nargs": "+", "required": True}
    parser.add_argument("--records", help="of the attacks, for each run and source", **for_each)
    parser.add_argument("--scores", help="of the attacked images, in the same order", **for_each)
    parser.add_argument("--disturbances", help="of the source's layers, likewise", **for_each)
    parser.add_argument("--calibration-scores", help="of calibration images, likewise", **for_each)
    parser.add_argument("--layers", nargs="+", required=True)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--claims", type=Path, required=True)
    parser.add_argument("--run", required=True, help="settings of the run, which the result names")
    arguments = parser.parse_args()

    files = zip(read_records(arguments.records), arguments.scores, arguments.calibration_scores, strict=True)
    measured = [
        measure_detection(record, read_scores([scores]), read_scores([calibration]), arguments.layers)
        for record, scores, calibration in files
    ]
    chosen = choose_layers(pd.concat(read_records(arguments.disturbances), ignore_index=True))
    by_seed = add_choice(pd.concat(measured, ignore_index=True), chosen, CHOSEN)
    write_table(arguments.table, tabulate_detection(by_seed), arguments.run)
    write_table(arguments.claims, make_claims(by_seed), arguments.run)


if __name__ == "__main__":
    end_in_a_sentence(main)
