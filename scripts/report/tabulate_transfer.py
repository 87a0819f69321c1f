"""Tabulate how often attacks on one network fool others, and put the claims on them to the test.

See `layeraudit.report.transfer` for the columns.
"""

import pandas as pd

from layeraudit.cli import Input, Output, run
from layeraudit.files import read_arrays, read_split
from layeraudit.report.transfer import make_claims, measure_all, tabulate_success
from layeraudit.statistics import tabulate_claims
from layeraudit.tables import read_records, write_table


def tabulate_transfer(
    *,
    attack_sets: list[Input],
    records: list[Input],
    predictions: list[Input],
    disturbances: list[Input],
    table: Output,
    claims: Output,
    run: str,
) -> None:
    """Write the table, and the claims on it with their tests.

    attack_sets : the images that are attacked, for each run and source
    records : of the attacks, in the same order as all others
    predictions : of the networks
    disturbances : of the source's layers
    """
    runs = []
    for images, record, path in zip(attack_sets, read_records(records), predictions, strict=True):
        names, *arrays = read_arrays(path, "names", "labels", "binarised")
        labels = {
            f"{kind}_{name}": of_network
            for kind, of_kind in zip(("label", "binarised"), arrays, strict=True)
            for name, of_network in zip(names, of_kind, strict=True)
        }
        runs.append((record, read_split(images).y_true[record["image"]], labels))
    by_seed = measure_all(runs, pd.concat(read_records(disturbances), ignore_index=True))
    write_table(table, tabulate_success(by_seed), run)
    write_table(claims, tabulate_claims(make_claims(by_seed)), run)


if __name__ == "__main__":
    run(tabulate_transfer)
