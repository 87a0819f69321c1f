"""Tabulate whether Deep k-nearest neighbours catches attacks that were made on another network.

See `layeraudit.tables.dknn_against_transfer` for the columns.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import read_split
from layeraudit.tables import read_records, read_scores, write_table
from layeraudit.tables.dknn_against_transfer import (
    make_claims,
    measure_detection,
    set_threshold,
    tabulate_detection,
)
from layeraudit.tables.transfer import CHOSEN, add_choice, choose_layers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for_each = {"type": Path, "nargs": "+", "required": True}
    parser.add_argument("--attackable", help="the images, for each run and source", **for_each)
    parser.add_argument("--records", help="of the attacks, in the same order", **for_each)
    parser.add_argument("--scores", help="of the attacked images, likewise", **for_each)
    parser.add_argument("--disturbances", help="of the source's layers, likewise", **for_each)
    parser.add_argument("--test", help="held-out images, likewise", **for_each)
    parser.add_argument("--test-scores", help="of these, likewise", **for_each)
    parser.add_argument("--layers", nargs="+", required=True)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--claims", type=Path, required=True)
    arguments = parser.parse_args()

    measured = []
    for images, record, scores, test, test_scores in zip(
        arguments.attackable,
        read_records(arguments.records),
        arguments.scores,
        arguments.test,
        arguments.test_scores,
        strict=True,
    ):
        others = ~np.isin(read_split(test).source, read_split(images).source)
        threshold = set_threshold(read_scores([test_scores])["credibility"].to_numpy()[others])
        of_attacks = read_scores([scores])
        measured.append(measure_detection(record, of_attacks, threshold, arguments.layers))
    chosen = choose_layers(pd.concat(read_records(arguments.disturbances), ignore_index=True))
    by_seed = add_choice(pd.concat(measured, ignore_index=True), chosen, CHOSEN)
    write_table(arguments.table, tabulate_detection(by_seed))
    write_table(arguments.claims, make_claims(by_seed))


if __name__ == "__main__":
    end_in_a_sentence(main)
