"""Tabulate how Deep k-nearest neighbours fares under an attack that knows it, beside published figures.

See `layeraudit.report.adaptive` for the columns.
"""

import pandas as pd

from layeraudit.cli import Input, Output, run
from layeraudit.report.adaptive import make_claims, measure_attack, measure_clean, tabulate_attack
from layeraudit.report.dknn_against_transfer import set_threshold
from layeraudit.statistics import tabulate_claims
from layeraudit.tables import read_scores, read_table, write_table


def tabulate_adaptive(
    *,
    records: list[Input],
    scores: list[Input],
    test_scores: list[Input],
    calibration_scores: list[Input],
    table: Output,
    claims: Output,
    epsilons: list[float],
    as_published: bool,
    run: str,
) -> None:
    """Write the table, and the claims on it with their tests.

    records : of the attacks, a file a seed
    scores : of the attacked images, in the same order as all others
    epsilons : radii in L-infinity
    as_published : whether the attack is the published one, whose figures then stand beside ours
    """
    measured = []
    for record, attacked, test, calibration in zip(
        records, scores, test_scores, calibration_scores, strict=True
    ):
        threshold = set_threshold(read_scores([calibration])["credibility"].to_numpy())
        measured.append(measure_clean(read_scores([test]), threshold))
        measured.append(measure_attack(read_table(record), read_scores([attacked]), threshold))
    by_seed = pd.concat(measured, ignore_index=True)
    write_table(table, tabulate_attack(by_seed, as_published=as_published), run)
    write_table(claims, tabulate_claims(make_claims(by_seed, epsilons if as_published else [])), run)


if __name__ == "__main__":
    run(tabulate_adaptive)
