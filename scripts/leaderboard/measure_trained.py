"""Measure what the networks of an experiment of the poison bench are worth before anything is removed."""

import argparse
from pathlib import Path

import numpy as np

from layeraudit.errors import end_in_a_sentence
from layeraudit.experiments import UNFILTERED
from layeraudit.files import read_split, write_rows
from layeraudit.leaderboard.filtering import COLUMNS, measure_worth
from layeraudit.networks import NETWORKS, read_network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--setting", required=True)
    parser.add_argument("--poison", required=True, help="its name")
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="folders, one a seed")
    parser.add_argument("--seeds", type=int, nargs="+", required=True, help="in the same order")
    parser.add_argument("--network", choices=NETWORKS, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    rows = []
    for run, seed in zip(arguments.runs, arguments.seeds, strict=True):
        train, test, probe = (read_split(run / f"data/{name}.npz") for name in ("train", "test", "probe"))
        network = read_network(arguments.network, run / "model.pt")
        worth = measure_worth(network, train, np.zeros(len(train), dtype=bool), test, probe)
        named = {"setting": arguments.setting, "poison": arguments.poison, "detector": UNFILTERED}
        rows.append(named | {"seed": seed} | worth)
        print(f"seed {seed}: {worth}", flush=True)
    write_rows(arguments.output, COLUMNS, rows)


if __name__ == "__main__":
    end_in_a_sentence(main)
