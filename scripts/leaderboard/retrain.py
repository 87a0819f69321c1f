"""Remove the training rows that a detector suspects most, train again, and evaluate the network.

The network is trained as before, from the same seed, on the remaining rows. Writes a row a seed with the
columns `layeraudit.leaderboard.filtering.COLUMNS`.
"""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from layeraudit.cli import Input, Output, run
from layeraudit.files import read_split, write_rows
from layeraudit.leaderboard.filtering import BATCH_SIZE, COLUMNS, choose_removed, evaluate_network
from layeraudit.networks import predict_array
from layeraudit.splits import take
from layeraudit.training import train_from_seed


def retrain(
    *,
    scores: Input,
    train: list[Input],
    test: list[Input],
    probe: list[Input],
    pretrained: list[Input],
    table: Output,
    setting: str,
    poison: str,
    detector: str,
    seeds: list[int],
    share: float,
    network: dict[str, Any],
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> None:
    """Write how accurate the network of each seed is, and how often the attack on it succeeds.

    pretrained : weights to begin with, one for each seed or none
    poison : its name
    detector : its name
    seeds : one for each file
    share : of the rows, which are removed at most
    """
    suspicion = pd.read_parquet(scores, columns=["seed", "row", "score"]).sort_values("row")
    rows = []
    for number, (seed, *paths) in enumerate(zip(seeds, train, test, probe, strict=True)):
        splits = [read_split(path) for path in paths]
        removed = choose_removed(
            detector,
            suspicion.loc[suspicion["seed"] == seed, "score"].to_numpy(),
            splits[0].is_poison,
            share,
            seed=seed,
        )
        model, _ = train_from_seed(
            network,
            pretrained[number] if pretrained else None,
            take(splits[0], np.flatnonzero(~removed)),
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            seed=seed,
        )
        found = evaluate_network(
            partial(predict_array, model, batch_size=BATCH_SIZE),
            *splits,
            removed=removed,
        )
        print(f"seed {seed}: {found}", flush=True)
        rows.append({"setting": setting, "poison": poison, "detector": detector, "seed": seed} | found)
    write_rows(table, COLUMNS, rows)


if __name__ == "__main__":
    run(retrain)
