"""Tabulate experiment 2.1: what DkNN says of a network of ten digits with poison points in its training.

Writes the tables, the random samples that the poison points are compared with (a row a sample: `control,
statistic, seed, value`), and the report's claims with their tests. See `layeraudit.report.experiment_2_1`.
"""

import numpy as np

from layeraudit.cli import Input, Output, run
from layeraudit.files import atomic_write
from layeraudit.report.experiment_2_1 import (
    average_over_seeds,
    compare_matched_samples,
    gather_points,
    make_claims,
    measure_detectors,
    measure_groups,
    measure_recovery,
    tabulate_accuracy,
    tabulate_groups,
    tabulate_matched,
    tabulate_recovery,
)
from layeraudit.statistics import tabulate_claims
from layeraudit.tables import read_scores, write_table


def tabulate_experiment_2_1(
    *,
    train: list[Input],
    test: list[Input],
    table: Output,
    recovered: Output,
    accuracy: Output,
    matched: Output,
    samples: Output,
    detector: Output,
    claims: Output,
    seeds: list[int],
    layers: list[str],
    k: int,
    as_reported: bool,
    run: str,
) -> None:
    """Write the tables and the claims.

    train : scores, a file a seed
    test : scores, in the same order
    table : credibility and accuracy of the groups
    seeds : in that order
    layers : from input to output
    as_reported : whether the experiment is the report's, whose figures then stand beside ours
    """
    points = gather_points(read_scores(train), read_scores(test))
    points["seed"] = np.asarray(seeds)[points["seed"]]

    groups = measure_groups(points)
    recovery = measure_recovery(points)
    of_matched, drawn = compare_matched_samples(points)
    detectors = measure_detectors(points, layers, k)

    write_table(table, tabulate_groups(groups, as_reported=as_reported), run)
    write_table(recovered, tabulate_recovery(recovery, as_reported=as_reported), run)
    write_table(accuracy, tabulate_accuracy(points), run)
    write_table(matched, tabulate_matched(of_matched), run)
    with atomic_write(samples) as temporary:
        drawn.to_parquet(temporary, index=False)
    keys = ["evaluated", "among", "score", "threshold"]
    write_table(detector, average_over_seeds(detectors, keys), run)
    made = make_claims(groups, recovery, of_matched, detectors, as_reported=as_reported)
    write_table(claims, tabulate_claims(made), run)


if __name__ == "__main__":
    run(tabulate_experiment_2_1)
