"""Evaluate the networks of an experiment of the poison bench, trained on all rows: a baseline for filters.

Writes a row a seed with the columns `layeraudit.leaderboard.filtering.COLUMNS`.
"""

from functools import partial
from typing import Any

import numpy as np

from layeraudit.cli import Input, Output, run
from layeraudit.experiments import UNFILTERED
from layeraudit.files import read_split, write_rows
from layeraudit.leaderboard.filtering import BATCH_SIZE, COLUMNS, evaluate_network
from layeraudit.networks import predict_array, read_network


def evaluate_networks(
    *,
    train: list[Input],
    test: list[Input],
    probe: list[Input],
    weights: list[Input],
    table: Output,
    setting: str,
    poison: str,
    seeds: list[int],
    network: dict[str, Any],
) -> None:
    """Write how accurate the network of each seed is, and how often the attack on it succeeds.

    poison : its name
    seeds : one for each file
    """
    rows = []
    for seed, path, *paths in zip(seeds, weights, train, test, probe, strict=True):
        splits = [read_split(path) for path in paths]
        model = read_network(network, path, splits[0])
        found = evaluate_network(
            partial(predict_array, model, batch_size=BATCH_SIZE),
            *splits,
            removed=np.zeros(len(splits[0]), dtype=bool),
        )
        print(f"seed {seed}: {found}", flush=True)
        rows.append({"setting": setting, "poison": poison, "detector": UNFILTERED, "seed": seed} | found)
    write_rows(table, COLUMNS, rows)


if __name__ == "__main__":
    run(evaluate_networks)
