"""Tabulate how often attacks on one network fool others, and put the claims on them to the test.

See `layeraudit.report.transfer` for the columns.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import read_arrays, read_split
from layeraudit.tables import read_records, write_table
from layeraudit.report.transfer import (
    CHOSEN,
    ORACLE,
    add_choice,
    choose_layers,
    find_best_layers,
    find_steady,
    make_claims,
    measure_success,
    tabulate_success,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for_each = {"type": Path, "nargs": "+", "required": True}
    parser.add_argument("--attackable", help="the images, for each run and source", **for_each)
    parser.add_argument("--records", help="of the attacks, in the same order", **for_each)
    parser.add_argument("--labels", help="that networks gave, likewise", **for_each)
    parser.add_argument("--disturbances", help="of the source's layers, likewise", **for_each)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--claims", type=Path, required=True)
    parser.add_argument("--run", required=True, help="settings of the run, which the result names")
    arguments = parser.parse_args()

    runs = [
        (record, read_split(images).y_true[record["image"]], read_labels(path))
        for images, record, path in zip(
            arguments.attackable, read_records(arguments.records), arguments.labels, strict=True
        )
    ]
    of_noise = [
        measure_success(record[record["attack"].isin(["none", "noise"])], y, labels)
        for record, y, labels in runs
    ]
    steady = find_steady(pd.concat(of_noise, ignore_index=True))
    of_runs = [tuple(record[["dataset", "source"]].iloc[0]) for record, _, _ in runs]
    measured = [
        measure_success(*run, steady=steady[of_run]) for run, of_run in zip(runs, of_runs, strict=True)
    ]
    by_seed = pd.concat(measured, ignore_index=True)
    chosen = choose_layers(pd.concat(read_records(arguments.disturbances), ignore_index=True))
    best = find_best_layers(by_seed)
    for layers, name in [(chosen, CHOSEN), (best, ORACLE)]:
        by_seed = add_choice(by_seed, layers, name)
    write_table(arguments.table, tabulate_success(by_seed), arguments.run)
    write_table(arguments.claims, make_claims(by_seed), arguments.run)


def read_labels(path: Path) -> dict[str, NDArray[np.int64]]:
    """Read what each network takes each image for, as `measure_success` wants it."""
    names, labels, binarised = read_arrays(path, "names", "labels", "binarised")
    of_kinds = {"label": labels, "binarised": binarised}
    return {
        f"{kind}_{name}": of_network
        for kind, of_kind in of_kinds.items()
        for name, of_network in zip(names, of_kind, strict=True)
    }


if __name__ == "__main__":
    end_in_a_sentence(main)
