"""Select the first images of a split that every network gets right: those that attacks are judged on.

An image that a network errs on anyhow would count as an attack's success.
"""

import argparse
from pathlib import Path

import torch

from layeraudit.errors import InputError, end_in_a_sentence
from layeraudit.files import read_split, write_split
from layeraudit.networks import NETWORKS, predict, read_network
from layeraudit.splits import take


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--architectures", nargs="+", choices=NETWORKS, required=True)
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="in the same order")
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    split = read_split(arguments.split)
    x, y = torch.from_numpy(split.x), torch.from_numpy(split.y_true)
    right = torch.ones(len(split), dtype=torch.bool)
    for architecture, path in zip(arguments.architectures, arguments.weights, strict=True):
        network = read_network(architecture, path)
        of_network = predict(network, x, batch_size=arguments.batch_size) == y
        right &= of_network
        print(f"{path}: right on {int(of_network.sum())} of {len(split)} images")
    rows = right.nonzero().squeeze(1)
    if len(rows) < arguments.images:
        raise InputError(
            f"{arguments.images} images are asked for, allowed are 1 to {len(rows)}, "
            f"those of {arguments.split} that every network gets right"
        )
    write_split(arguments.output, take(split, rows[: arguments.images].numpy()))
    print(f"every network is right on {len(rows)} of {len(split)} images")


if __name__ == "__main__":
    end_in_a_sentence(main)
