"""Tabulate experiment 2.2: whether poison among the neighbours grows with depth, and why.

Reads two or more trainings of the same network: options that take files are given once for each, in the
order of `--trainings`, and take the files of its seeds in one order. Writes a table of trends over the
layers, one of the shares above the base rate, one of what each layer makes of the images, and the report's
claims. See `layeraudit.report.experiment_2_2` for the columns.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import open_matrix
from layeraudit.statistics import tabulate_claims
from layeraudit.tables import read_scores, write_table
from layeraudit.report.experiment_2_2 import (
    describe_poison,
    make_claims,
    tabulate_base_rate,
    tabulate_depth,
    tabulate_trend,
)


def name_seeds(table: pd.DataFrame, seeds: Mapping[str, Sequence[int]]) -> pd.DataFrame:
    """Give each seed the number that it has in the configuration.

    Until then it is a place among the files of a training, by which trainings are paired.
    """
    names = [
        seed if seed == "all" else seeds[training][seed]
        for training, seed in zip(table["training"], table["seed"], strict=True)
    ]
    return table.assign(seed=names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--trainings",
        type=json.loads,
        required=True,
        help="for each its seeds, poison points and clean images (train), as JSON",
    )
    files = {"type": Path, "nargs": "+", "required": True}
    parser.add_argument("--train", **files, help="scores, a file a seed, training by training")
    parser.add_argument("--test", **files, help="scores, in the same order")
    parser.add_argument("--occurrences", **files, help="of the held-out images, in the same order")
    parser.add_argument("--records", **files, help="of the poison, in the same order")
    parser.add_argument("--neighbours", **files, help="of the training split: {layer}.npy, layer by layer")
    parser.add_argument("--layers", nargs="+", required=True, help="from input to output")
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--as-reported", action="store_true", help="set the report's figures beside ours")
    parser.add_argument("--output-trend", type=Path, required=True)
    parser.add_argument("--output-base-rate", type=Path, required=True)
    parser.add_argument("--output-depth", type=Path, required=True)
    parser.add_argument("--output-claims", type=Path, required=True)
    parser.add_argument("--run", required=True, help="settings of the run, which the result names")
    arguments = parser.parse_args()
    layers, k = arguments.layers, arguments.k

    points, occurrences, place = [], [], 0
    for training, settings in arguments.trainings.items():
        files = slice(place, place + len(settings["seeds"]))
        points.append(read_scores(arguments.test[files]).assign(training=training))
        occurrences.append(read_scores(arguments.occurrences[files]).assign(training=training))
        for seed, scores in read_scores(arguments.train[files]).groupby("seed"):
            paths = arguments.neighbours[(place + seed) * len(layers) : (place + seed + 1) * len(layers)]
            neighbours = {path.stem: open_matrix(path, np.int64, rows=len(scores)) for path in paths}
            record = pd.read_csv(arguments.records[place + seed])
            points.append(describe_poison(scores, record, neighbours).assign(training=training))
        place = files.stop
    evaluated = pd.concat(points, ignore_index=True)
    base_rates = {
        training: 100 * settings["poison"] / (settings["train"] + settings["poison"])
        for training, settings in arguments.trainings.items()
    }
    trend = tabulate_trend(evaluated, layers, k)
    write_table(
        arguments.output_trend,
        name_seeds(trend, {name: settings["seeds"] for name, settings in arguments.trainings.items()}),
        arguments.run,
    )
    write_table(
        arguments.output_base_rate, tabulate_base_rate(evaluated, layers, k, base_rates), arguments.run
    )
    write_table(
        arguments.output_depth,
        tabulate_depth(evaluated, pd.concat(occurrences, ignore_index=True), layers, k),
        arguments.run,
    )
    claims = make_claims(evaluated, layers, k, as_reported=arguments.as_reported)
    write_table(arguments.output_claims, tabulate_claims(claims), arguments.run)


if __name__ == "__main__":
    end_in_a_sentence(main)
