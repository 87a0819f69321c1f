"""Measure whether Deep k-nearest neighbours detects attacks that were made on another network.

See `layeraudit.report.dknn_against_transfer` for the columns.
"""

import pandas as pd

from layeraudit.cli import Input, Output, run
from layeraudit.report.dknn_against_transfer import measure_detection
from layeraudit.report.measures import write_measures
from layeraudit.report.transfer import CHOSEN, add_choice, choose_layers
from layeraudit.tables import read_parquet, read_records


def measure_dknn_against_transfer(
    *,
    records: list[Input],
    scores: list[Input],
    disturbances: list[Input],
    calibration_scores: list[Input],
    measures: Output,
    layers: list[str],
) -> None:
    """Write the measures of every seed.

    records : of the attacks, for each run and source
    scores : of the attacked images, in the same order as all others
    disturbances : of the source's layers
    layers : from input to output
    """
    measured = [
        measure_detection(record, read_parquet(attacked), read_parquet(calibration), layers)
        for record, attacked, calibration in zip(
            read_records(records), scores, calibration_scores, strict=True
        )
    ]
    chosen = choose_layers(pd.concat(read_records(disturbances), ignore_index=True))
    by_seed = add_choice(pd.concat(measured, ignore_index=True), chosen, CHOSEN)
    write_measures(measures, by_seed.drop(columns="dataset"))


if __name__ == "__main__":
    run(measure_dknn_against_transfer)
