"""Measure experiment 2.2: what each layer makes of poison and of clean images, in several trainings.

Reads of each kind of file those of all trainings, in the order of `trainings`, and of each those of its
seeds. See `layeraudit.report.experiment_2_2` for the columns.
"""

from typing import Any

import numpy as np
import pandas as pd

from layeraudit.cli import Input, Output, run
from layeraudit.files import open_layers
from layeraudit.report.experiment_2_2 import compute_base_rate, describe_poison, measure_depth
from layeraudit.report.measures import write_measures
from layeraudit.tables import read_scores, read_table


def measure_experiment_2_2(
    *,
    train: list[Input],
    test: list[Input],
    occurrences: list[Input],
    records: list[Input],
    neighbours: list[Input],
    measures: Output,
    trainings: dict[str, Any],
    layers: list[str],
    k: int,
) -> None:
    """Write the measures of every seed.

    train : scores
    test : scores
    occurrences : of the training rows among the neighbours of held-out images
    records : of the poison
    neighbours : of the training rows
    trainings : of each its `seeds`, how many clean rows it has, `train`, and the `poison_settings`
    layers : from input to output
    """
    parts, start = [], 0
    for training, settings in trainings.items():
        files = slice(start, start + len(settings["seeds"]))
        start = files.stop
        points, scores = (
            [read_scores(test[files], settings["seeds"])],
            read_scores(train[files], settings["seeds"]),
        )
        for seed, record, folder in zip(settings["seeds"], records[files], neighbours[files], strict=True):
            of_seed = scores[scores["seed"] == seed]
            rows = open_layers(folder, np.int64, rows=len(of_seed))
            points.append(describe_poison(of_seed, read_table(record), rows))
        of_training = measure_depth(
            pd.concat(points, ignore_index=True),
            read_scores(occurrences[files], settings["seeds"]),
            layers,
            k,
            compute_base_rate(settings["train"], settings["poison_settings"]["points"]),
        )
        of_training.insert(0, "training", training)
        parts.append(of_training)
    write_measures(measures, pd.concat(parts, ignore_index=True))


if __name__ == "__main__":
    run(measure_experiment_2_2)
