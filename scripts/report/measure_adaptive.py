"""Measure how Deep k-nearest neighbours fares under an attack that knows it.

See `layeraudit.report.adaptive` for the columns.
"""

import pandas as pd

from layeraudit.cli import Input, Output, run
from layeraudit.report.adaptive import measure_attack, measure_clean
from layeraudit.report.dknn_against_transfer import set_threshold
from layeraudit.report.measures import write_measures
from layeraudit.tables import read_parquet, read_table


def measure_adaptive(
    *,
    records: list[Input],
    scores: list[Input],
    test_scores: list[Input],
    calibration_scores: list[Input],
    measures: Output,
    seeds: list[int],
) -> None:
    """Write the measures of every seed.

    records : of the attacks, a file a seed
    scores : of the attacked images, in the same order as all others
    """
    parts = []
    for seed, record, attacked, test, calibration in zip(
        seeds, records, scores, test_scores, calibration_scores, strict=True
    ):
        threshold = set_threshold(read_parquet(calibration)["credibility"].to_numpy())
        of_clean = measure_clean(read_parquet(test), threshold)
        of_attack = measure_attack(read_table(record), read_parquet(attacked), threshold)
        parts += [of_clean.assign(seed=seed), of_attack.assign(seed=seed)]
    write_measures(measures, pd.concat(parts))


if __name__ == "__main__":
    run(measure_adaptive)
