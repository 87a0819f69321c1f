"""Tabulate experiment 2.2: whether poison among the neighbours grows with depth, and why.

Reads two or more trainings of the same network: options that take files are given once for each, in the
order of `--trainings`, and take the files of its seeds in one order. Writes a table of trends over the
layers, one of the shares above the base rate, one of what each layer makes of the images, and the report's
claims. See `layeraudit.tables.experiment_2_2` for the columns.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import open_matrix
from layeraudit.statistics import tabulate_claims
from layeraudit.tables import read_scores, write_table
from layeraudit.tables.experiment_2_2 import (
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
    parser.add_argument("--trainings", nargs="+", required=True, help="their names")
    parser.add_argument(
        "--seeds", type=int, nargs="+", action="append", required=True, help="in the order of the files"
    )
    files = {"type": Path, "nargs": "+", "action": "append", "required": True}
    parser.add_argument("--train", **files, help="scores, a file a seed")
    parser.add_argument("--test", **files, help="scores, a file a seed")
    parser.add_argument("--occurrences", **files, help="of the held-out images, a file a seed")
    parser.add_argument("--records", **files, help="of the poison, a file a seed")
    parser.add_argument(
        "--neighbours", **files, help="of the training split: {layer}.npy for each layer of each seed"
    )
    parser.add_argument("--layers", nargs="+", required=True, help="from input to output")
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--poison", type=int, nargs="+", required=True, help="points, of each training")
    parser.add_argument("--clean", type=int, nargs="+", required=True, help="images, of each training")
    parser.add_argument("--as-reported", action="store_true", help="set the report's figures beside ours")
    parser.add_argument("--output-trend", type=Path, required=True)
    parser.add_argument("--output-base-rate", type=Path, required=True)
    parser.add_argument("--output-depth", type=Path, required=True)
    parser.add_argument("--output-claims", type=Path, required=True)
    arguments = parser.parse_args()
    layers, k = arguments.layers, arguments.k

    points, occurrences = [], []
    for place, training in enumerate(arguments.trainings):
        points.append(read_scores(arguments.test[place]).assign(training=training))
        occurrences.append(read_scores(arguments.occurrences[place]).assign(training=training))
        for seed, scores in read_scores(arguments.train[place]).groupby("seed"):
            paths = arguments.neighbours[place][seed * len(layers) : (seed + 1) * len(layers)]
            neighbours = {path.stem: open_matrix(path, np.int64, rows=len(scores)) for path in paths}
            record = pd.read_csv(arguments.records[place][seed])
            points.append(describe_poison(scores, record, neighbours).assign(training=training))
    evaluated = pd.concat(points, ignore_index=True)
    base_rates = {
        training: 100 * poison / (clean + poison)
        for training, poison, clean in zip(
            arguments.trainings, arguments.poison, arguments.clean, strict=True
        )
    }
    trend = tabulate_trend(evaluated, layers, k)
    write_table(
        arguments.output_trend,
        name_seeds(trend, dict(zip(arguments.trainings, arguments.seeds, strict=True))),
    )
    write_table(arguments.output_base_rate, tabulate_base_rate(evaluated, layers, k, base_rates))
    write_table(
        arguments.output_depth,
        tabulate_depth(evaluated, pd.concat(occurrences, ignore_index=True), layers, k),
    )
    claims = make_claims(evaluated, layers, k, as_reported=arguments.as_reported)
    write_table(arguments.output_claims, tabulate_claims(claims))


if __name__ == "__main__":
    end_in_a_sentence(main)
