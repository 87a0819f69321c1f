"""Tabulate whether Deep k-nearest neighbours detects attacks that were made on another network.

See `layeraudit.report.dknn_against_transfer` for the columns.
"""

import pandas as pd

from layeraudit.cli import Input, Output, run
from layeraudit.report.dknn_against_transfer import make_claims, measure_detection, tabulate_detection
from layeraudit.report.transfer import CHOSEN, add_choice, choose_layers
from layeraudit.statistics import tabulate_claims
from layeraudit.tables import read_records, read_scores, read_table, write_table


def tabulate_dknn_against_transfer(
    *,
    records: list[Input],
    scores: list[Input],
    disturbances: list[Input],
    calibration_scores: list[Input],
    table: Output,
    claims: Output,
    layers: list[str],
    run: str,
) -> None:
    """Write the table, and the claims on it with their tests.

    records : of the attacks, for each run and source
    scores : of the attacked images, in the same order as all others
    disturbances : of the source's layers
    layers : from input to output
    """
    measured = [
        measure_detection(read_table(record), read_scores([attacked]), read_scores([calibration]), layers)
        for record, attacked, calibration in zip(records, scores, calibration_scores, strict=True)
    ]
    chosen = choose_layers(pd.concat(read_records(disturbances), ignore_index=True))
    by_seed = add_choice(pd.concat(measured, ignore_index=True), chosen, CHOSEN)
    write_table(table, tabulate_detection(by_seed), run)
    write_table(claims, tabulate_claims(make_claims(by_seed)), run)


if __name__ == "__main__":
    run(tabulate_dknn_against_transfer)
