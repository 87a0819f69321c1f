"""Tabulate experiment 2.2: whether poison among the neighbours grows with depth, and why.

Reads two or more trainings of the same network: of each kind of file those of all trainings, in the order of
`trainings`, and of each the files of its seeds. Writes a table of trends over the layers, one of the shares
above the base rate, one of what each layer makes of the images, and the report's claims with their tests. See
`layeraudit.report.experiment_2_2` for the columns.
"""

from typing import Any

import numpy as np
import pandas as pd

from layeraudit.cli import Input, Output, run
from layeraudit.files import open_layers
from layeraudit.report.experiment_2_2 import (
    compute_base_rate,
    describe_poison,
    make_claims,
    name_seeds,
    tabulate_base_rate,
    tabulate_depth,
    tabulate_trend,
)
from layeraudit.statistics import tabulate_claims
from layeraudit.tables import read_scores, read_table, write_table


def tabulate_experiment_2_2(
    *,
    train: list[Input],
    test: list[Input],
    occurrences: list[Input],
    records: list[Input],
    neighbours: list[Input],
    trend: Output,
    base_rate: Output,
    depth: Output,
    claims: Output,
    trainings: dict[str, Any],
    layers: list[str],
    k: int,
    as_reported: bool,
    run: str,
) -> None:
    """Write the tables and the claims.

    train : scores
    test : scores
    occurrences : of the training rows among the neighbours of held-out images
    records : of the poison
    neighbours : of the training rows
    trainings : of each its `seeds`, how many clean rows it has, `train`, and the `poison_settings`
    layers : from input to output
    as_reported : whether the first training is the report's, whose figures then stand beside ours
    """
    points, occurred, start = [], [], 0
    for training, settings in trainings.items():
        files = slice(start, start + len(settings["seeds"]))
        points.append(read_scores(test[files]).assign(training=training))
        occurred.append(read_scores(occurrences[files]).assign(training=training))
        scores = read_scores(train[files])
        for seed, (record, folder) in enumerate(zip(records[files], neighbours[files], strict=True)):
            of_seed = scores[scores["seed"] == seed]
            rows = open_layers(folder, np.int64, rows=len(of_seed))
            points.append(describe_poison(of_seed, read_table(record), rows).assign(training=training))
        start = files.stop
    evaluated = pd.concat(points, ignore_index=True)
    base_rates = {
        name: compute_base_rate(of["train"], of["poison_settings"]["points"])
        for name, of in trainings.items()
    }
    trends = tabulate_trend(evaluated, layers, k)
    write_table(trend, name_seeds(trends, {name: of["seeds"] for name, of in trainings.items()}), run)
    write_table(base_rate, tabulate_base_rate(evaluated, layers, k, base_rates), run)
    by_layer = tabulate_depth(evaluated, pd.concat(occurred, ignore_index=True), layers, k)
    write_table(depth, by_layer, run)
    made = make_claims(evaluated, layers, k, as_reported=as_reported)
    write_table(claims, tabulate_claims(made), run)


if __name__ == "__main__":
    run(tabulate_experiment_2_2)
