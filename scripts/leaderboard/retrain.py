"""Remove the rows that a detector finds the most suspicious, train again, and measure what that is worth.

The network is trained as it was before, from the same seed, on the rows that are left.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from layeraudit.errors import InputError, end_in_a_sentence
from layeraudit.files import read_split, write_rows
from layeraudit.leaderboard.filtering import COLUMNS, measure_worth
from layeraudit.networks import NETWORKS
from layeraudit.leaderboard.removal import choose_removed
from layeraudit.splits import take
from layeraudit.training import train_from_seed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--setting", required=True)
    parser.add_argument("--poison", required=True, help="its name")
    parser.add_argument("--detector", required=True, help="its name")
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="folders, one a seed")
    parser.add_argument("--seeds", type=int, nargs="+", required=True, help="in the same order")
    parser.add_argument("--scores", type=Path, required=True, help="of the detector")
    parser.add_argument("--removed", type=float, required=True, help="share of the rows, at most")
    parser.add_argument("--network", choices=NETWORKS, required=True)
    parser.add_argument(
        "--pretrained", type=Path, nargs="*", default=[], help="weights to begin with, if any"
    )
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    scores = pd.read_parquet(arguments.scores, columns=["seed", "row", "score"])
    pretrained = arguments.pretrained or [None] * len(arguments.runs)
    rows = []
    for run, seed, begun in zip(arguments.runs, arguments.seeds, pretrained, strict=True):
        train, test, probe = (read_split(run / f"data/{name}.npz") for name in ("train", "test", "probe"))
        of_seed = scores[scores["seed"] == seed].sort_values("row")["score"].to_numpy()
        if len(of_seed) != len(train):
            raise InputError(
                f"{arguments.scores} has {len(of_seed)} rows of seed {seed}, "
                f"allowed are {len(train)}, those of {run / 'data/train.npz'}"
            )
        removed = choose_removed(arguments.detector, of_seed, train.is_poison, arguments.removed, seed=seed)
        network, _ = train_from_seed(
            arguments.network,
            begun,
            take(train, np.flatnonzero(~removed)),
            epochs=arguments.epochs,
            batch_size=arguments.batch_size,
            learning_rate=arguments.learning_rate,
            seed=seed,
        )
        worth = measure_worth(network, train, removed, test, probe)
        named = {"setting": arguments.setting, "poison": arguments.poison, "detector": arguments.detector}
        rows.append(named | {"seed": seed} | worth)
        print(f"seed {seed}: {worth}", flush=True)
    write_rows(arguments.output, COLUMNS, rows)


if __name__ == "__main__":
    end_in_a_sentence(main)
